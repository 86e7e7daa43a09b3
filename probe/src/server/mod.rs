//! Where tracers connect.
//!
//! The server has a thread of its own and tells a [`Handler`] on it: who connects, what happened,
//! in order and once. It trusts no peer: everything that one sends has limits, and a peer that
//! breaks the protocol loses its connection and nothing else. What a tracer is known to have
//! delivered survives its connection, so that what it sends again after a reconnection is not
//! handled twice.

mod connection;
mod counters;
mod hub;
mod listen;
mod peer;

use std::cell::RefCell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sentrace_schema::address::Address;
use sentrace_schema::wire::{Event, Heartbeat, Hello, Interest};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

pub use counters::Counters;
use counters::Shared;
use hub::Hub;
use listen::Listener;
pub use peer::Peer;

/// A tracer, by the number that it chose for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TracerId(pub u64);

impl fmt::Display for TracerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Whom the server tells. Time spent here is time in which nothing is received.
pub trait Handler: Send {
    /// A tracer has connected, for the first time or again. Its token, which is not told, is the
    /// right one. Answers what the tracer is to report.
    ///
    /// # Errors
    /// The tracer is turned away, with this reason.
    fn hello(&mut self, tracer: TracerId, hello: &Hello, peer: &Peer) -> Result<Interest, String>;

    /// Events of a tracer, in the order of their sequence numbers, each once. They are
    /// acknowledged when this returns.
    fn events(&mut self, tracer: TracerId, events: Vec<Event>);

    /// Counters of a tracer.
    fn heartbeat(&mut self, tracer: TracerId, heartbeat: Heartbeat);

    /// Nothing more comes of a tracer: it said goodbye, or has been away for
    /// [`Limits::absence`], or had to make room for others.
    fn gone(&mut self, tracer: TracerId);
}

/// Where to listen, and for whom.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen.
    pub listen: Address,
    /// Permission bits of a Unix socket: who may write to it may connect.
    pub mode: u32,
    /// Listen on addresses that other machines reach, too. Nothing is encrypted.
    pub insecure: bool,
    /// What tracers have to know; not empty.
    pub token: Option<Vec<u8>>,
    /// Bounds in space and time.
    pub limits: Limits,
}

impl ServerConfig {
    /// Listens at an address, for everybody on this machine (TCP) or this user (Unix socket).
    #[must_use]
    pub fn new(listen: Address) -> Self {
        Self { listen, mode: 0o600, insecure: false, token: None, limits: Limits::default() }
    }
}

/// Bounds in space and time. A connection takes at most about two frames
/// ([`MAX_FRAME`](sentrace_schema::frame::MAX_FRAME)) of memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Tracers whose state is kept, the absent ones included.
    pub tracers: usize,
    /// How long a peer may take to say hello, or to take an answer.
    pub answer: Duration,
    /// How long a tracer may say nothing; it sends heartbeats more often.
    pub idle: Duration,
    /// How long the state of a tracer is kept that has lost its connection.
    pub absence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            tracers: 1024,
            answer: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            absence: Duration::from_secs(120),
        }
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: Address,
    counters: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts to listen.
///
/// # Errors
/// The address cannot be listened on, or must not be.
pub fn start(config: ServerConfig, handler: impl Handler + 'static) -> io::Result<Server> {
    if config.token.as_ref().is_some_and(Vec::is_empty) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the token is empty"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        Listener::open(&config)?
    };
    let address = listener.address()?;
    let counters = Arc::new(Shared::default());
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::clone(&counters);
    let thread = std::thread::Builder::new().name("server".into()).spawn(move || {
        let hub = Rc::new(RefCell::new(Hub::new(config, Box::new(handler), shared)));
        LocalSet::new().block_on(&runtime, serve(listener, hub, stopped));
    })?;
    tracing::info!(%address, "listening");
    Ok(Server { address, counters, stop, thread: Some(thread) })
}

impl Server {
    /// Where it listens; the port is the real one.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.get()
    }

    /// Acknowledges what has been handled and ends all connections; takes a second at most, and
    /// the time that the handler takes for what it is handling. Events that have not been handled
    /// are kept by their tracers.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How long peers may take to end their side of a connection.
const PARTING: Duration = Duration::from_secs(1);
/// Pause after the system could not give a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts connections until the server is stopped.
async fn serve(listener: Listener, hub: Rc<RefCell<Hub>>, stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let mut connections = JoinSet::new();
    let mut clean = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if hub.borrow_mut().admits(connections.len(), &peer) {
                        connections.spawn_local(connection::serve(
                            stream, peer, Rc::clone(&hub), stop.clone(),
                        ));
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = clean.tick() => hub.borrow_mut().forget(Instant::now()),
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    drop(listener);
    let all_gone = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(PARTING, all_gone).await;
}
