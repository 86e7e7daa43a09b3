//! Events of real programs, as `examples/events` prints them.

use std::fs;
use std::process::{Command, Output};

use engines::{Engine, on_every_engine};
use programs::{example, fixture};

mod engines;
mod programs;

on_every_engine!(
    the_life_of_processes_is_reported,
    only_results_that_count_are_reported,
    opened_files_are_what_strace_says,
    without_results_events_are_predicted,
    a_process_that_kills_itself_is_seen_to,
    calls_that_end_in_unusual_ways,
    calls_of_the_32_bit_abi,
    symlinks_that_a_program_is_executed_by,
);

/// The ABIs of this machine.
const NATIVE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
const NARROW: &str = if cfg!(target_arch = "aarch64") { "arm" } else { "i386" };

/// An event as it is printed, without its number.
#[derive(Debug)]
struct Event {
    pid: String,
    /// Name, ABI and result of a call, marks.
    what: String,
    fields: String,
}

impl Event {
    fn parse(line: &str) -> Self {
        let (what, fields) = line.split_once(" :").expect("a separator");
        let mut words = what.splitn(3, ' ').skip(1);
        let [pid, what] = [(); 2].map(|()| words.next().expect("a word").to_owned());
        Self { pid, what, fields: format!("{fields} ") }
    }

    /// The value of a field, as far as it has no blanks; empty if it has none.
    fn field(&self, name: &str) -> &str {
        let value = self.fields.split(&format!(" {name}=")).nth(1).unwrap_or_default();
        value.split(' ').next().unwrap_or_default()
    }
}

/// Runs a command in a directory of its own: its events, and its output.
fn run(engine: Engine, options: &[&str], command: &[&str]) -> (Vec<Event>, Output) {
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("log");
    let mut events = Command::new(example("events"));
    events.current_dir(&place).args(engine.options()).arg(format!("--log={}", log.display()));
    let output = events.args(options).args(command).output().expect("a process");
    let text = fs::read_to_string(log).expect("a log");
    (text.lines().map(Event::parse).collect(), output)
}

/// Events of one name: what they are, and one of their fields.
fn named<'e>(events: &'e [Event], name: &str, field: &str) -> Vec<(&'e str, &'e str)> {
    let is_named = |event: &&Event| event.what.split(' ').next() == Some(name);
    let of_name = events.iter().filter(is_named);
    of_name.map(|event| (event.what.as_str(), event.field(field))).collect()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn the_life_of_processes_is_reported(engine: Engine) {
    let sh = fs::canonicalize("/bin/sh").expect("a shell");
    let cat = fs::canonicalize("/bin/cat").expect("cat(1)");
    let (sh, cat) = (sh.to_str().expect("UTF-8"), cat.to_str().expect("UTF-8"));
    let script = "exec 2>/dev/null; cd /etc; ../bin/cat passwd; \
        (read pid rest </proc/self/stat; kill $pid); exit 4";
    let (events, output) = run(engine, &["--only=fork,exec,exit"], &["sh", "-c", script]);
    assert_eq!(output.status.code(), Some(4));
    let fields = ["syscall.path", "file.path", "cause", "code"];
    let events: Vec<_> = events
        .iter()
        .map(|event| (event.what.as_str(), fields.map(|name| event.field(name))))
        .collect();
    let path = events[0].1[0];
    let expect = [
        ("exec", [path, sh, "", ""]),
        ("fork", [""; 4]),
        ("exec", ["../bin/cat", cat, "", ""]),
        ("exit", ["", cat, "", ""]),
        ("fork", [""; 4]),
        ("exit", ["", sh, "2", "15"]),
        ("exit", ["", sh, "", "4"]),
    ];
    assert_eq!(events, expect);
    assert!(path.ends_with("/sh"), "{path}");
}

fn only_results_that_count_are_reported(engine: Engine) {
    let script = "cat there missing 2>/dev/null; rm there";
    let (events, output) = run(engine, &[], &["sh", "-c", &format!(": >there; {script}")]);
    assert!(output.status.success(), "{output:?}");
    let opened: Vec<_> = named(&events, "open", "syscall.path");
    assert_eq!(opened.iter().filter(|(_, path)| *path == "there").count(), 2, "{opened:?}");
    assert!(!opened.iter().any(|(_, path)| *path == "missing"), "{opened:?}");
    assert!(opened.iter().all(|(what, _)| !what.contains("= -")), "{opened:?}");
    let removed = named(&events, "unlink", "syscall.path");
    assert_eq!(removed, [(&*format!("unlink {NATIVE} = 0"), "there")]);
}

/// A path without the name of the directory that a test made for itself.
fn without_place(path: &str) -> String {
    let temporary = std::env::temp_dir().join(".tmp").to_string_lossy().into_owned();
    match path.strip_prefix(&temporary) {
        Some(below) => below.trim_start_matches(|letter| letter != '/').into(),
        None => path.into(),
    }
}

/// The files behind new descriptors, by strace(1) and by us.
fn opened_files_are_what_strace_says(engine: Engine) {
    let script = "ln -s /usr/share share; : >share/../made; cat /etc/passwd share/doc/../misc/* >&2\n\
        python3 -SEBc 'import os, json; os.chdir(\"/etc\"); top = os.open(\"..\", os.O_PATH)\n\
open(\"../etc/group\"); os.open(\"bin/sh\", 0, dir_fd=top); os.open(\"/proc/self/exe\", 0)\n\
os.pipe(); open(\"/dev/fd/5\")'; true";
    let command = ["bash", "-c", script];
    let place = tempfile::tempdir().expect("a directory");
    let log = place.path().join("log");
    let mut strace = Command::new("strace");
    strace.current_dir(&place).args(["-fyqqe", "trace=open,openat,creat", "-o"]).arg(&log);
    assert!(strace.args(command).output().expect("strace").status.success());
    let lines = fs::read_to_string(&log).expect("a log");
    let file = |line: &str| {
        let (path, _) = line.rsplit_once(") = ")?.1.split_once('<')?.1.rsplit_once('>')?;
        let path = path.split_once('<').map_or(path, |(path, _)| path);
        Some(without_place(path))
    };
    let mut missing: Vec<_> = lines.lines().filter_map(file).collect();
    assert!(missing.len() > 20, "{lines}");
    let (events, output) = run(engine, &["--only=open"], &command);
    assert!(output.status.success());
    let mut surplus = Vec::new();
    for path in events.iter().map(|event| without_place(event.field("file.path"))) {
        match missing.iter().position(|other| *other == path) {
            Some(index) => _ = missing.swap_remove(index),
            None => surplus.push(path),
        }
    }
    assert!(missing.is_empty() && surplus.is_empty(), "{missing:?} {surplus:?}");
}

fn without_results_events_are_predicted(engine: Engine) {
    let (events, _) = run(engine, &["--only=open", "--entry"], &["cat", "missing"]);
    let missing = events.iter().find(|event| event.field("syscall.path") == "missing");
    let missing = missing.expect("an event");
    assert_eq!(missing.what, format!("open {NATIVE} = 0 predicted"));
    assert!(missing.field("file.path").ends_with("/missing"), "{missing:?}");
    assert_eq!(missing.field("file.inode"), "");
    let fixture = fixture("calls");
    let (events, output) = run(engine, &["--only=open", "--entry"], &[&fixture.program, "bad"]);
    assert!(output.status.success(), "{output:?}");
    let bad = events.last().expect("an event");
    assert_eq!(
        (&*bad.what, bad.field("syscall.path")),
        (&*format!("open {NATIVE} = 0 unreadable,predicted"), "")
    );
}

fn a_process_that_kills_itself_is_seen_to(engine: Engine) {
    let (events, output) = run(engine, &["--only=signal,exit"], &["sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(137));
    let what: Vec<_> = events.iter().map(|event| &*event.what).collect();
    assert_eq!(what, [&*format!("signal {NATIVE} = 0 predicted"), "exit"]);
    assert_eq!(events[0].field("target.pid"), events[0].pid);
}

fn calls_that_end_in_unusual_ways(engine: Engine) {
    let fixture = fixture("calls");
    let opens = |kind| {
        let (events, output) = run(engine, &["--only=open,accept"], &[&fixture.program, kind]);
        assert!(output.status.success(), "{output:?}");
        let all = ["open", "accept"].map(|name| named(&events, name, "syscall.path").into_iter());
        let all = all.into_iter().flatten();
        let all = all.map(|(what, path)| (what.to_owned(), path.to_owned()));
        let all = all.filter(|(_, path)| !path.starts_with('/')).collect::<Vec<_>>();
        (all, stdout(&output))
    };
    // Both ends of a FIFO, once each.
    let (events, text) = opens("restart");
    assert_eq!((events.len(), &*text), (2, "opened 1\n"), "{events:?}");
    assert!(events.iter().all(|(what, path)| path == "fifo" && !what.contains("= -")));
    assert_eq!(opens("stranded"), (vec![], String::new()));
    let (events, text) = opens("changed");
    assert_eq!((events.len(), &*text), (2, "opened 1\n"), "{events:?}");
    assert_eq!(events.iter().filter(|(what, _)| what.ends_with(" toctou")).count(), 1);
    assert!(events.iter().all(|(_, path)| path == "fifo"), "{events:?}");
}

fn calls_of_the_32_bit_abi(engine: Engine) {
    let check = |program: &str, kind: &str, expect: &[(&str, &str)]| {
        let (events, output) =
            run(engine, &["--only=open,connect,unlink,signal"], &[program, kind]);
        assert!(output.status.success(), "{output:?}");
        let is_narrow = |event: &&Event| event.what.contains(&format!(" {NARROW} "));
        let what = |event: &Event| {
            let what = event.what.split(" =").next().unwrap_or_default().to_owned();
            let field = if what.starts_with("connect") { "addr.port" } else { "syscall.path" };
            (what, event.field(field).to_owned())
        };
        let events: Vec<_> = events.iter().filter(is_narrow).map(what).collect();
        let expect: Vec<_> = expect
            .iter()
            .map(|(name, field)| (format!("{name} {NARROW}"), (*field).to_owned()))
            .collect();
        assert_eq!(events, expect);
        stdout(&output)
    };
    let narrow = fixture("narrow");
    check(
        &narrow.program,
        "",
        &[("open", "narrow.file"), ("connect", "9"), ("unlink", "narrow.file")],
    );
    // From a program of 64 bits, where the machine has an instruction for that.
    if cfg!(target_arch = "x86_64") {
        let calls = fixture("calls");
        let expect = [("open", "compat"), ("unlink", "compat"), ("signal", "")];
        let text = check(&calls.program, "compat", &expect);
        assert_eq!(text, "openat 1\nunlinkat 0\nkill 0\n");
    }
}

fn symlinks_that_a_program_is_executed_by(engine: Engine) {
    let script = "ln -s /bin/true one; ln -s one two; ln -s $PWD/two three; mkdir d; cd d
        ../one; ../three; PATH=..; two";
    let (events, _) = run(engine, &[], &["sh", "-c", script]);
    let executed = named(&events, "exec", "symlinks");
    let name = |link: &str| link.rsplit('/').next().unwrap_or_default().to_owned();
    let names = |(_, links): &(&str, &str)| links.split(',').map(name).collect::<Vec<_>>();
    let links: Vec<_> = executed[executed.len() - 3..].iter().map(names).collect();
    assert_eq!(links, [vec!["one"], vec!["three", "two"], vec!["two", "one"]]);
    let (_, first) = executed[executed.len() - 3];
    assert!(first.starts_with('/') && !first.contains(".."), "{first}");
}
