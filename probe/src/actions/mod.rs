//! What rules do to processes, besides alerting: `kill`, within the bounds that the configuration
//! sets ([`Enforcement`]).

mod disarm;
mod kill;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use sentrace_tracer::resolve::Resolver;

pub use self::kill::{KillReport, Status};

use self::disarm::Disarmer;
use crate::config::Enforcement;
use crate::tree::{Entry, Tree};

/// Does what rules ask for.
#[derive(Debug)]
pub struct Actions {
    enforcement: Enforcement,
    /// `None`: nobody here can look at processes.
    resolver: Option<Resolver>,
    /// Inode of our pid namespace, 0 when unknown.
    pid_namespace: u64,
    /// Ourselves and who started us: they get no signals.
    spared: Vec<i32>,
    guards: HashMap<String, Guards>,
}

/// What one rule has done.
#[derive(Debug, Default)]
struct Guards {
    containers: Disarmer,
    executables: Disarmer,
}

/// A match, as far as actions have to know it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Id of the rule.
    pub rule: &'a str,
    /// The process of the event.
    pub entry: &'a Arc<Entry>,
    /// The processes of its tracer.
    pub tree: &'a Tree,
    /// Inode of the pid namespace in which their pids are meant; 0 when unknown.
    pub pid_namespace: u64,
    /// User id of the tracer, if that is known: unless it is root, it speaks for no other user's
    /// processes.
    pub uid: Option<u32>,
    /// When the rule matched, in ns since the epoch.
    pub detected: u64,
}

impl Actions {
    /// Acts within these bounds.
    pub fn new(enforcement: Enforcement) -> Self {
        let resolver = Resolver::new().ok();
        let spared = resolver.as_ref().map(lineage).unwrap_or_default();
        let (pid_namespace, guards) = (pid_namespace(), HashMap::new());
        Self { enforcement, resolver, pid_namespace, spared, guards }
    }
}

impl Default for Actions {
    fn default() -> Self {
        Self::new(Enforcement::default())
    }
}

/// Inode of our pid namespace, 0 when unknown.
pub fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino())
}

/// This process and its ancestors.
fn lineage(resolver: &Resolver) -> Vec<i32> {
    /// More than that deep is no process.
    const DEPTH_MAX: usize = 1024;
    let own = std::process::id().cast_signed();
    let parent = |pid: &i32| resolver.process(*pid).map(|process| process.ppid);
    let living = |pid: &i32| *pid > 0;
    std::iter::successors(Some(own), |pid| parent(pid).filter(living)).take(DEPTH_MAX).collect()
}
