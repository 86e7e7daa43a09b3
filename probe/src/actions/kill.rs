//! The action `kill`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::target::{Missed, Target};

use super::{Actions, Case};
use crate::pipeline::now;
use crate::rules::{Kill, KillScope};
use crate::tree::Entry;

/// How long the report of a SIGKILL waits for the end of the process.
const END_WAIT: Duration = Duration::from_millis(20);

/// What became of a `kill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillReport {
    /// Number of the signal.
    pub signal: i32,
    /// Whom it was meant for.
    pub scope: KillScope,
    /// Whether they got it.
    pub status: Status,
    /// Why they, or some of them, did not; empty otherwise.
    pub reason: String,
    /// When the process of the event became what it is, in ns since the epoch.
    pub created_at: u64,
    /// When the rule matched.
    pub detected_at: u64,
    /// When the first signal was sent.
    pub killed_at: Option<u64>,
    /// When the process of the event was seen to have ended; `None`: it is not known.
    pub exited_at: Option<u64>,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All got it.
    Performed,
    /// Some got it.
    PartiallyPerformed,
    /// Nobody got it.
    Error,
    /// It would have been sent, but this is a dry run.
    Aborted,
    /// The rule has killed in too many containers.
    DisarmedByContainers,
    /// The rule has killed too many executables.
    DisarmedByExecutables,
}

impl KillReport {
    /// Name of the signal.
    pub fn signal_name(&self) -> &'static str {
        Signal::try_from(self.signal).map_or("", Signal::as_str)
    }
}

impl fmt::Display for KillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (signal, scope) = (self.signal_name(), self.scope.name());
        write!(f, "{signal} to the {scope}: {}", self.status.name())?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}

impl Status {
    /// As the reference calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Performed => "performed",
            Self::PartiallyPerformed => "partially_performed",
            Self::Error => "error",
            Self::Aborted => "kill_aborted",
            Self::DisarmedByContainers | Self::DisarmedByExecutables => "rule_disarmed",
        }
    }

    /// What disarmed the rule, if anything.
    pub fn disarmer(self) -> Option<&'static str> {
        match self {
            Self::DisarmedByContainers => Some("container"),
            Self::DisarmedByExecutables => Some("executable"),
            _ => None,
        }
    }
}

impl Actions {
    /// Sends a signal, if the rule may, to those of its scope that may get one.
    pub fn kill(&mut self, kill: &Kill, case: Case<'_>) -> KillReport {
        let process = case.entry.process();
        let mut report = KillReport {
            signal: kill.signal,
            scope: kill.scope,
            status: Status::Error,
            reason: String::new(),
            created_at: process.rest().created_at.max(0).cast_unsigned(),
            detected_at: case.detected,
            killed_at: None,
            exited_at: None,
        };
        match self.attempt(kill, case, &mut report) {
            Ok(status) => report.status = status,
            Err(reason) => report.reason = reason.into(),
        }
        report
    }

    fn attempt(
        &mut self,
        kill: &Kill,
        case: Case<'_>,
        report: &mut KillReport,
    ) -> Result<Status, &'static str> {
        let enforcement = &self.enforcement;
        if !enforcement.enabled {
            return Err("enforcement is off");
        }
        if !enforcement.rule_source_allowed.iter().any(|source| source == "file") {
            return Err("rules of files may not kill");
        }
        if case.pid_namespace == 0 || case.pid_namespace != self.pid_namespace {
            return Err("the processes are in another pid namespace");
        }
        let signal = Signal::try_from(kill.signal).map_err(|_| "there is no such signal")?;
        let targets = targets(kill.scope, case)?;
        if let Some(status) = self.disarmed(kill, case) {
            return Ok(status);
        }
        if self.enforcement.dry_run {
            report.reason = "dry run".into();
            return Ok(Status::Aborted);
        }
        let resolver = self.resolver.as_ref().ok_or("there is no usable procfs")?;
        let sent = self.send(resolver, signal, &targets, case);
        report.killed_at = (sent.count > 0).then_some(sent.at);
        if let Some(missed) = sent.missed {
            report.reason = missed;
        }
        if let Some(target) = sent.own.filter(|_| signal == Signal::SIGKILL)
            && target.ends_within(END_WAIT)
        {
            report.exited_at = Some(now());
        }
        Ok(match sent.count {
            0 => Status::Error,
            count if count == targets.len() => Status::Performed,
            _ => Status::PartiallyPerformed,
        })
    }

    /// Why the rule may not kill any more, if so.
    fn disarmed(&mut self, kill: &Kill, case: Case<'_>) -> Option<Status> {
        let process = case.entry.process();
        let guards = self.guards.entry(case.rule.to_owned()).or_default();
        let bounds = &self.enforcement.disarmer;
        let container = &process.rest().container.id;
        if !kill.disable_container_disarmer
            && !container.is_empty()
            && !guards.containers.admits(container, &bounds.container, case.detected)
        {
            return Some(Status::DisarmedByContainers);
        }
        let executable = &process.image().file.path;
        if !kill.disable_executable_disarmer
            && !guards.executables.admits(executable, &bounds.executable, case.detected)
        {
            return Some(Status::DisarmedByExecutables);
        }
        None
    }

    /// Sends the signal to all of `targets`.
    fn send(
        &self,
        resolver: &Resolver,
        signal: Signal,
        targets: &[Arc<Entry>],
        case: Case<'_>,
    ) -> Sent {
        let mut sent = Sent { at: now(), ..Sent::default() };
        for entry in targets {
            match self.send_one(resolver, signal, entry, case.uid) {
                Ok(target) => {
                    sent.count += 1;
                    if Arc::ptr_eq(entry, case.entry) {
                        sent.own = Some(target);
                    }
                }
                Err(reason) => sent.missed = Some(reason),
            }
        }
        sent
    }

    fn send_one(
        &self,
        resolver: &Resolver,
        signal: Signal,
        entry: &Entry,
        tracer: Option<u32>,
    ) -> Result<Target, String> {
        let process = entry.process();
        let pid = i32::try_from(process.rest().pid).unwrap_or_default();
        if pid <= 1 || self.spared.contains(&pid) {
            return Err(format!("process {pid} is never killed"));
        }
        let path = &process.image().file.path;
        if self.enforcement.exclude_binaries.iter().any(|binary| binary.as_bytes() == path) {
            return Err(format!("process {pid} runs a program that is excluded"));
        }
        if entry.ended().is_some() {
            return Err(format!("process {pid}: {}", Missed::Ended));
        }
        if let Some(uid) = tracer.filter(|uid| *uid != 0)
            && resolver.credentials(pid).is_some_and(|ids| ids.user.number != uid)
        {
            return Err(format!("process {pid} is not of the tracer's user"));
        }
        let sent = resolver.signal(pid, entry.touched(), signal);
        sent.map_err(|missed| format!("process {pid}: {missed}"))
    }
}

#[derive(Default)]
struct Sent {
    at: u64,
    count: usize,
    /// The process of the event, if it got one.
    own: Option<Target>,
    /// Why the last one got nothing that did not.
    missed: Option<String>,
}

/// Who is in the scope.
fn targets(scope: KillScope, case: Case<'_>) -> Result<Vec<Arc<Entry>>, &'static str> {
    let mut targets = vec![case.entry.clone()];
    let group: fn(&Entry) -> Vec<u8> = match scope {
        KillScope::Process => return Ok(targets),
        KillScope::Container => |entry| entry.process().rest().container.id.clone(),
        KillScope::Cgroup => |entry| entry.process().rest().cgroup.id.clone(),
    };
    let id = group(case.entry);
    if id.is_empty() {
        return Err("the process is in none that is known");
    }
    // An ended process is not missed among others.
    if case.entry.ended().is_some() {
        targets.clear();
    }
    let others = case.tree.living();
    let others = others.filter(|entry| !Arc::ptr_eq(entry, case.entry) && group(entry) == id);
    targets.extend(others.cloned());
    Ok(targets)
}
