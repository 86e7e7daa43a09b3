//! Attaching to processes that run: each test runs `examples/wrap` as a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use programs::{Fixture, example, fixture};
use tempfile::TempDir;

mod programs;

/// How long to wait for what has to come.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process to attach to.
struct Target {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Target {
    /// Starts a command, and waits for its first line.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut target = Self { child, stdin, stdout };
        assert_eq!(target.line(), "ready");
        target
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends its input: what it printed then, and its exit status as a shell has it.
    fn end(mut self) -> (String, i32) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        (rest, status.code().or(status.signal().map(|signal| 128 + signal)).unwrap())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tracer of processes, and its log.
struct Tracer {
    child: Child,
    log: PathBuf,
    _place: TempDir,
}

impl Tracer {
    fn attach(options: &[&str], pid: i32) -> Self {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("log");
        let mut wrap = Command::new(example("wrap"));
        wrap.arg(format!("--log={}", log.display())).args(options).arg(format!("--pid={pid}"));
        let child = wrap.stderr(Stdio::piped()).spawn().unwrap();
        Self { child, log, _place: place }
    }

    fn lines(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Waits for a line with such words.
    fn until_logged(&self, words: &str) {
        until(words, || self.lines().iter().any(|line| line.contains(words)));
    }

    fn signal(&self, signal: i32) {
        kill(self.child.id() as i32, signal);
    }

    /// Waits for its end: its exit status and what it complained about.
    fn end(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status.code(), stderr)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(pid: i32, signal: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::try_from(signal).unwrap()).unwrap();
}

/// A field of the status of all threads of a process.
fn status(pid: i32, field: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let value = |status: String| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t").map(str::to_owned))
    };
    status.filter_map(value).collect()
}

fn is_traced(pid: i32) -> bool {
    status(pid, "TracerPid").iter().any(|tracer| tracer != "0")
}

/// Whether all threads of a process are stopped, as by SIGSTOP.
fn is_stopped(pid: i32) -> bool {
    status(pid, "State").iter().all(|state| state.starts_with('T'))
}

fn attached() -> (Fixture, Target) {
    let fixture = fixture("attached");
    let target = Target::start(&mut Command::new(&fixture.program));
    (fixture, target)
}

/// The files that each thread of the fixture opened, in order, and the tasks that were announced.
#[derive(Debug, Default)]
struct Seen {
    files: BTreeMap<usize, Vec<usize>>,
    made: BTreeSet<usize>,
}

impl Seen {
    fn parse(lines: &[String]) -> Self {
        let mut seen = Self::default();
        for line in lines.iter().filter(|line| line.starts_with("entry ")) {
            let words: Vec<_> = line.split('"').flat_map(|word| word.split('/')).collect();
            if let Some(at) = words.iter().position(|word| *word == "t") {
                let [thread, file] = [1, 2].map(|next| words[at + next].parse().unwrap());
                seen.files.entry(thread).or_default().push(file);
            } else if let Some(at) = words.iter().position(|word| *word == "m") {
                seen.made.insert(words[at + 1].parse().unwrap());
            }
        }
        seen
    }

    /// Every thread was seen from some moment on, and all that was made after it was announced.
    fn is_complete(&self, totals: &BTreeMap<usize, usize>, made: usize) {
        for (thread, total) in totals {
            let files = &self.files[thread];
            assert_eq!(*files, (files[0]..*total).collect::<Vec<_>>(), "thread {thread}");
        }
        assert!(self.made.iter().all(|number| *number < 10 + made));
        for number in &self.made {
            let files = self.files.get(number).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(files, [0, 1, 2, 3, 4], "{number}");
        }
        for (number, files) in self.files.range(10..) {
            assert_eq!(*files, (files[0]..5).collect::<Vec<_>>(), "{number}");
        }
    }
}

/// What the fixture says at its end: files by thread, and how many tasks it made.
fn said(text: &str) -> (BTreeMap<usize, usize>, usize) {
    let mut lines: Vec<_> = text.lines().collect();
    let made = lines.pop().unwrap().strip_prefix("made ").unwrap().parse().unwrap();
    let line = |line: &str| {
        let (thread, files) = line.split_once(' ').unwrap();
        (thread.parse().unwrap(), files.parse().unwrap())
    };
    (lines.into_iter().map(line).collect(), made)
}

#[test]
fn no_thread_and_no_child_is_missed() {
    for options in [&[][..], &["--exit"]] {
        let (_fixture, target) = attached();
        let pid = target.pid();
        let mut tracer = Tracer::attach(options, pid);
        until("all threads are seen", || {
            let seen = Seen::parse(&tracer.lines());
            (0..10).all(|thread| seen.files.contains_key(&thread)) && seen.made.len() > 100
        });
        let (text, status) = target.end();
        assert_eq!(status, 7);
        assert_eq!(tracer.end(), (Some(0), String::new()));
        let (totals, made) = said(&text);
        assert_eq!(totals.len(), 10);
        let lines = tracer.lines();
        Seen::parse(&lines).is_complete(&totals, made);
        assert_eq!(lines.iter().filter(|line| **line == format!("found {pid}")).count(), 1);
        assert_eq!(*lines.last().unwrap(), format!("exited {pid} 7 true"));
    }
}

#[test]
fn a_process_that_is_left_runs_on() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGKILL] {
        let (_fixture, target) = attached();
        let pid = target.pid();
        let mut tracer = Tracer::attach(&["--exit"], pid);
        until("all threads are seen", || {
            let seen = Seen::parse(&tracer.lines());
            (0..10).all(|thread| seen.files.contains_key(&thread))
        });
        tracer.signal(signal);
        let expect = if signal == libc::SIGKILL { None } else { Some(0) };
        assert_eq!(tracer.end(), (expect, String::new()), "{signal}");
        until("it is no tracee", || !is_traced(pid));
        assert!(!is_stopped(pid));
        let (text, status) = target.end();
        assert_eq!((status, said(&text).0.len()), (7, 10));
    }
}

#[test]
fn a_tracer_that_fails_leaves_the_process() {
    let (_fixture, target) = attached();
    let mut tracer = Tracer::attach(&["--panic"], target.pid());
    let (code, complaint) = tracer.end();
    assert!(complaint.contains("told to fail"), "{complaint}");
    assert_eq!(code, Some(125));
    until("it is no tracee", || !is_traced(target.pid()));
    assert_eq!(target.end().1, 7);
}

fn waits(arguments: &[&str]) -> (Fixture, Target) {
    let fixture = fixture("waits");
    let target = Target::start(Command::new(&fixture.program).args(arguments));
    let pid = target.pid();
    let rests = |state: &String| state.starts_with(['S', 'Z']);
    until("all threads wait", || status(pid, "State").iter().all(rests));
    (fixture, target)
}

/// What the fixture says when no call was disturbed.
fn undisturbed(signals: usize) -> (String, i32) {
    let result = [1, 1, libc::SIGUSR1, 1, 0].map(|result| result.to_string()).join(" ");
    (format!("{result} signals {signals}\n"), 7)
}

/// A call that waits is neither ended nor made to fail by the tracer's coming and going.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_that_wait_are_not_disturbed() {
    let (_fixture, target) = waits(&[]);
    let pid = target.pid();
    for _ in 0..3 {
        let mut tracer = Tracer::attach(&["--exit"], pid);
        until("all threads have been stopped", || {
            let lines = tracer.lines();
            lines.iter().filter(|line| line.starts_with("entry ")).count() >= 6
        });
        tracer.signal(libc::SIGTERM);
        assert_eq!(tracer.end(), (Some(0), String::new()));
        until("it is no tracee", || !is_traced(pid));
    }
    assert_eq!(target.end(), undisturbed(0));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn no_signal_is_lost() {
    let (_fixture, target) = waits(&[]);
    let pid = target.pid();
    let script =
        "import os, signal, sys\nfor _ in range(3000): os.kill(int(sys.argv[1]), signal.SIGRTMIN)";
    let mut sender = Command::new("python3");
    let mut sender = sender.args(["-c", script, &pid.to_string()]).spawn().unwrap();
    let mut rounds = 0;
    while rounds < 3 || sender.try_wait().unwrap().is_none() {
        let mut tracer = Tracer::attach(&[], pid);
        tracer.until_logged("entry ");
        tracer.signal(libc::SIGTERM);
        assert_eq!(tracer.end(), (Some(0), String::new()));
        rounds += 1;
    }
    assert!(sender.wait().unwrap().success());
    until("it is no tracee", || !is_traced(pid));
    assert_eq!(target.end(), undisturbed(3000));
}

#[test]
fn a_leader_that_has_ended() {
    let (_fixture, target) = waits(&["leaderless"]);
    let pid = target.pid();
    let mut tracer = Tracer::attach(&[], pid);
    tracer.until_logged("entry ");
    assert_eq!(target.end().1, 7);
    assert_eq!(tracer.end(), (Some(0), String::new()));
    assert_eq!(tracer.lines().last().unwrap().split(" 7").next(), Some(&*format!("exited {pid}")));
}

#[test]
fn a_stopped_process_stays_stopped() {
    let (_fixture, target) = attached();
    let pid = target.pid();
    kill(pid, libc::SIGSTOP);
    until("it has stopped", || is_stopped(pid));
    let mut tracer = Tracer::attach(&[], pid);
    let all_traced = || status(pid, "TracerPid").iter().all(|tracer| tracer != "0");
    until("all threads are tracees", all_traced);
    tracer.signal(libc::SIGTERM);
    assert_eq!(tracer.end(), (Some(0), String::new()));
    until("it is no tracee", || !is_traced(pid));
    until("it is stopped", || is_stopped(pid));
    // It can be continued under the tracer, and stopped again.
    let mut tracer = Tracer::attach(&[], pid);
    until("all threads are tracees", all_traced);
    kill(pid, libc::SIGCONT);
    until("it makes calls", || !Seen::parse(&tracer.lines()).files.is_empty());
    kill(pid, libc::SIGSTOP);
    let is_held = || status(pid, "State").iter().all(|state| state.starts_with('t'));
    until("it has stopped", is_held);
    tracer.signal(libc::SIGTERM);
    assert_eq!(tracer.end(), (Some(0), String::new()));
    until("it is stopped", || is_stopped(pid) && !is_traced(pid));
    kill(pid, libc::SIGCONT);
    assert_eq!(target.end().1, 7);
}

#[test]
fn a_process_has_one_tracer() {
    let (_fixture, target) = attached();
    let pid = target.pid();
    let tracer = Tracer::attach(&[], pid);
    tracer.until_logged("entry ");
    let (code, complaint) = Tracer::attach(&[], pid).end();
    assert_eq!(code, Some(125));
    let tracer_tid = status(pid, "TracerPid").remove(0);
    let expect =
        format!("process {pid} cannot be watched: process {tracer_tid} (engine) traces it");
    assert!(complaint.contains(&expect), "{complaint}");
    assert_eq!(target.end().1, 7);
}

#[test]
fn processes_that_cannot_be_watched() {
    let own = std::process::id() as i32;
    let (code, complaint) = Tracer::attach(&[], own).end();
    assert_eq!(code, Some(125));
    assert!(complaint.contains("the tracer descends from it"), "{complaint}");
    let mut ended = Command::new("true").spawn().unwrap();
    let pid = ended.id() as i32;
    until("it has ended", || status(pid, "State").iter().all(|state| state.starts_with('Z')));
    let (code, complaint) = Tracer::attach(&[], pid).end();
    assert_eq!(code, Some(125));
    assert!(complaint.contains("it has ended, but"), "{complaint}");
    ended.wait().unwrap();
    let (code, complaint) = Tracer::attach(&[], pid).end();
    assert_eq!(code, Some(125));
    assert!(complaint.contains("there is no such process"), "{complaint}");
}

/// Without the capability, processes of others are refused with what would help.
#[test]
fn a_tracer_without_privileges() {
    assert!(nix::unistd::geteuid().is_root(), "this test needs root, to become another user");
    let (_fixture, target) = attached();
    let mut wrap = Command::new("setpriv");
    wrap.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(example("wrap"));
    let output = wrap.arg(format!("--pid={}", target.pid())).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("CAP_SYS_PTRACE"), "{complaint}");
    assert_eq!(target.end().1, 7);
}

#[test]
fn processes_that_are_killed_while_they_are_attached_to() {
    for _ in 0..10 {
        let (_fixture, target) = attached();
        let mut tracer = Tracer::attach(&["--exit"], target.pid());
        until("it is a tracee", || is_traced(target.pid()));
        kill(target.pid(), libc::SIGKILL);
        assert_eq!(tracer.end(), (Some(0), String::new()));
        assert_eq!(target.end().1, 137);
        let lines = tracer.lines();
        assert!(lines.last().unwrap().starts_with("exited "), "{:?}", lines.last());
    }
}
