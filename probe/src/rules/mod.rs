//! Policies: which rules there are, and which of them an event matches.
//!
//! ```text
//! files --policy--> definitions --load--> rules, diagnostics
//!                                           |
//! event, process tree ----------------> evaluate --> matches: alerts, requests for actions
//! ```
//!
//! A policy is YAML with macros and rules in SECL. Everything that is wrong with the files is
//! reported at once, each with its place; what is right is loaded all the same.

mod action;
mod compile;
mod declare;
mod diagnostic;
mod evaluate;
mod fim;
mod host;
mod limit;
mod load;
mod place;
mod policy;
mod report;
mod scalar;
#[cfg(test)]
mod tests;
mod variables;
mod version;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use action::{ActionRequest, Kill, KillScope, LogLevel};
pub use diagnostic::{Diagnostic, Severity};
pub use evaluate::{Match, RuleSet};
pub use host::{HostModel, KernelVersion};
pub use load::load;
pub use version::Version;

/// A policy file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name or path, for messages.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The rules that come with the program.
pub fn default_policy() -> Source {
    let text = include_str!("../../policies/default.policy");
    Source { name: "default.policy".into(), text: text.into() }
}

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInfo {
    /// Name of the file, without its directory.
    pub name: String,
    /// `version` of the policy.
    pub version: String,
}

/// A rule as it is known to those who see its alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `id`.
    pub id: String,
    /// `version`, empty when it has none.
    pub version: String,
    /// `description`, empty when it has none.
    pub description: String,
    /// `tags`.
    pub tags: BTreeMap<String, String>,
    /// `product_tags`.
    pub product_tags: Vec<String>,
    /// `expression` as it was written.
    pub expression: String,
    /// The type of event that it is about. A rule on `fim.write` is there once for each type of
    /// event that writes.
    pub event: String,
    /// Where it comes from.
    pub policy: Arc<PolicyInfo>,
    /// `silent`: its actions are wanted, alerts are not.
    pub silent: bool,
    /// `every`: the least time between two alerts.
    pub every: Option<Duration>,
    /// `limiter_token`: alerts are counted for each value of these fields.
    pub limiter_token: Vec<String>,
    /// `group_id`, empty when it has none.
    pub group_id: String,
    /// `priority`: rules with a higher one are evaluated first.
    pub priority: i64,
}
