//! Configuration files.

use std::collections::BTreeSet;

use sentrace_yaml::{Errors, Node, Value, parse};

use super::Config;
use super::settings::{INERT, LISTS, SETTINGS};

impl Config {
    /// Takes what a file says; `name` is its name for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&mut self, name: &str, text: &str) -> Result<(), Errors> {
        let root = parse(name, text)?;
        let mut errors = Errors::new(name);
        self.map(&root, "", text, &mut errors);
        errors.into_result(())
    }

    /// A map of settings and further maps; `prefix` is its key with a dot.
    fn map(&mut self, node: &Node, prefix: &str, text: &str, errors: &mut Errors) {
        for (key, value) in node.map(errors) {
            let Some(name) = key.text(errors) else { continue };
            let path = format!("{prefix}{name}");
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == path) {
                let is_list = LISTS.contains(&setting.key);
                match scalar(value, text).or_else(|| is_list.then(|| elements(value, text))?) {
                    Some(text) => {
                        if let Err(message) = (setting.set)(self, &text) {
                            errors.add(value.place, message);
                        }
                    }
                    None if is_list => errors.expected(value, "a list of texts without commas"),
                    None => errors.expected(value, "a single value"),
                }
            } else if INERT.contains(&path.as_str()) {
                tracing::warn!("{}:{}: {path} has no effect", errors.file(), key.place.line);
            } else if below(&path).next().is_some() {
                self.map(value, &format!("{path}."), text, errors);
            } else {
                let known: BTreeSet<&str> = keys(prefix).collect();
                errors.unknown(key.place, "key", name, known.into_iter());
            }
        }
    }
}

/// A scalar as it is written in the file, without quotes; `None` for lists and maps.
fn scalar(node: &Node, text: &str) -> Option<String> {
    match &node.value {
        Value::Null => Some(String::new()),
        Value::Str(text) => Some(text.clone()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            let written = text.get(node.place.offset..)?.get(..node.place.len)?;
            Some(written.to_owned())
        }
        Value::Seq(_) | Value::Map(_) => None,
    }
}

/// A list of scalars, separated by commas, which none of them has.
fn elements(node: &Node, text: &str) -> Option<String> {
    let Value::Seq(nodes) = &node.value else { return None };
    let elements: Option<Vec<String>> = nodes.iter().map(|node| scalar(node, text)).collect();
    elements.filter(|all| all.iter().all(|one| !one.contains(','))).map(|all| all.join(","))
}

/// All keys below one.
fn below(path: &str) -> impl Iterator<Item = &'static str> {
    let all = SETTINGS.iter().map(|setting| setting.key).chain(INERT.iter().copied());
    all.filter_map(move |key| key.strip_prefix(path)?.strip_prefix('.'))
}

/// The keys of a map.
fn keys(prefix: &str) -> impl Iterator<Item = &'static str> {
    let all = SETTINGS.iter().map(|setting| setting.key).chain(INERT.iter().copied());
    let inside = all.filter_map(move |key| key.strip_prefix(prefix));
    inside.map(|key| key.split('.').next().unwrap_or_default())
}
