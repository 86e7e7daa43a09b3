//! Runs a program untraced and traced, side by side.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixtures::fixture;

/// A way of catching calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Engine {
    /// As events name it.
    pub(crate) name: &'static str,
    /// Options of `run` and `trace` that choose it.
    pub(crate) options: &'static [&'static str],
    /// It takes what programs might want: the place of a tracer.
    pub(crate) is_tracer: bool,
    /// It takes that of a seccomp listener.
    pub(crate) is_listener: bool,
}

/// All engines.
pub(crate) const ENGINES: [Engine; 1] = [PTRACE];

const PTRACE: Engine = Engine {
    name: "ptrace",
    options: &["--engine", "ptrace"],
    is_tracer: true,
    is_listener: false,
};

/// A program in a directory of its own.
pub(crate) struct Program {
    /// What executes the program, or the tracer before it.
    within: Vec<OsString>,
    argv: Vec<OsString>,
    fixtures: Vec<&'static str>,
    prepare: Box<dyn Fn(&Path)>,
    check: Box<dyn Fn(&Path) -> String>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit status as a shell reports it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    /// What the program, and whoever is before it, said on stderr.
    stderr: String,
    /// What the check found afterwards.
    found: String,
    /// Empty for an untraced run.
    pub(crate) events: Events,
}

/// The events of a run, in order, without alerts.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<Value>);

impl Program {
    pub(crate) fn new<S: Into<OsString>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            within: Vec::new(),
            argv: argv.into_iter().map(Into::into).collect(),
            fixtures: Vec::new(),
            prepare: Box::new(|_| ()),
            check: Box::new(|_| String::new()),
        }
    }

    /// A program of the directory `fixtures`, with arguments. It is in the directory.
    pub(crate) fn fixture(name: &'static str, args: &[&str]) -> Self {
        let program = format!("./{name}");
        let argv = [program.as_str()].into_iter().chain(args.iter().copied());
        Self::new(argv).with(name)
    }

    /// Another fixture is in the directory.
    pub(crate) fn with(mut self, name: &'static str) -> Self {
        self.fixtures.push(name);
        self
    }

    /// The program, or the tracer before it, is executed by a command.
    pub(crate) fn within<S: Into<OsString>>(self, command: impl IntoIterator<Item = S>) -> Self {
        Self { within: command.into_iter().map(Into::into).collect(), ..self }
    }

    /// What has to be in the directory.
    pub(crate) fn prepare(self, prepare: impl Fn(&Path) + 'static) -> Self {
        Self { prepare: Box::new(prepare), ..self }
    }

    /// What is found in the directory afterwards has to be the same, too.
    pub(crate) fn check(self, check: impl Fn(&Path) -> String + 'static) -> Self {
        Self { check: Box::new(check), ..self }
    }

    /// Runs it untraced and traced: it prints the same and ends the same. Answers the events.
    pub(crate) fn same(self) -> Events {
        let expected = self.untraced();
        let traced = self.traced();
        assert_eq!(facts(&traced), facts(&expected), "traced and untraced");
        assert!(!traced.events.0.is_empty(), "no events");
        traced.events
    }

    /// Runs it untraced and traced by every engine: it says the same and ends the same. Checks
    /// the events of each.
    pub(crate) fn everywhere(&self, check: impl Fn(Engine, &Events)) {
        let expected = self.untraced();
        for engine in ENGINES {
            let traced = self.traced_by(engine);
            assert_eq!(traced.stderr, expected.stderr, "under {}", engine.name);
            let difference = difference(&traced.stdout, &expected.stdout);
            assert_eq!(difference, None, "under {}", engine.name);
            assert_eq!(facts(&traced), facts(&expected), "under {}", engine.name);
            assert!(!traced.events.0.is_empty(), "no events of {}", engine.name);
            check(engine, &traced.events);
        }
    }

    /// Runs it traced.
    pub(crate) fn traced(&self) -> Outcome {
        self.traced_with(&[])
    }

    /// Runs it traced by an engine.
    pub(crate) fn traced_by(&self, engine: Engine) -> Outcome {
        self.traced_with(engine.options)
    }

    fn traced_with(&self, options: &[&str]) -> Outcome {
        let log = TempDir::new().unwrap();
        // Whoever it runs as has to write there.
        let anybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(log.path(), anybody).unwrap();
        let json = log.path().join("events.json");
        let sentrace = sentrace_tests::sentrace();
        let mut words = vec![sentrace.get_program().to_owned(), "run".into(), "--events".into()];
        words.extend(options.iter().map(Into::into));
        words.extend(["--json".into(), json.clone().into(), "--".into()]);
        words.extend(self.argv.iter().cloned());
        self.run(words, Some(json))
    }

    /// Runs it untraced.
    pub(crate) fn untraced(&self) -> Outcome {
        self.run(self.argv.clone(), None)
    }

    fn run(&self, words: Vec<OsString>, json: Option<PathBuf>) -> Outcome {
        let dir = TempDir::new().unwrap();
        for name in &self.fixtures {
            place(&fixture(name), dir.path());
        }
        (self.prepare)(dir.path());
        let mut words = self.within.iter().cloned().chain(words);
        let mut command = sentrace_tests::quiet(words.next().unwrap());
        command.args(words);
        command.current_dir(dir.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let status = sentrace_tests::code(status);
        let lines = json.map(|json| fs::read_to_string(json).unwrap_or_default());
        let lines = lines.unwrap_or_default();
        let parse = |line| serde_json::from_str(line).expect("every line is a JSON object");
        // An event that a rule is about is there twice.
        let is_event = |line: &Value| line["agent"]["rule_id"].is_null();
        let events = Events(lines.lines().map(parse).filter(is_event).collect());
        let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        assert_ne!(status, 125, "{command:?}: {stderr}");
        let found = (self.check)(dir.path());
        Outcome { status, stdout, stderr, found, events }
    }
}

/// What has to be the same for a traced and an untraced run.
fn facts(outcome: &Outcome) -> (i32, &str, &str) {
    (outcome.status, &outcome.stdout, &outcome.found)
}

/// The first lines that differ.
fn difference<'t>(traced: &'t str, untraced: &'t str) -> Option<(&'t str, &'t str)> {
    let end = || std::iter::repeat("nothing");
    let longest = traced.lines().count().max(untraced.lines().count());
    let lines = traced.lines().chain(end()).zip(untraced.lines().chain(end()));
    lines.take(longest).find(|(traced, untraced)| traced != untraced)
}

/// Copies a program into a directory. Another process does so: while this one had it open for
/// writing, children of other tests would, too, and nobody could execute it.
fn place(program: &Path, dir: &Path) {
    let status = Command::new("cp").arg(program).arg(dir).status().unwrap();
    assert!(status.success(), "cp {}", program.display());
}

impl Events {
    /// The events of a type for which a condition holds.
    pub(crate) fn find<'e>(
        &'e self,
        name: &'e str,
        condition: impl Fn(&Value) -> bool + 'e,
    ) -> impl Iterator<Item = &'e Value> {
        let named = self.0.iter().filter(move |event| event["evt"]["name"] == name);
        named.filter(move |event| condition(event))
    }

    /// Whether there is an event of a type for which a condition holds.
    pub(crate) fn any(&self, name: &str, condition: impl Fn(&Value) -> bool) -> bool {
        self.find(name, condition).next().is_some()
    }

    /// How many events there are of a type.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.find(name, |_| true).count()
    }

    /// Whether a program of this file name was executed.
    pub(crate) fn executed(&self, program: &str) -> bool {
        self.any("exec", |event| {
            let path = event["process"]["executable"]["path"].as_str().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            name == program || event["process"]["argv0"] == program
        })
    }
}
