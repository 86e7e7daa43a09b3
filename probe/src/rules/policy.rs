//! What a policy file says, before it is known whether the expressions in it mean anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sentrace_yaml::{Fields, Node};

use super::action::ActionDef;
use super::report::{Report, Site};
use super::scalar::{Reader, Scalar};
use super::version::Constraint;
use super::{PolicyInfo, Source};

/// Macros and rules in all files together.
const DEFINITIONS_MAX: usize = 20_000;
/// Bytes of an id.
const ID_MAX: usize = 200;

/// A policy file.
pub(super) struct Policy<'n> {
    pub(super) macros: Vec<MacroDef<'n>>,
    pub(super) rules: Vec<RuleDef<'n>>,
}

/// What macros and rules have in common.
#[derive(Clone)]
pub(super) struct Definition<'n> {
    pub(super) source: usize,
    pub(super) id: String,
    /// Where the id stands.
    pub(super) node: &'n Node,
    pub(super) agent_version: Option<Constraint>,
    pub(super) filters: Vec<Scalar<'n>>,
    pub(super) combine: Option<Combine>,
}

/// How a definition goes together with an earlier one of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combine {
    Merge,
    Override,
}

/// A macro.
pub(super) struct MacroDef<'n> {
    pub(super) common: Definition<'n>,
    pub(super) body: Body<'n>,
}

/// What a macro stands for.
pub(super) enum Body<'n> {
    Expression(Scalar<'n>),
    Values(Vec<String>),
}

/// A rule.
#[derive(Clone)]
pub(super) struct RuleDef<'n> {
    pub(super) common: Definition<'n>,
    pub(super) policy: Arc<PolicyInfo>,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) product_tags: Vec<String>,
    pub(super) expression: Option<Scalar<'n>>,
    pub(super) disabled: bool,
    pub(super) overrides: Vec<Part>,
    pub(super) actions: Vec<ActionDef<'n>>,
    pub(super) every: Option<Duration>,
    pub(super) limiter_token: Vec<Scalar<'n>>,
    pub(super) silent: bool,
    pub(super) group_id: String,
    pub(super) priority: i64,
}

/// A part of a rule that an override replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Expression,
    Actions,
    Every,
    Tags,
    ProductTags,
}

/// Reads files whose YAML is right.
pub(super) fn read<'n>(
    sources: &'n [Source],
    roots: &'n [Option<Node>],
    report: &mut Report<'_>,
) -> Vec<Policy<'n>> {
    let mut left = DEFINITIONS_MAX;
    let mut policies = Vec::new();
    for (source, root) in roots.iter().enumerate() {
        if let Some(root) = root {
            policies.push(policy(source, &sources[source], root, &mut left, report));
        }
    }
    policies
}

fn policy<'n>(
    source: usize,
    file: &'n Source,
    root: &'n Node,
    left: &mut usize,
    report: &mut Report<'_>,
) -> Policy<'n> {
    let mut reader = Reader::new(source, &file.text);
    let mut keys = Fields::of(root, &mut reader.errors);
    let version = keys.get("version").and_then(|node| reader.text(node)).unwrap_or_default();
    if let Some(node) = keys.get("type") {
        reader.word(node, "type of policy", &[("policy", ())]);
    }
    keys.get("replace_policy_id").and_then(|node| reader.text(node));
    let macros = keys.get("macros").map_or(&[][..], |node| list(node, &mut reader));
    let rules = keys.get("rules").map_or(&[][..], |node| list(node, &mut reader));
    keys.finish(&mut reader.errors);
    report.yaml(source, None, &reader.errors);

    let mut is_too_long = |node: &Node, report: &mut Report<'_>| {
        if *left == 0 {
            let message = format!("more than {DEFINITIONS_MAX} macros and rules");
            report.error(Site::of(source, None, node.place), &message);
            return true;
        }
        *left -= 1;
        false
    };
    let name = file.name.rsplit('/').next().unwrap_or_default().to_owned();
    let info = Arc::new(PolicyInfo { name, version });
    let mut policy = Policy { macros: Vec::new(), rules: Vec::new() };
    for node in macros {
        if is_too_long(node, report) {
            break;
        }
        let mut reader = Reader::new(source, &file.text);
        let found = macro_def(node, &mut reader);
        report.yaml(source, None, &reader.errors);
        policy.macros.extend(found.filter(|_| reader.errors.is_empty()));
    }
    for node in rules {
        if is_too_long(node, report) {
            break;
        }
        let mut reader = Reader::new(source, &file.text);
        let found = rule_def(node, &info, &mut reader);
        let id = found.as_ref().map(|rule| rule.common.id.as_str());
        report.yaml(source, id, &reader.errors);
        if let Some(rule) = found.filter(|_| reader.errors.is_empty()) {
            for action in &rule.actions {
                action.warn(&rule.common.id, report);
            }
            policy.rules.push(rule);
        }
    }
    policy
}

fn list<'n>(node: &'n Node, reader: &mut Reader<'n>) -> &'n [Node] {
    match node.value {
        sentrace_yaml::Value::Null => &[],
        _ => node.seq(&mut reader.errors),
    }
}

fn definition<'n>(
    keys: &mut Fields<'n>,
    reader: &mut Reader<'n>,
    combines: &[(&'static str, Combine)],
) -> Option<Definition<'n>> {
    let id = keys.need("id", &mut reader.errors);
    let agent_version = keys.get("agent_version").and_then(|node| {
        let constraint = reader.scalar(node)?.text().parse();
        constraint.map_err(|why: String| reader.errors.add(node.place, why)).ok()
    });
    let filters = keys.get("filters").map_or(Vec::new(), |node| reader.scalars(node));
    let combine = keys.get("combine").and_then(|node| reader.word(node, "combination", combines));
    let id = id?;
    let text = reader.text(id)?;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !(1..=ID_MAX).contains(&text.len()) || !text.bytes().all(is_letter) {
        let message = format!("an id consists of letters, digits and `_`, at most {ID_MAX}");
        reader.errors.add(id.place, message);
        return None;
    }
    let source = reader.source;
    Some(Definition { source, id: text, node: id, agent_version, filters, combine })
}

fn macro_def<'n>(node: &'n Node, reader: &mut Reader<'n>) -> Option<MacroDef<'n>> {
    let mut keys = Fields::of(node, &mut reader.errors);
    let combines = [("merge", Combine::Merge), ("override", Combine::Override)];
    let common = definition(&mut keys, reader, &combines);
    keys.get("description").and_then(|node| reader.text(node));
    let expression = keys.get("expression");
    let values = keys.get("values");
    keys.finish(&mut reader.errors);
    let body = match (expression, values) {
        (Some(node), None) => reader.scalar(node).map(Body::Expression),
        (None, Some(node)) => {
            let values = reader.texts(node);
            if node.as_seq().is_some_and(<[Node]>::is_empty) {
                reader.errors.add(node.place, "a list cannot be empty");
            }
            Some(Body::Values(values))
        }
        _ if node.as_map().is_none() => None,
        _ => {
            let message = "a macro has either `expression` or `values`";
            reader.errors.add(node.place, message);
            None
        }
    };
    Some(MacroDef { common: common?, body: body? })
}

fn rule_def<'n>(
    node: &'n Node,
    policy: &Arc<PolicyInfo>,
    reader: &mut Reader<'n>,
) -> Option<RuleDef<'n>> {
    let mut keys = Fields::of(node, &mut reader.errors);
    let common = definition(&mut keys, reader, &[("override", Combine::Override)]);
    let mut text = |key, keys: &mut Fields<'n>| {
        keys.get(key).and_then(|node| reader.text(node)).unwrap_or_default()
    };
    let version = text("version", &mut keys);
    let description = text("description", &mut keys);
    let group_id = text("group_id", &mut keys);
    let expression = keys.get("expression").and_then(|node| reader.scalar(node));
    let mut tags = BTreeMap::new();
    for (key, value) in keys.get("tags").map_or(&[][..], |node| node.map(&mut reader.errors)) {
        if let (Some(key), Some(value)) = (reader.text(key), reader.text(value)) {
            tags.insert(key, value);
        }
    }
    let product_tags = keys.get("product_tags").map_or(Vec::new(), |node| reader.texts(node));
    let mut flag = |key, keys: &mut Fields<'n>| {
        keys.get(key).and_then(|node| node.bool(&mut reader.errors)).unwrap_or(false)
    };
    let disabled = flag("disabled", &mut keys);
    let silent = flag("silent", &mut keys);
    let overrides = keys.get("override_options").map(|node| overrides(node, reader));
    let every = keys.get("every").and_then(|node| reader.duration(node));
    let limiter_token = keys.get("limiter_token").map_or(Vec::new(), |node| reader.scalars(node));
    let priority = keys
        .get("priority")
        .and_then(|node| node.int(i64::MIN..=i64::MAX, "an integer", &mut reader.errors));
    let actions = keys.get("actions").map_or(&[][..], |node| list(node, reader));
    let actions = actions.iter().filter_map(|node| ActionDef::read(node, reader)).collect();
    keys.finish(&mut reader.errors);
    let common = common?;
    let is_part = disabled || common.combine.is_some();
    if expression.is_none() && !is_part && reader.errors.is_empty() {
        reader.errors.add(common.node.place, "`expression` is missing");
    }
    if let (Some(_), None) = (&overrides, common.combine) {
        reader.errors.add(common.node.place, "`override_options` needs `combine: override`");
    }
    Some(RuleDef {
        common,
        policy: policy.clone(),
        version,
        description,
        tags,
        product_tags,
        expression,
        disabled,
        overrides: overrides.unwrap_or(vec![Part::Expression]),
        actions,
        every,
        limiter_token,
        silent,
        group_id,
        priority: priority.unwrap_or(0),
    })
}

fn overrides<'n>(node: &'n Node, reader: &mut Reader<'n>) -> Vec<Part> {
    let parts = [
        ("all", Part::All),
        ("expression", Part::Expression),
        ("actions", Part::Actions),
        ("every", Part::Every),
        ("tags", Part::Tags),
        ("product_tags", Part::ProductTags),
    ];
    let mut keys = Fields::of(node, &mut reader.errors);
    let fields = keys.need("fields", &mut reader.errors);
    keys.finish(&mut reader.errors);
    let fields = fields.map_or(&[][..], |node| node.seq(&mut reader.errors));
    fields.iter().filter_map(|node| reader.word(node, "part of a rule", &parts)).collect()
}
