//! What rules do besides alerting.

use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::Signal;
use sentrace_yaml::{Fields, Node, Place};

use super::report::{Report, Site};
use super::scalar::{Reader, Scalar};
use crate::secl::Owned;

/// Elements of a variable that says nothing else.
const SIZE: usize = 100;
/// Elements that a variable may have.
const SIZE_MAX: usize = 10_000;
/// Bytes of a file that is hashed, when the rule says nothing else.
const FILE_SIZE: u64 = 5 << 20;
/// Actions of one rule.
const ACTIONS_MAX: usize = 100;

/// Something that a match asks others to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionRequest {
    /// Send a signal.
    Kill(Kill),
    /// Hash a file and add the result to the alert.
    Hash {
        /// The group of fields that the file is: `exec.file`.
        field: String,
        /// Largest file in bytes.
        max_file_size: u64,
    },
    /// Write to the log.
    Log {
        /// How important it is.
        level: LogLevel,
        /// What to write; when it is empty, that the rule matched.
        message: String,
    },
}

/// A signal that a rule sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Its number.
    pub signal: i32,
    /// To whom.
    pub scope: KillScope,
    /// Whether it may be sent however many containers the rule has matched in.
    pub disable_container_disarmer: bool,
    /// Whether it may be sent however many executables the rule has matched.
    pub disable_executable_disarmer: bool,
}

/// Who gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillScope {
    /// The process of the event.
    Process,
    /// All processes of its container.
    Container,
    /// All processes of its control group.
    Cgroup,
}

impl KillScope {
    /// As rules call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Container => "container",
            Self::Cgroup => "cgroup",
        }
    }
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// An action as the policy has it.
#[derive(Debug, Clone)]
pub(super) struct ActionDef<'n> {
    pub(super) filter: Option<Scalar<'n>>,
    pub(super) what: What<'n>,
    /// Index of its file, and its place in it.
    pub(super) source: usize,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum What<'n> {
    Set(Box<SetDef<'n>>),
    Hash {
        field: Option<Scalar<'n>>,
        max_file_size: u64,
    },
    Log {
        level: LogLevel,
        message: Option<Scalar<'n>>,
    },
    /// Nothing in it depends on the event.
    Ready(ActionRequest),
    /// Nobody here can do it.
    Unsupported(&'static str),
}

/// `set`.
#[derive(Debug, Clone)]
pub(super) struct SetDef<'n> {
    pub(super) name: Scalar<'n>,
    pub(super) scope: Scope,
    pub(super) from: Input<'n>,
    pub(super) default_value: Option<Owned>,
    pub(super) append: bool,
    pub(super) size: usize,
    pub(super) ttl: Option<Duration>,
    pub(super) private: bool,
    pub(super) inherited: bool,
    pub(super) scope_field: Option<Scalar<'n>>,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone)]
pub(super) enum Input<'n> {
    Value(Owned),
    Field(Scalar<'n>),
    Expression(Scalar<'n>),
}

/// What a variable belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Global,
    Process,
    Container,
    Cgroup,
}

impl SetDef<'_> {
    /// The variable as rules call it.
    pub(super) fn full_name(&self) -> String {
        let name = self.name.text();
        match self.scope {
            Scope::Global => name.to_owned(),
            Scope::Process => format!("process.{name}"),
            Scope::Container => format!("container.{name}"),
            Scope::Cgroup => format!("cgroup.{name}"),
        }
    }
}

impl<'n> ActionDef<'n> {
    /// Reads an element of `actions`.
    pub(super) fn read(node: &'n Node, reader: &mut Reader<'n>) -> Option<Self> {
        const KINDS: &[&str] = &["set", "kill", "hash", "log", "coredump", "network_filter"];
        let mut keys = Fields::of(node, &mut reader.errors);
        let filter = keys.get("filter").and_then(|node| reader.scalar(node));
        let found: Vec<_> =
            KINDS.iter().filter_map(|kind| Some((*kind, keys.get(kind)?))).collect();
        keys.finish(&mut reader.errors);
        let what = match found[..] {
            [("set", node)] => What::Set(Box::new(set(node, reader)?)),
            [("kill", node)] => What::Ready(kill(node, reader)?),
            [("hash", node)] => hash(node, reader),
            [("log", node)] => log(node, reader)?,
            [(other, _)] => What::Unsupported(other),
            _ => {
                if node.as_map().is_some() {
                    let message = format!("an action is one of {}", KINDS.join(", "));
                    reader.errors.add(node.place, message);
                }
                return None;
            }
        };
        Some(Self { filter, what, source: reader.source, place: node.place })
    }

    /// Warns of what will not be done.
    pub(super) fn warn(&self, rule: &str, report: &mut Report<'_>) {
        if let What::Unsupported(name) = self.what {
            let message = format!("the action `{name}` is not supported and left out");
            report.warning(Site::of(self.source, Some(rule), self.place), &message);
        }
    }
}

/// Whether a rule has too many actions.
pub(super) fn is_too_many(actions: &[ActionDef<'_>]) -> Option<String> {
    let message = || format!("more than {ACTIONS_MAX} actions");
    (actions.len() > ACTIONS_MAX).then(message)
}

fn set<'n>(node: &'n Node, reader: &mut Reader<'n>) -> Option<SetDef<'n>> {
    let scopes =
        [("process", Scope::Process), ("container", Scope::Container), ("cgroup", Scope::Cgroup)];
    let mut keys = Fields::of(node, &mut reader.errors);
    let name = keys.need("name", &mut reader.errors).and_then(|node| reader.scalar(node));
    let value = keys.get("value");
    let field = keys.get("field");
    let expression = keys.get("expression");
    let default_value = keys.get("default_value").and_then(|node| reader.value(node));
    let scope = keys.get("scope").map(|node| (node, reader.word(node, "scope", &scopes)));
    let size = keys
        .get("size")
        .and_then(|node| node.int(1..=SIZE_MAX, &format!("1 to {SIZE_MAX}"), &mut reader.errors));
    let ttl = keys.get("ttl").and_then(|node| reader.duration(node));
    let mut flag = |key, keys: &mut Fields<'n>| {
        keys.get(key).and_then(|node| node.bool(&mut reader.errors)).unwrap_or(false)
    };
    let append = flag("append", &mut keys);
    let private = flag("private", &mut keys);
    let inherited = flag("inherited", &mut keys);
    let scope_field = keys.get("scope_field").and_then(|node| reader.scalar(node));
    keys.finish(&mut reader.errors);

    let is_process = matches!(scope, Some((_, Some(Scope::Process))));
    let scope_place = scope.map_or(node.place, |(node, _)| node.place);
    if inherited && !is_process {
        reader.errors.add(scope_place, "`inherited` needs `scope: process`");
    }
    if scope_field.is_some() && !is_process {
        reader.errors.add(scope_place, "`scope_field` needs `scope: process`");
    }
    if ttl.is_some_and(|ttl| ttl.is_zero()) {
        reader.errors.add(node.place, "a `ttl` of 0 leaves nothing");
    }
    let from = match (value, field, expression) {
        (Some(node), None, None) => Input::Value(reader.value(node)?),
        (None, Some(node), None) => Input::Field(reader.scalar(node)?),
        (None, None, Some(node)) => Input::Expression(reader.scalar(node)?),
        _ => {
            let message = "`set` has one of `value`, `field` and `expression`";
            reader.errors.add(node.place, message);
            return None;
        }
    };
    let name = name?;
    if !is_name(name.text()) {
        let message = "a name consists of letters, digits and `_`, and begins with no digit";
        reader.errors.add(name.node.place, message);
    }
    let scope = scope.and_then(|(_, scope)| scope).unwrap_or(Scope::Global);
    let size = size.unwrap_or(SIZE);
    Some(SetDef {
        name,
        scope,
        from,
        default_value,
        append,
        size,
        ttl,
        private,
        inherited,
        scope_field,
    })
}

fn kill<'n>(node: &'n Node, reader: &mut Reader<'n>) -> Option<ActionRequest> {
    let scopes = [
        ("process", KillScope::Process),
        ("container", KillScope::Container),
        ("cgroup", KillScope::Cgroup),
    ];
    let mut keys = Fields::of(node, &mut reader.errors);
    let signal = keys.need("signal", &mut reader.errors);
    let scope = keys.get("scope").and_then(|node| reader.word(node, "scope", &scopes));
    let mut flag = |key, keys: &mut Fields<'n>| {
        keys.get(key).and_then(|node| node.bool(&mut reader.errors)).unwrap_or(false)
    };
    let disable_container_disarmer = flag("disable_container_disarmer", &mut keys);
    let disable_executable_disarmer = flag("disable_executable_disarmer", &mut keys);
    keys.finish(&mut reader.errors);
    let signal = signal?;
    let name = signal.text(&mut reader.errors)?;
    let Ok(number) = Signal::from_str(name) else {
        reader.errors.unknown(signal.place, "signal", name, Signal::iterator().map(Signal::as_str));
        return None;
    };
    Some(ActionRequest::Kill(Kill {
        signal: number as i32,
        scope: scope.unwrap_or(KillScope::Process),
        disable_container_disarmer,
        disable_executable_disarmer,
    }))
}

fn hash<'n>(node: &'n Node, reader: &mut Reader<'n>) -> What<'n> {
    let mut keys = Fields::of(node, &mut reader.errors);
    let field = keys.get("field").and_then(|node| reader.scalar(node));
    let size = keys
        .get("max_file_size")
        .and_then(|node| node.int(1..=i64::MAX as u64, "a number of bytes", &mut reader.errors));
    keys.finish(&mut reader.errors);
    What::Hash { field, max_file_size: size.unwrap_or(FILE_SIZE) }
}

fn log<'n>(node: &'n Node, reader: &mut Reader<'n>) -> Option<What<'n>> {
    let levels = [
        ("trace", LogLevel::Trace),
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("warning", LogLevel::Warn),
        ("error", LogLevel::Error),
        ("critical", LogLevel::Error),
    ];
    let mut keys = Fields::of(node, &mut reader.errors);
    let level = keys.need("level", &mut reader.errors);
    let level = level.and_then(|node| reader.word(node, "level", &levels));
    let message = keys.get("message").and_then(|node| reader.scalar(node));
    keys.finish(&mut reader.errors);
    Some(What::Log { level: level?, message })
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| is_letter(c) && !c.is_ascii_digit()) && name.chars().all(is_letter)
}
