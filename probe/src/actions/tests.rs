use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use sentrace_schema::wire::{Event, Header};
use sentrace_schema::{Payload, events, groups};

use super::*;
use crate::rules::{Kill, KillScope};

/// A process that waits, and ends with the test.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().expect("sleep(1)"))
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().expect("our child").is_none()
    }

    /// Waits for its end: the signal that ended it.
    fn ended_by(&mut self) -> Option<i32> {
        self.0.wait().expect("an end").signal()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970");
    now.as_nanos().try_into().expect("before 2554")
}

fn header(pid: i32, timestamp: u64) -> Header {
    Header { pid, tid: pid, timestamp, ..Header::default() }
}

/// Tells the tree that a process executed a program in a container.
fn exec(tree: &mut Tree, pid: i32, path: &str, container: &str, at: u64) -> Arc<Entry> {
    let process = groups::Process {
        pid: pid.into(),
        created_at: at.cast_signed(),
        file: groups::File { path: path.into(), ..groups::File::default() },
        container: groups::Container { id: container.into(), ..groups::Container::default() },
        ..groups::Process::default()
    };
    let payload = Payload::Exec(events::Exec { process, syscall_path: path.into() }.into());
    tree.apply(&Event { header: header(pid, at), payload })
}

const KILL: Kill = Kill {
    signal: Signal::SIGTERM as i32,
    scope: KillScope::Process,
    disable_container_disarmer: false,
    disable_executable_disarmer: false,
};

fn case<'a>(tree: &'a Tree, entry: &'a Arc<Entry>) -> Case<'a> {
    Case { rule: "r", entry, tree, pid_namespace: pid_namespace(), uid: None, detected: now() }
}

#[test]
fn the_process_of_the_event_gets_the_signal() {
    let (mut one, mut other) = (Sleeper::start(), Sleeper::start());
    let mut tree = Tree::default();
    let entry = exec(&mut tree, one.pid(), "/bin/sleep", "", now());
    exec(&mut tree, other.pid(), "/bin/sleep", "", now());
    let mut actions = Actions::default();
    let report = actions.kill(&KILL, case(&tree, &entry));
    assert_eq!((report.status, report.reason.as_str()), (Status::Performed, ""));
    assert!(report.killed_at >= Some(report.detected_at));
    assert_eq!(one.ended_by(), Some(Signal::SIGTERM as i32));
    assert!(other.lives());
    // Its pid is nobody's any more.
    let report = actions.kill(&KILL, case(&tree, &entry));
    assert_eq!((report.status, report.killed_at), (Status::Error, None));
    assert!(report.reason.ends_with("the process has ended"), "{}", report.reason);
}

#[test]
fn all_processes_of_a_container_get_it() {
    let mut sleepers = [(); 4].map(|()| Sleeper::start());
    let mut tree = Tree::default();
    for (sleeper, container) in sleepers.iter().zip(["a", "a", "b", ""]) {
        exec(&mut tree, sleeper.pid(), "/bin/sleep", container, now());
    }
    let entry = tree.get(sleepers[1].pid()).expect("known").clone();
    let kill = Kill { scope: KillScope::Container, ..KILL };
    let mut actions = Actions::default();
    assert_eq!(actions.kill(&kill, case(&tree, &entry)).status, Status::Performed);
    let [first, second, others @ ..] = &mut sleepers;
    assert_eq!(first.ended_by(), Some(Signal::SIGTERM as i32));
    assert_eq!(second.ended_by(), Some(Signal::SIGTERM as i32));
    assert!(others.iter_mut().all(Sleeper::lives));
    let outside = tree.get(others[1].pid()).expect("known").clone();
    let report = actions.kill(&kill, case(&tree, &outside));
    assert_eq!((report.status, report.killed_at), (Status::Error, None));
}

#[test]
fn who_gets_no_signal() {
    let mut sleeper = Sleeper::start();
    let mut tree = Tree::default();
    let pid = sleeper.pid();
    let entry = exec(&mut tree, pid, "/bin/sleep", "", now());
    let refused = |enforcement: Enforcement, case: Case<'_>, reason: &str| {
        let report = Actions::new(enforcement).kill(&KILL, case);
        assert!(report.killed_at.is_none() && report.reason.contains(reason), "{report}");
        report.status
    };
    let bounds = Enforcement::default;
    let good = case(&tree, &entry);
    let off = Enforcement { enabled: false, ..bounds() };
    assert_eq!(refused(off, good, "enforcement is off"), Status::Error);
    let remote = Enforcement { rule_source_allowed: vec!["remote-config".into()], ..bounds() };
    assert_eq!(refused(remote, good, "may not kill"), Status::Error);
    let excluded = Enforcement { exclude_binaries: vec!["/bin/sleep".into()], ..bounds() };
    assert_eq!(refused(excluded, good, "excluded"), Status::Error);
    let dry = Enforcement { dry_run: true, ..bounds() };
    assert_eq!(refused(dry, good, "dry run"), Status::Aborted);
    for pid_namespace in [0, 1] {
        let elsewhere = Case { pid_namespace, ..good };
        assert_eq!(refused(bounds(), elsewhere, "another pid namespace"), Status::Error);
    }
    let other = nix::unistd::getuid().as_raw() + 1;
    let stranger = Case { uid: Some(other), ..good };
    assert_eq!(refused(bounds(), stranger, "not of the tracer's user"), Status::Error);
    // The same pid, long before the process was made.
    let mut before = Tree::default();
    let entry = exec(&mut before, pid, "/bin/sleep", "", now() - 60_000_000_000);
    let reason = "its pid belongs to another";
    assert_eq!(refused(bounds(), case(&before, &entry), reason), Status::Error);
    let own = std::process::id().cast_signed();
    for pid in [1, own, nix::unistd::getppid().as_raw()] {
        let entry = exec(&mut before, pid, "/bin/x", "", now());
        assert_eq!(refused(bounds(), case(&before, &entry), "never killed"), Status::Error);
    }
    assert!(sleeper.lives());
}

#[test]
fn rules_are_disarmed_one_by_one() {
    let mut tree = Tree::default();
    let mut actions = Actions::new(Enforcement { dry_run: true, ..Enforcement::default() });
    let mut kill = |rule, path: &str, container: &str, kill: &Kill| {
        let entry = exec(&mut tree, 1000, path, container, now());
        let case = Case { rule, ..case(&tree, &entry) };
        actions.kill(kill, case).status
    };
    for number in 0..5 {
        assert_eq!(kill("a", &number.to_string(), "", &KILL), Status::Aborted);
        assert_eq!(kill("b", "x", &number.to_string(), &KILL), Status::Aborted);
    }
    assert_eq!(kill("a", "5", "", &KILL), Status::DisarmedByExecutables);
    assert_eq!(kill("b", "x", "5", &KILL), Status::DisarmedByContainers);
    assert_eq!(kill("c", "5", "", &KILL), Status::Aborted);
    let unbound =
        Kill { disable_container_disarmer: true, disable_executable_disarmer: true, ..KILL };
    assert_eq!(kill("a", "5", "5", &unbound), Status::Aborted);
}
