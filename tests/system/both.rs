//! Runs a program untraced and traced, side by side.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A program in a directory of its own.
pub(crate) struct Program {
    argv: Vec<OsString>,
    prepare: Box<dyn Fn(&Path)>,
    check: Box<dyn Fn(&Path) -> String>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit status as a shell reports it.
    pub(crate) status: i32,
    stdout: String,
    /// What the check found afterwards.
    found: String,
    /// Empty for an untraced run.
    events: Events,
}

/// The events of a run, in order.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<Value>);

impl Program {
    pub(crate) fn new<S: Into<OsString>>(argv: impl IntoIterator<Item = S>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { argv, prepare: Box::new(|_| ()), check: Box::new(|_| String::new()) }
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
        let mut untraced = Command::new(&self.argv[0]);
        untraced.args(&self.argv[1..]);
        let expected = self.run(untraced, None);
        let traced = self.traced();
        let facts =
            |outcome: &Outcome| (outcome.status, outcome.stdout.clone(), outcome.found.clone());
        assert_eq!(facts(&traced), facts(&expected), "traced and untraced");
        assert!(!traced.events.0.is_empty(), "no events");
        traced.events
    }

    /// Runs it traced.
    pub(crate) fn traced(&self) -> Outcome {
        let log = TempDir::new().unwrap();
        let json = log.path().join("events.json");
        let mut command = sentrace_tests::sentrace();
        command.args(["run", "--events", "--json"]).arg(&json).arg("--").args(&self.argv);
        self.run(command, Some(json))
    }

    fn run(&self, mut command: Command, json: Option<PathBuf>) -> Outcome {
        let dir = TempDir::new().unwrap();
        (self.prepare)(dir.path());
        command.current_dir(dir.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let status = sentrace_tests::code(status);
        let lines = json.map(|json| fs::read_to_string(json).unwrap_or_default());
        let lines = lines.unwrap_or_default();
        let parse = |line| serde_json::from_str(line).expect("every line is a JSON object");
        let lines = lines.lines().map(parse);
        // An event that a rule is about is there twice.
        let events =
            Events(lines.filter(|line: &Value| line["agent"]["rule_id"].is_null()).collect());
        if status == 125 {
            panic!("{command:?}: {}", String::from_utf8_lossy(&stderr));
        }
        let found = (self.check)(dir.path());
        Outcome { status, stdout: String::from_utf8(stdout).unwrap(), found, events }
    }
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

    /// Whether a program of this file name was executed.
    pub(crate) fn executed(&self, program: &str) -> bool {
        self.any("exec", |event| {
            let path = event["process"]["executable"]["path"].as_str().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            name == program || event["process"]["argv0"] == program
        })
    }
}
