//! From policy files to rules.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sentrace_yaml::{Node, nearest};

use super::compile::{Compiler, explain};
use super::declare::declare;
use super::policy::{Body, Combine, Definition, MacroDef, Part, Policy, RuleDef, read};
use super::report::{Report, Site};
use super::variables::Store;
use super::{Diagnostic, HostModel, RuleSet, Source};
use crate::fields::Fields;
use crate::secl::lexer::is_keyword;
use crate::secl::{Condition, Expr, Macros, Registry, Uses, parse, parse_macro};

/// Loads policies, in their order: the rules that are right, and everything that is wrong. Whoever
/// wants all or nothing looks for a [`Severity::Error`](super::Severity::Error).
pub fn load(sources: &[Source], host: &HostModel) -> (RuleSet, Vec<Diagnostic>) {
    let mut report = Report::new(sources);
    let roots: Vec<Option<Node>> = sources
        .iter()
        .enumerate()
        .map(|(source, file)| {
            let parsed = sentrace_yaml::parse(&file.name, &file.text);
            parsed.map_err(|errors| report.yaml(source, None, &errors)).ok()
        })
        .collect();
    let policies = read(sources, &roots, &mut report);
    let mut rules = Vec::new();
    let mut macros = Vec::new();
    for Policy { macros: some, rules: others } in policies {
        macros.extend(some);
        rules.extend(others);
    }
    macros.retain(|def| concerns(&def.common, host, None, &mut report));
    let mut absent = BTreeSet::new();
    rules.retain(|def| {
        let concerns = concerns(&def.common, host, Some(&def.common.id), &mut report);
        if !concerns {
            absent.insert(def.common.id.clone());
        }
        concerns
    });
    let rules = combine(rules, absent, &mut report);

    let mut fields = Fields::default();
    let mut variables = Store::default();
    let rules = declare(rules, &mut fields, &mut variables, &mut report);
    let (macros, broken) = bodies(macros, &fields, &mut report);
    let mut compiler = Compiler { fields: &fields, macros: &macros, broken, report };
    let mut compiled = Vec::new();
    for def in &rules {
        compiled.extend(compiler.rule(def));
        if compiler.report.is_full() {
            let site = Site::of(def.common.source, None, def.common.node.place);
            compiler.report.give_up(site);
            break;
        }
    }
    compiled.sort_by_key(|rule| Reverse(rule.rule.priority));
    (RuleSet::new(compiled, variables), compiler.report.finish())
}

/// Whether a definition is for this host.
fn concerns(
    def: &Definition<'_>,
    host: &HostModel,
    rule: Option<&str>,
    report: &mut Report<'_>,
) -> bool {
    let allows = def.agent_version.as_ref().is_none_or(|wanted| wanted.allows(host.agent_version));
    if !allows {
        return false;
    }
    let mut concerns = def.filters.is_empty();
    let mut is_right = true;
    for filter in &def.filters {
        let checked =
            parse(filter.text()).and_then(|expr| Condition::new(&expr, host, &Macros::new()));
        match checked {
            Ok(condition) => concerns |= condition.matches(host),
            Err(error) => {
                report.secl(*filter, rule, &error);
                is_right = false;
            }
        }
    }
    concerns && is_right
}

/// The rules that are left when later definitions have replaced earlier ones. Those that are
/// `absent` here, or disabled, may be overridden without being there.
fn combine<'n>(
    defs: Vec<RuleDef<'n>>,
    mut absent: BTreeSet<String>,
    report: &mut Report<'_>,
) -> Vec<RuleDef<'n>> {
    let mut rules: Vec<Option<RuleDef<'n>>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for def in defs {
        let id = def.common.id.clone();
        let site = Site::of(def.common.source, Some(&id), def.common.node.place);
        let earlier = known.get(&id).copied();
        if def.disabled {
            if let Some(index) = earlier {
                rules[index] = None;
                known.remove(&id);
            }
            absent.insert(id);
            continue;
        }
        match (def.common.combine, earlier) {
            (Some(_), Some(index)) => {
                if let Some(rule) = &mut rules[index] {
                    replace(rule, def);
                }
            }
            (Some(_), None) if absent.contains(&id) => {}
            (Some(_), None) => {
                let near = nearest(&id, known.keys().map(String::as_str));
                let help = near.map(|near| format!("did you mean `{near}`?"));
                let message = format!("there is no rule `{id}` to override");
                report.error_with_help(site, &message, help.as_deref());
            }
            (None, Some(index)) => {
                let first = rules[index].as_ref().map(|rule| report.place(&rule.common));
                let first = first.unwrap_or_default();
                report.error(site, &format!("the rule `{id}` comes twice (first in {first})"));
            }
            (None, None) => {
                known.insert(id, rules.len());
                rules.push(Some(def));
            }
        }
    }
    rules.into_iter().flatten().collect()
}

/// Replaces parts of a rule.
fn replace<'n>(rule: &mut RuleDef<'n>, by: RuleDef<'n>) {
    let has = |part| by.overrides.contains(&part) || by.overrides.contains(&Part::All);
    let (expression, actions, every) =
        (has(Part::Expression), has(Part::Actions), has(Part::Every));
    let (tags, product_tags) = (has(Part::Tags), has(Part::ProductTags));
    if by.overrides.contains(&Part::All) && by.expression.is_some() {
        *rule = by;
        return;
    }
    if expression && by.expression.is_some() {
        rule.expression = by.expression;
    }
    if actions {
        rule.actions = by.actions;
    }
    if every {
        rule.every = by.every;
    }
    if tags {
        rule.tags = by.tags;
    }
    if product_tags {
        rule.product_tags = by.product_tags;
    }
}

/// The macros, and the names of those that have errors.
fn bodies(
    defs: Vec<MacroDef<'_>>,
    fields: &Fields,
    report: &mut Report<'_>,
) -> (Macros, BTreeSet<String>) {
    let mut macros = Macros::new();
    let mut broken = BTreeSet::new();
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let all: BTreeSet<String> = defs.iter().map(|def| def.common.id.clone()).collect();
    for def in &defs {
        let id = &def.common.id;
        let place = report.place(&def.common);
        match body(def, &all, fields, &macros, &first, report) {
            Some(expr) => {
                macros.insert(id.clone(), expr);
                first.insert(id.clone(), place);
            }
            None if !macros.contains_key(id) => {
                broken.insert(id.clone());
            }
            None => {}
        }
        if report.is_full() {
            break;
        }
    }
    (macros, broken)
}

fn body(
    def: &MacroDef<'_>,
    all: &BTreeSet<String>,
    fields: &Fields,
    macros: &Macros,
    first: &BTreeMap<String, String>,
    report: &mut Report<'_>,
) -> Option<Expr> {
    let id = &def.common.id;
    let site = Site::of(def.common.source, None, def.common.node.place);
    if fields.constant(id).is_some() || is_keyword(id) {
        report.error(site, &format!("`{id}` means something already"));
        return None;
    }
    let expr = match &def.body {
        Body::Values(values) => Expr::strings(values.iter().cloned()),
        Body::Expression(text) => {
            let parsed = parse_macro(text.text());
            let checked = parsed.and_then(|expr| Ok((Uses::of(&expr, fields, macros)?, expr)));
            match checked {
                Ok((_, expr)) => expr,
                Err(error) => {
                    report.secl(
                        *text,
                        None,
                        &explain(error, |name| {
                            (name == id).then(|| "a macro cannot use itself".to_owned()).or_else(
                                || {
                                    let help =
                                        || format!("the macro `{name}` is defined further down");
                                    all.contains(name).then(help)
                                },
                            )
                        }),
                    );
                    return None;
                }
            }
        }
    };
    match (def.common.combine, macros.get(id)) {
        (Some(Combine::Merge), Some(earlier)) => match earlier.clone().joined(expr) {
            Some(both) => Some(both),
            None => {
                report.error(site, "only lists can be merged");
                None
            }
        },
        (None, Some(_)) => {
            let first = first.get(id).cloned().unwrap_or_default();
            report.error(site, &format!("the macro `{id}` comes twice (first in {first})"));
            None
        }
        _ => Some(expr),
    }
}
