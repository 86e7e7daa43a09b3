//! Which rules an event matches.

use std::sync::Arc;

use sentrace_schema::EVENTS;
use sentrace_schema::wire::{Capture, Event, EventInterest, Interest};

use super::Rule;
use super::action::ActionRequest;
use super::compile::{Action, Compiled, Do, Set, Value};
use super::variables::{Store, Subject, View};
use crate::fields::{EventContext, Host, Variables};
use crate::secl::{Owned, Program};
use crate::tree::Entry;

/// Events that the process tree follows, whatever the rules are about.
const FOLLOWED: &[&str] = &["fork", "exec", "exit", "chdir", "setuid", "setgid", "capset", "prctl"];
/// Bytes of one value that alerts are counted by.
const TOKEN_MAX: usize = 256;

/// Rules that are loaded, with what they remember.
#[derive(Debug, Default)]
pub struct RuleSet {
    compiled: Vec<Compiled>,
    /// The same as in `compiled`, in that order.
    rules: Vec<Arc<Rule>>,
    /// The rules of each type of event, by its wire id.
    by_event: Vec<Vec<usize>>,
    variables: Store,
}

/// A rule that an event matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Whether to alert. A match of a silent rule, or one that the rate limit holds back, is
    /// reported only for what it asks to do.
    pub is_alert: bool,
    /// Matches since the last alert that the rate limit held back.
    pub suppressed: u64,
    /// Variables that are set, as rules call them, but for private ones. Arrays show their newest
    /// elements.
    pub variables: Vec<(String, Owned)>,
    /// What others are asked to do.
    pub actions: Vec<ActionRequest>,
}

impl RuleSet {
    pub(super) fn new(compiled: Vec<Compiled>, variables: Store) -> Self {
        let rules = compiled.iter().map(|compiled| compiled.rule.clone()).collect();
        let mut by_event = vec![Vec::new(); EVENTS.len()];
        for (index, Compiled { rule, .. }) in compiled.iter().enumerate() {
            if let Some(event) = sentrace_schema::event(&rule.event) {
                by_event[usize::from(event.id)].push(index);
            }
        }
        Self { compiled, rules, by_event, variables }
    }

    /// The rules, in the order in which they are evaluated.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The events that a rule, an action or the process tree needs.
    pub fn interest(&self) -> Interest {
        let needed = EVENTS.iter().filter(|event| {
            let has_rules =
                self.by_event.get(usize::from(event.id)).is_some_and(|of| !of.is_empty());
            has_rules || FOLLOWED.contains(&event.name)
        });
        // Alerts tell the outcome of the call, so all need its result.
        let of = |event: &sentrace_schema::record::EventDesc| EventInterest {
            event: event.id,
            capture: if event.by_engine { Capture::Entry } else { Capture::EntryAndExit },
        };
        Interest::Events(needed.map(of).collect())
    }

    /// The matches of an event, in the order of the rules. `entry` is what the process tree says
    /// of its process, after it has taken the event in. Variables are set on the way, so that
    /// later rules see them.
    pub fn evaluate(&mut self, event: &Event, entry: &Arc<Entry>, host: &Host) -> Vec<Match> {
        let mut matches = Vec::new();
        let Self { compiled, by_event, variables, .. } = self;
        variables.before(event, entry);
        let rules = by_event.get(usize::from(event.payload.event().id));
        if let Some(rules) = rules.filter(|rules| !rules.is_empty()) {
            let subject = Subject::new(entry, event.header.timestamp);
            let base = EventContext::new(event, entry.clone(), host, &NoVariables);
            let mut state = State { variables, subject: &subject, base: &base };
            for &index in rules {
                let rule = &mut compiled[index];
                if state.read(|context| rule.condition.matches(context)) {
                    matches.extend(state.matched(rule));
                }
            }
        }
        variables.after(event, entry);
        matches
    }
}

/// One event, and what rules remember.
struct State<'a> {
    variables: &'a mut Store,
    subject: &'a Subject<'a>,
    base: &'a EventContext<'a>,
}

impl State<'_> {
    fn matched(&mut self, rule: &mut Compiled) -> Option<Match> {
        let actions = rule.actions.iter().filter_map(|action| self.act(action)).collect::<Vec<_>>();
        let admitted = if rule.rule.silent {
            None
        } else {
            let key = self.read(|context| token(&rule.token, context));
            rule.limiter.admit(key, self.subject.now)
        };
        if admitted.is_none() && actions.is_empty() {
            return None;
        }
        Some(Match {
            rule: rule.rule.clone(),
            is_alert: admitted.is_some(),
            suppressed: admitted.unwrap_or(0),
            variables: self.variables.shown(self.subject),
            actions,
        })
    }

    fn act(&mut self, action: &Action) -> Option<ActionRequest> {
        let filter = action.filter.as_ref();
        if filter.is_some_and(|filter| !self.read(|context| filter.matches(context))) {
            return None;
        }
        match &action.what {
            Do::Ready(request) => Some(request.clone()),
            Do::Log { level, message } => {
                let message = message.as_ref().map(|message| {
                    let text = self.read(|context| message.value(context));
                    let Owned::Str(text) = text else { return String::new() };
                    String::from_utf8_lossy(&text).into_owned()
                });
                Some(ActionRequest::Log { level: *level, message: message.unwrap_or_default() })
            }
            Do::Set(set) => {
                self.set(set);
                None
            }
        }
    }

    fn set(&mut self, set: &Set) {
        let value = match &set.from {
            Value::Fixed(value) => value.clone(),
            Value::Computed(program) => self.read(|context| program.value(context)),
        };
        let of = set.of.as_ref().map(|of| match self.read(|context| of.value(context)) {
            Owned::Int(pid) => pid,
            _ => 0,
        });
        self.variables.set(&set.name, value, set.how(self.subject.now), self.subject, of);
    }

    /// Reads from the event and the variables as they are now.
    fn read<T>(&self, read: impl FnOnce(&EventContext<'_>) -> T) -> T {
        let view = View { store: self.variables, subject: self.subject };
        read(&self.base.with_variables(&view))
    }
}

/// What alerts are counted by, as one text.
fn token(fields: &[Program<crate::fields::Field>], context: &EventContext<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    for field in fields {
        match field.value(context) {
            Owned::Str(text) => key.extend_from_slice(&text[..text.len().min(TOKEN_MAX)]),
            other => {
                let text = format!("{other:?}").into_bytes();
                key.extend_from_slice(&text[..text.len().min(TOKEN_MAX)]);
            }
        }
        key.push(0);
    }
    key
}

/// No variables: those are read through a [`View`].
struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _: &str) -> crate::secl::Value<'_> {
        crate::secl::Value::Int(0)
    }
}
