//! From the definition of a rule to what is evaluated.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Rule;
use super::action::{ActionDef, ActionRequest, Input, LogLevel, SetDef, What};
use super::declare::{describe, plain};
use super::fim::{self, Variant};
use super::limit::Limiter;
use super::policy::RuleDef;
use super::report::{Report, Site};
use super::scalar::Scalar;
use super::variables::How;
use crate::fields::{Field, Fields};
use crate::secl::{
    Condition, Error, ErrorKind, Expr, Kind, Macros, Owned, Program, Registry, Uses, parse,
};

/// A rule, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rule: Arc<Rule>,
    pub(super) condition: Condition<Field>,
    pub(super) actions: Vec<Action>,
    /// What alerts are counted by.
    pub(super) token: Vec<Program<Field>>,
    pub(super) limiter: Limiter,
}

/// An action, ready to be done.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) filter: Option<Condition<Field>>,
    pub(super) what: Do,
}

#[derive(Debug)]
pub(super) enum Do {
    Set(Box<Set>),
    Log { level: LogLevel, message: Option<Box<Program<Field>>> },
    Ready(ActionRequest),
}

/// Sets a variable.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) from: Value,
    pub(super) append: bool,
    pub(super) size: usize,
    /// In ns.
    pub(super) ttl: Option<u64>,
    /// The process to which it belongs, when that is not the event's.
    pub(super) of: Option<Program<Field>>,
}

#[derive(Debug)]
pub(super) enum Value {
    Fixed(Owned),
    Computed(Box<Program<Field>>),
}

impl Set {
    /// How it is set at a time, in ns since the epoch.
    pub(super) fn how(&self, now: u64) -> How {
        let expires = self.ttl.map_or(u64::MAX, |ttl| now.saturating_add(ttl));
        How { append: self.append, size: self.size, expires }
    }
}

/// Checks expressions.
pub(super) struct Compiler<'a, 's> {
    pub(super) fields: &'a Fields,
    pub(super) macros: &'a Macros,
    /// Macros that have errors.
    pub(super) broken: BTreeSet<String>,
    pub(super) report: Report<'s>,
}

/// What the parts of one rule have in common.
#[derive(Clone, Copy)]
struct Of<'a> {
    id: &'a str,
    variant: Option<&'static Variant>,
}

impl Compiler<'_, '_> {
    /// The rules that a definition stands for; none when something is wrong with it.
    pub(super) fn rule(&mut self, def: &RuleDef<'_>) -> Vec<Compiled> {
        let Some(text) = def.expression else { return Vec::new() };
        let of = Of { id: &def.common.id, variant: None };
        let Some(expr) = self.expr(text, of) else { return Vec::new() };
        let variants = fim::variants(&expr);
        if variants.is_empty() {
            return self.variant(def, text, of).into_iter().collect();
        }
        let mut rules = Vec::new();
        for variant in variants {
            // What is wrong is wrong with all of them.
            let Some(rule) = self.variant(def, text, Of { variant: Some(variant), ..of }) else {
                return Vec::new();
            };
            rules.push(rule);
        }
        rules
    }

    fn variant(&mut self, def: &RuleDef<'_>, text: Scalar<'_>, of: Of<'_>) -> Option<Compiled> {
        let condition = self.condition(text, of);
        let event = condition.as_ref().and_then(|condition| self.event(condition.uses(), text, of));
        // What is wrong with the rest does not depend on the expression.
        let known = event.as_deref();
        let mut is_right = true;
        let mut actions = Vec::new();
        for action in &def.actions {
            match self.action(action, known, of) {
                Ok(action) => actions.extend(action),
                Err(Wrong) => is_right = false,
            }
        }
        let mut token = Vec::new();
        for field in &def.limiter_token {
            match self.program(*field, known, of) {
                Ok(program) => token.push(program),
                Err(Wrong) => is_right = false,
            }
        }
        let (condition, event) = condition.zip(event).filter(|_| is_right)?;
        if !self.fields.is_reported(&event) {
            let message =
                format!("nothing reports events of type `{event}` here: the rule never matches");
            self.report
                .warning(Site::of(def.common.source, Some(of.id), def.common.node.place), &message);
        }
        let rule = Arc::new(Rule {
            id: def.common.id.clone(),
            version: def.version.clone(),
            description: def.description.clone(),
            tags: def.tags.clone(),
            product_tags: def.product_tags.clone(),
            expression: text.text().to_owned(),
            event,
            policy: def.policy.clone(),
            silent: def.silent,
            every: def.every,
            limiter_token: def.limiter_token.iter().map(|field| field.text().to_owned()).collect(),
            group_id: def.group_id.clone(),
            priority: def.priority,
        });
        Some(Compiled { rule, condition, actions, token, limiter: Limiter::new(def.every) })
    }

    fn condition(&mut self, text: Scalar<'_>, of: Of<'_>) -> Option<Condition<Field>> {
        let mut expr = self.expr(text, of)?;
        if let Some(condition) = of.variant.and_then(Variant::condition) {
            expr = self.checked(text, of, condition.and(expr))?;
        }
        self.checked(text, of, Condition::new(&expr, self.fields, self.macros))
    }

    /// The type of event that a rule is about.
    fn event(&mut self, uses: &Uses, text: Scalar<'_>, of: Of<'_>) -> Option<String> {
        let site = Site::scalar(text, Some(of.id));
        match uses.event.as_deref() {
            None => {
                let help = "compare a field of one, such as `exec.file.path`";
                let message = "the expression is about no type of event";
                self.report.error_with_help(site, message, Some(help));
                None
            }
            Some("fork") => {
                self.report.error(site, "rules cannot be about `fork`");
                None
            }
            Some(event) => Some(event.to_owned()),
        }
    }

    fn action(
        &mut self,
        def: &ActionDef<'_>,
        event: Option<&str>,
        of: Of<'_>,
    ) -> Result<Option<Action>, Wrong> {
        let filter = match def.filter {
            None => None,
            Some(text) => {
                let expr = self.expr(text, of).ok_or(Wrong)?;
                let condition = Condition::new(&expr, self.fields, self.macros);
                let condition = self.checked(text, of, condition).ok_or(Wrong)?;
                self.same_event(condition.uses(), event, text, of)?;
                Some(condition)
            }
        };
        let what = match &def.what {
            What::Unsupported(_) => return Ok(None),
            What::Ready(request) => Do::Ready(request.clone()),
            What::Set(set) => Do::Set(Box::new(self.set(set, event, of)?)),
            What::Hash { field, max_file_size } => {
                Do::Ready(self.hash(*field, *max_file_size, def, event, of)?)
            }
            What::Log { level, message } => {
                let message = match message {
                    None => None,
                    Some(text) => {
                        let expr = Expr::string(text.text().to_owned());
                        Some(Box::new(self.value(&expr, *text, event, of)?))
                    }
                };
                Do::Log { level: *level, message }
            }
        };
        Ok(Some(Action { filter, what }))
    }

    fn set(&mut self, set: &SetDef<'_>, event: Option<&str>, of: Of<'_>) -> Result<Set, Wrong> {
        let name = set.full_name();
        let from = match &set.from {
            Input::Value(value) => Value::Fixed(value.clone()),
            Input::Field(text) | Input::Expression(text) => {
                let program = self.program(*text, event, of)?;
                let wanted = self.fields.variable(&name).ok_or(Wrong)?;
                let found = plain(program.ty);
                if found.kind != wanted.kind || (found.array && !wanted.array) {
                    let (found, wanted) = (describe(found), describe(wanted));
                    let message = format!("the variable `{name}` is {wanted}, not {found}");
                    self.report.error(Site::scalar(*text, Some(of.id)), &message);
                    return Err(Wrong);
                }
                Value::Computed(Box::new(program))
            }
        };
        let of = match set.scope_field {
            None => None,
            Some(text) => {
                let program = self.program(text, event, of)?;
                if program.ty.kind != Kind::Int || program.ty.array {
                    let message = format!("expected a pid, found {}", describe(program.ty));
                    self.report.error(Site::scalar(text, Some(of.id)), &message);
                    return Err(Wrong);
                }
                Some(program)
            }
        };
        let ttl = set.ttl.map(|ttl| u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX));
        Ok(Set { name, from, append: set.append, size: set.size, ttl, of })
    }

    fn hash(
        &mut self,
        field: Option<Scalar<'_>>,
        max_file_size: u64,
        def: &ActionDef<'_>,
        event: Option<&str>,
        of: Of<'_>,
    ) -> Result<ActionRequest, Wrong> {
        let written = of.variant.map(|variant| variant.file);
        let Some(text) = field else {
            let default = match event {
                None => return Err(Wrong),
                Some("open") => Some("open.file"),
                Some("exec") => Some("exec.file"),
                Some(_) => written,
            };
            if let Some(field) = default {
                return Ok(ActionRequest::Hash { field: field.to_owned(), max_file_size });
            }
            let site = Site::of(def.source, Some(of.id), def.place);
            self.report.error(site, "`hash` needs a `field` here");
            return Err(Wrong);
        };
        let field = match (text.text(), written) {
            (fim::GROUP, Some(written)) => written.to_owned(),
            (field, _) => field.to_owned(),
        };
        let path = self.fields.field(&format!("{field}.path"));
        let is_file = path.is_some_and(|path| {
            let is_other = |event| path.event.as_deref().is_some_and(|other| other != event);
            path.iterator.is_none() && !event.is_some_and(is_other)
        });
        if !is_file {
            let message = format!("`{field}` is no file of this event");
            let help = "name a group of fields, such as `process.file`";
            self.report.error_with_help(Site::scalar(text, Some(of.id)), &message, Some(help));
            return Err(Wrong);
        }
        Ok(ActionRequest::Hash { field, max_file_size })
    }

    /// A value of the event.
    fn program(
        &mut self,
        text: Scalar<'_>,
        event: Option<&str>,
        of: Of<'_>,
    ) -> Result<Program<Field>, Wrong> {
        let expr = self.expr(text, of).ok_or(Wrong)?;
        self.value(&expr, text, event, of)
    }

    fn value(
        &mut self,
        expr: &Expr,
        text: Scalar<'_>,
        event: Option<&str>,
        of: Of<'_>,
    ) -> Result<Program<Field>, Wrong> {
        let program = Program::new(expr, self.fields, self.macros);
        let program = self.checked(text, of, program).ok_or(Wrong)?;
        self.same_event(program.uses(), event, text, of)?;
        Ok(program)
    }

    fn same_event(
        &mut self,
        uses: &Uses,
        event: Option<&str>,
        text: Scalar<'_>,
        of: Of<'_>,
    ) -> Result<(), Wrong> {
        match (&uses.event, event) {
            (Some(other), Some(event)) if other != event => {
                let message = format!("the rule is about `{event}`, not `{other}`");
                self.report.error(Site::scalar(text, Some(of.id)), &message);
                Err(Wrong)
            }
            _ => Ok(()),
        }
    }

    fn expr(&mut self, text: Scalar<'_>, of: Of<'_>) -> Option<Expr> {
        let mut expr = self.checked(text, of, parse(text.text()))?;
        if let Some(variant) = of.variant {
            variant.apply(&mut expr);
        }
        Some(expr)
    }

    fn checked<T>(&mut self, text: Scalar<'_>, of: Of<'_>, result: Result<T, Error>) -> Option<T> {
        let broken = &self.broken;
        let explained = result.map_err(|error| {
            explain(error, |name| {
                broken.contains(name).then(|| format!("the macro `{name}` has errors"))
            })
        });
        explained.map_err(|error| self.report.secl(text, Some(of.id), &error)).ok()
    }
}

/// Something is wrong, and has been reported.
struct Wrong;

/// An error about an unknown name, with what is known of it.
pub(super) fn explain(error: Error, known: impl Fn(&str) -> Option<String>) -> Error {
    match &error.kind {
        ErrorKind::UnknownName(name) => match known(name) {
            Some(help) => Error { help: Some(help), ..error },
            None => error,
        },
        _ => error,
    }
}
