//! Whatever happens to the process that watches, the application's calls return what they should.
//!
//! `SENTRACE_KILLS=500 cargo test --release -p sentrace-tests crash -- --nocapture` for more than
//! the usual number of kills.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sentrace_tests::sentrace;
use serde_json::Value;
use tempfile::TempDir;

/// Four processes that check their calls, under `sentrace run`.
struct Load {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    place: TempDir,
}

/// What became of them.
struct Outcome {
    /// What they counted.
    summary: String,
    stderr: String,
    events: Vec<Value>,
}

impl Load {
    fn start(options: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("load");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/load.c");
        let cc = Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(source).status();
        assert!(cc.expect("a C compiler").success());
        let mut command = sentrace();
        command.args(["run", "--events", "--json"]).arg(place.path().join("events"));
        command.args(options).arg("--").arg(&program);
        command.stdout(Stdio::piped());
        // A pipe would fill.
        command.stderr(fs::File::create(place.path().join("stderr")).expect("a file"));
        let mut child = command.spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self { child, stdout, place }
    }

    fn pid(&self) -> i32 {
        self.child.id().try_into().expect("a pid")
    }

    /// The supervisor, once there is one that works.
    fn supervisor(&self, other_than: Option<i32>) -> i32 {
        let pid = self.pid();
        loop {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.expect("a guardian");
            let mut pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
            let found = pids.find(|pid| Some(*pid) != other_than && is_supervisor(*pid));
            match found {
                Some(pid) => return pid,
                None => sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Ends the application by a signal to the guardian. Its status is that of calls that all
    /// returned what they should.
    fn finish(mut self) -> Outcome {
        let supervisor = self.supervisor(None);
        send(self.pid(), Signal::SIGTERM);
        let mut summary = String::new();
        self.stdout.read_to_string(&mut summary).expect("text");
        let status = self.child.wait().expect("it ends");
        let read = |name| fs::read(self.place.path().join(name)).expect("a file");
        let stderr = String::from_utf8_lossy(&read("stderr")).into_owned();
        assert_eq!(status.code(), Some(7), "{summary}{stderr}");
        assert!(summary.contains(" failed 0 died 0"), "{summary}");
        assert!(!is_supervisor(supervisor), "a process is left");
        let events = read("events");
        // A supervisor may be killed while it writes a line.
        let lines = events.split(|byte| *byte == b'\n');
        let events = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Outcome { summary, stderr, events }
    }
}

impl Outcome {
    /// The numbers of the events, which are in order.
    fn sequences(&self) -> Vec<u64> {
        let sequences = self.events.iter().map(|event| event["sentrace"]["sequence"].as_u64());
        let sequences: Vec<_> = sequences.map(|sequence| sequence.expect("a number")).collect();
        assert!(sequences.is_sorted());
        let all: HashSet<_> = sequences.iter().collect();
        assert_eq!(all.len(), sequences.len(), "an event is told twice");
        sequences
    }

    fn gaps(&self) -> usize {
        self.events.iter().filter(|event| event["sentrace"].to_string().contains("gap")).count()
    }
}

fn is_supervisor(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains("(supervisor) ") && !stat.contains(") Z ")
}

/// Sends a signal to a process that may have ended.
fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

#[test]
fn supervisors_that_are_killed_harm_nobody() {
    let kills = std::env::var("SENTRACE_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills: u64 = kills.unwrap_or(50);
    let load = Load::start(&["--engine=notify", "--supervisor-restarts=1000000"]);
    let mut supervisor = None;
    let mut random = u64::from(std::process::id());
    for at in 0..kills {
        let next = load.supervisor(supervisor);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        sleep(Duration::from_micros((random >> 33) % 100_000));
        let signals = [Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGKILL];
        // The run-time library takes the first SIGSEGV that is sent for one that will come again.
        while is_supervisor(next) {
            send(next, signals[at as usize % signals.len()]);
            sleep(Duration::from_micros(500));
        }
        supervisor = Some(next);
    }
    load.supervisor(supervisor);
    let outcome = load.finish();
    let failures = outcome.stderr.matches("the supervisor has failed").count() as u64;
    let sequences = outcome.sequences();
    let last = sequences.last().copied().unwrap_or_default();
    let lost = last - sequences.len() as u64;
    println!(
        "{kills} kills, {}events {last}, lost {lost}, gap marks {}",
        outcome.summary.replace('\n', ", "),
        outcome.gaps()
    );
    assert_eq!(failures, kills, "{}", outcome.stderr);
    assert!(outcome.gaps() > 0);
}

/// The guardian sees that nothing is done, and another does it.
#[test]
fn a_supervisor_that_hangs_is_replaced() {
    let load = Load::start(&["--engine=notify", "--supervisor-timeout=1"]);
    let hanging = load.supervisor(None);
    send(hanging, Signal::SIGSTOP);
    load.supervisor(Some(hanging));
    assert!(!is_supervisor(hanging));
    let outcome = load.finish();
    assert!(outcome.stderr.contains("does nothing and is killed"), "{}", outcome.stderr);
    assert!(!outcome.sequences().is_empty());
}

/// Without a supervisor the guardian answers all calls, and says so.
#[test]
fn unwatched_applications_run_on() {
    let load = Load::start(&["--engine=notify", "--supervisor-restarts=0"]);
    let pid = load.pid();
    send(load.supervisor(None), Signal::SIGKILL);
    let mut load = load;
    while !fs::read_to_string(load.place.path().join("stderr"))
        .expect("a file")
        .contains("UNWATCHED")
    {
        sleep(Duration::from_millis(1));
    }
    send(pid, Signal::SIGTERM);
    let mut summary = String::new();
    load.stdout.read_to_string(&mut summary).expect("text");
    assert_eq!(load.child.wait().expect("it ends").code(), Some(7), "{summary}");
    assert!(summary.contains(" failed 0 died 0"), "{summary}");
}

/// When the guardian is killed, its status is lost, and no call of the application.
#[test]
fn a_guardian_that_is_killed_leaves_a_supervisor() {
    let mut load = Load::start(&["--engine=notify"]);
    let supervisor = load.supervisor(None);
    let pid = load.pid();
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children");
    let application = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let application = application.into_iter().find(|pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "load\n")
    });
    send(pid, Signal::SIGKILL);
    let _ = load.child.wait();
    send(application.expect("the application"), Signal::SIGTERM);
    let mut summary = String::new();
    load.stdout.read_to_string(&mut summary).expect("text");
    assert!(summary.contains(" failed 0 died 0"), "{summary}");
    while is_supervisor(supervisor) {
        sleep(Duration::from_millis(1));
    }
}
