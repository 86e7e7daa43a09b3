//! Attaches to processes that run already, and lets them go.
//!
//! Without a seccomp filter every call of every thread stops, so a process runs slower by far
//! than one that was launched. It is left as it was when the tracer leaves: by a signal, a failure
//! or `SIGKILL`.

mod orders;
pub(crate) mod processes;
mod refusal;
mod targets;

use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

pub(crate) use self::orders::Orders;
pub use self::refusal::Refusal;
pub use self::targets::Targets;
use crate::engine::Observer;
use crate::ptrace::Engine;
use crate::sys::attention::Requests;

/// How often processes are looked through for new targets.
const INTERVAL: Duration = Duration::from_millis(200);
/// The longest such interval: targets are to be found within a second.
const INTERVAL_MAX: Duration = Duration::from_millis(800);
/// How often the engine is called until it has taken its orders.
const AGAIN: Duration = Duration::from_millis(10);
/// How many times the looking itself fits into an interval.
const SHARE: u32 = 50;

/// How long to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Until the targets, and all that they made, have ended.
    Once,
    /// Until the tracer is told to leave: targets are also those that begin later.
    Forever,
}

/// Processes to attach to.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Which.
    pub targets: Targets,
    /// How long.
    pub follow: Follow,
}

/// Why nothing was watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// No process is a target.
    #[error("no process has that program or name; --follow waits for one")]
    Nobody,
    /// None of the targets can be watched; why not is said of the last.
    #[error("process {0} cannot be watched: {1}")]
    Refused(i32, Refusal),
    /// The system lacks a resource.
    #[error("cannot watch processes: {}", .0.desc())]
    System(Errno),
    /// The tracer failed. The processes run on.
    #[error("the tracer has failed; the processes run on unobserved")]
    Failed,
}

impl Attach {
    /// Watches, telling `observer` on a thread of its own, until it is over or this process gets
    /// SIGHUP, SIGINT, SIGQUIT or SIGTERM. Then the processes that are left run on as they did
    /// before.
    ///
    /// Targets that cannot be watched are logged, unless there is no other.
    ///
    /// # Errors
    /// Nothing was watched, or the tracer failed.
    pub fn run(&self, observer: &mut (dyn Observer + Send)) -> Result<(), AttachError> {
        let requests = Requests::take().map_err(AttachError::System)?;
        let first = self.targets.now();
        if first.is_empty() && self.follow == Follow::Once {
            return Err(AttachError::Nobody);
        }
        let orders = Orders::new(first, self.follow);
        let ended = thread::scope(|scope| {
            let engine = thread::Builder::new().name("engine".into()).spawn_scoped(scope, || {
                // Dropped at the end, also of a thread that panics.
                let _end = orders.end_with_me();
                Engine::attached(observer).map_err(AttachError::System)?.attend(&orders)
            });
            let engine = engine.map_err(|_| AttachError::System(Errno::EAGAIN))?;
            self.give_orders(&requests, &orders);
            engine.join().unwrap_or(Err(AttachError::Failed))
        });
        ended?;
        orders.outcome()
    }

    /// Tells the engine what there is to do, until it has ended.
    fn give_orders(&self, requests: &Requests, orders: &Orders) {
        let mut interval = INTERVAL;
        while !orders.have_ended() {
            let wait = if orders.wait_to_be_taken() { AGAIN } else { interval };
            let is_request = requests.wait(wait);
            if orders.have_ended() {
                break;
            }
            if is_request {
                orders.leave();
            } else if self.follow == Follow::Forever {
                let begin = Instant::now();
                orders.add(self.targets.running());
                interval = (begin.elapsed() * SHARE).clamp(INTERVAL, INTERVAL_MAX);
            }
            orders.call();
        }
    }
}
