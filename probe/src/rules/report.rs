//! Collects what is wrong with policies.

use std::ops::Range;

use sentrace_yaml::{Errors, Place};

use super::policy::Definition;
use super::scalar::Scalar;
use super::{Diagnostic, Severity, Source};
use crate::secl;

/// Errors after which no more are looked for: that takes long, and nobody wants to read them.
const ERRORS_MAX: usize = 1000;
/// Warnings and errors that are kept.
const DIAGNOSTICS_MAX: usize = 2 * ERRORS_MAX;

/// How errors of the YAML say which name was meant.
const MEANT: &str = " (did you mean ";

/// What is wrong with some files, so far.
pub(super) struct Report<'s> {
    sources: &'s [Source],
    /// Each with its file and place.
    found: Vec<(usize, usize, Diagnostic)>,
    errors: usize,
}

/// What a complaint is about: a part of a file, and a rule.
#[derive(Debug, Clone)]
pub(super) struct Site<'a> {
    pub(super) source: usize,
    pub(super) rule: Option<&'a str>,
    pub(super) part: Range<usize>,
}

impl<'a> Site<'a> {
    /// A node of a file.
    pub(super) fn of(source: usize, rule: Option<&'a str>, place: Place) -> Self {
        Self { source, rule, part: place.offset..place.offset + place.len }
    }

    /// A scalar.
    pub(super) fn scalar(scalar: Scalar<'_>, rule: Option<&'a str>) -> Self {
        Self::of(scalar.source, rule, scalar.node.place)
    }
}

impl<'s> Report<'s> {
    pub(super) fn new(sources: &'s [Source]) -> Self {
        Self { sources, found: Vec::new(), errors: 0 }
    }

    /// Something that keeps a rule, macro or file from being loaded.
    pub(super) fn error(&mut self, site: Site<'_>, message: &str) {
        self.add(Severity::Error, site, message, None);
    }

    /// The same, with advice.
    pub(super) fn error_with_help(&mut self, site: Site<'_>, message: &str, help: Option<&str>) {
        self.add(Severity::Error, site, message, help.map(str::to_owned));
    }

    /// Something that makes a rule do less than it says.
    pub(super) fn warning(&mut self, site: Site<'_>, message: &str) {
        self.add(Severity::Warning, site, message, None);
    }

    /// An error in an expression.
    pub(super) fn secl(&mut self, scalar: Scalar<'_>, rule: Option<&str>, error: &secl::Error) {
        let part = scalar.locate(error.span);
        let site = Site { source: scalar.source, rule, part };
        self.add(Severity::Error, site, &error.kind.to_string(), error.help.clone());
    }

    /// Errors of the YAML.
    pub(super) fn yaml(&mut self, source: usize, rule: Option<&str>, errors: &Errors) {
        for error in errors.iter() {
            let site = Site::of(source, rule, error.place);
            let advice = error.message.strip_suffix(')').and_then(|text| text.split_once(MEANT));
            match advice {
                Some((message, name)) => {
                    let help = format!("did you mean {name}");
                    self.error_with_help(site, message, Some(&help));
                }
                None => self.error(site, &error.message),
            }
        }
    }

    /// `file:line` of a definition.
    pub(super) fn place(&self, def: &Definition<'_>) -> String {
        format!("{}:{}", self.sources[def.source].name, def.node.place.line)
    }

    /// Whether there is more wrong than anybody wants to read.
    pub(super) fn is_full(&self) -> bool {
        self.errors >= ERRORS_MAX
    }

    /// Says that nothing is loaded from here on.
    pub(super) fn give_up(&mut self, site: Site<'_>) {
        self.errors = 0;
        self.error(site, "too many errors: what follows is not loaded");
        self.errors = ERRORS_MAX;
    }

    /// All of it, in the order of the files.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(source, offset, _)| (*source, *offset));
        self.found.into_iter().map(|(_, _, diagnostic)| diagnostic).collect()
    }

    fn add(&mut self, severity: Severity, site: Site<'_>, message: &str, help: Option<String>) {
        if self.is_full() || self.found.len() >= DIAGNOSTICS_MAX {
            return;
        }
        self.errors += usize::from(severity == Severity::Error);
        let source = &self.sources[site.source];
        let offset = site.part.start;
        let file = (source.name.as_str(), source.text.as_str());
        let mut diagnostic = Diagnostic::new(severity, file, site.part, message);
        diagnostic.rule = site.rule.map(str::to_owned);
        diagnostic.help = help;
        self.found.push((site.source, offset, diagnostic));
    }
}
