//! Which variables there are, and of which type.

use super::action::{Input, SetDef, What, is_too_many};
use super::fim;
use super::policy::RuleDef;
use super::report::{Report, Site};
use super::scalar::Scalar;
use super::variables::{Declared, Store};
use crate::fields::Fields;
use crate::secl::{Error, Kind, Macros, Owned, Program, Text, VariableRef, parse};

/// Declares the variables of all rules, so that each rule may read those that another one sets.
/// Returns the rules whose declarations are right.
pub(super) fn declare<'n>(
    rules: Vec<RuleDef<'n>>,
    fields: &mut Fields,
    variables: &mut Store,
    report: &mut Report<'_>,
) -> Vec<RuleDef<'n>> {
    let mut right = Vec::with_capacity(rules.len());
    for rule in rules {
        let id = Some(rule.common.id.as_str());
        let mut is_right = true;
        if let Some(message) = is_too_many(&rule.actions) {
            report.error(Site::of(rule.common.source, id, rule.common.node.place), &message);
            continue;
        }
        for action in &rule.actions {
            if let What::Set(set) = &action.what {
                is_right &= declare_one(set, id, fields, variables, report);
            }
        }
        if is_right {
            right.push(rule);
        }
    }
    right
}

fn declare_one(
    set: &SetDef<'_>,
    rule: Option<&str>,
    fields: &mut Fields,
    variables: &mut Store,
    report: &mut Report<'_>,
) -> bool {
    let site = Site::scalar(set.name, rule);
    let name = set.full_name();
    let ty = match (&set.from, &set.default_value) {
        (Input::Value(value), _) => type_of(value),
        (Input::Expression(_), Some(value)) => type_of(value),
        (Input::Expression(text), None) => {
            let message = "`default_value` is missing: it tells the type of the variable";
            report.error(Site::scalar(*text, rule), message);
            return false;
        }
        (Input::Field(text), _) => match field_type(*text, fields) {
            Ok(ty) => ty,
            Err(error) => {
                report.secl(*text, rule, &error);
                return false;
            }
        },
    };
    // Added values make a list, unless an expression says how they go together.
    let is_list = set.append && !matches!(set.from, Input::Expression(_));
    let ty = VariableRef { array: ty.array || is_list, ..ty };
    let unsuited = match ty.kind {
        Kind::Ip => Some("an IP address cannot be kept in a variable"),
        Kind::Bool if ty.array || set.append => Some("a bool cannot be added to"),
        _ => None,
    };
    if let Some(message) = unsuited {
        report.error(site, message);
        return false;
    }
    let default = set.default_value.as_ref().map(type_of);
    let fits =
        default.is_none_or(|default| default.kind == ty.kind && (ty.array || !default.array));
    if !fits {
        let found = default.map_or(String::new(), describe);
        let message = format!("`default_value` is {found}, and the variable {}", describe(ty));
        report.error(site, &message);
        return false;
    }
    if matches!(name.as_str(), "process.pid" | "builtins.uuid4") {
        report.error(site, &format!("`{name}` is always there and cannot be set"));
        return false;
    }
    if let Err(known) = fields.declare(&name, ty) {
        let (known, ty) = (describe(known), describe(ty));
        let message = format!("the variable `{name}` is {known} already, not {ty}");
        report.error(site, &message);
        return false;
    }
    if set.scope_field.is_some() {
        variables.follow_pids();
    }
    let default_value = set.default_value.clone();
    let default_value = if ty.array { default_value.map(into_list) } else { default_value };
    let (scope, private, inherited) = (set.scope, set.private, set.inherited);
    variables.declare(name, Declared { scope, ty, default_value, private, inherited });
    true
}

fn field_type(text: Scalar<'_>, fields: &Fields) -> Result<VariableRef, Error> {
    let mut expr = parse(text.text())?;
    if let Some(variant) = fim::variants(&expr).first() {
        variant.apply(&mut expr);
    }
    Ok(plain(Program::new(&expr, fields, &Macros::new())?.ty))
}

fn type_of(value: &Owned) -> VariableRef {
    let (kind, array) = match value {
        Owned::Bool(_) => (Kind::Bool, false),
        Owned::Int(_) => (Kind::Int, false),
        Owned::Str(_) => (Kind::Str(Text::Plain), false),
        Owned::Ip(_) => (Kind::Ip, false),
        Owned::Ints(_) => (Kind::Int, true),
        Owned::Strs(_) => (Kind::Str(Text::Plain), true),
    };
    VariableRef { kind, array }
}

/// A list with this element; of what stands for nothing, an empty one.
fn into_list(value: Owned) -> Owned {
    match value {
        Owned::Str(text) if text.is_empty() => Owned::Strs(Vec::new()),
        Owned::Str(text) => Owned::Strs(vec![text]),
        Owned::Int(0) => Owned::Ints(Vec::new()),
        Owned::Int(value) => Owned::Ints(vec![value]),
        list => list,
    }
}

/// The type that a variable has for a value of this type.
pub(super) fn plain(ty: VariableRef) -> VariableRef {
    let kind = match ty.kind {
        Kind::Str(_) => Kind::Str(Text::Plain),
        kind => kind,
    };
    VariableRef { kind, ..ty }
}

pub(super) fn describe(ty: VariableRef) -> String {
    if ty.array { format!("list of {}s", ty.kind) } else { ty.kind.to_string() }
}
