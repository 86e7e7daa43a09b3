//! Reads groups, context and events until `sentrace_codegen::load` does it with checks: sets are
//! empty, and nothing is verified.

use std::path::Path;

use sentrace_codegen::model::*;
use serde_yaml::{Mapping, Value};

pub(super) fn load(path: &Path) -> Model {
    let text = std::fs::read_to_string(path).expect("syscalls.yaml");
    let root: Mapping = serde_yaml::from_str(&text).expect("YAML");
    let mut model = Model::default();
    let ids = ["amd64", "arm64", "i386", "arm", "x32"];
    let audits = [0xC000_003E, 0xC000_00B7, 0x4000_0003, 0x4000_0028, 0xC000_003E];
    for (id, (name, audit)) in ids.into_iter().zip(audits).enumerate() {
        model.abis.push(abi(id, name, audit));
    }
    let groups = map(&root, "groups");
    for (name, _) in &groups {
        let (name, doc) = (text_of(name), String::new());
        model.groups.push(Group { name, doc, record: Record::default() });
    }
    for (index, (name, group)) in groups.iter().enumerate() {
        let group = group.as_mapping().expect("group");
        let record = record(&mut model, group, &text_of(name), true);
        model.groups[index].record = record;
        model.groups[index].doc = string(group, "doc");
    }
    for (prefix, context) in map(&root, "context") {
        let context = context.as_mapping().expect("context").clone();
        let name = string(&context, "group");
        let group = model.groups.iter().position(|group| group.name == name).expect("group");
        let iterator = context.contains_key("iterator");
        model.context.push(Context { prefix: text_of(&prefix), group, iterator });
    }
    for (name, event) in map(&root, "events") {
        let event = event.as_mapping().expect("event").clone();
        let name = text_of(&name);
        let record = record(&mut model, &event, &name, false);
        let by_engine = string(&event, "by") == "engine";
        model.events.push(Event {
            doc: string(&event, "doc"),
            category: match string(&event, "category").as_str() {
                "file" => Category::File,
                "process" => Category::Process,
                "kernel" => Category::Kernel,
                _ => Category::Network,
            },
            by_engine,
            results: Results::All,
            retval: !by_engine,
            record,
            name,
        });
    }
    model
}

fn record(model: &mut Model, from: &Mapping, name: &str, group: bool) -> Record {
    let mut record = Record::default();
    for (_, field) in map(from, "fields") {
        let field = field.as_mapping().expect("field");
        let (own, ty) = (string(field, "name"), string(field, "type"));
        let ty = field_type(model, &ty);
        let label = match ty {
            FieldType::Group(group) if own.is_empty() => model.groups[group].name.clone(),
            _ => own.clone(),
        };
        let plain = group || own.starts_with("file") || own.starts_with("syscall");
        let default = if plain { label } else { format!("{name}.{label}") };
        let json = field.get("json").map_or(default, text_of);
        record.fields.push(Field { name: own, ty: Some(ty), json, doc: string(field, "doc") });
    }
    for (name, derived) in map(from, "derived") {
        let derived = derived.as_mapping().expect("derived").clone();
        let (name, of) = (text_of(&name), string(&derived, "of"));
        let ty = field_type(model, &string(&derived, "type"));
        let of = record.fields.iter().position(|field| field.name == of).expect("of");
        let json = derived.get("json").map_or(name.clone(), text_of);
        let (by, doc) = (string(&derived, "by"), string(&derived, "doc"));
        record.derived.push(Derived { name, ty, by, of, json, doc });
    }
    for (alias, of) in map(from, "alias") {
        let of = record.fields.iter().position(|field| field.name == text_of(&of)).expect("of");
        record.aliases.push((text_of(&alias), of));
    }
    record
}

fn field_type(model: &mut Model, name: &str) -> FieldType {
    match name {
        "int" => FieldType::Int,
        "bool" => FieldType::Bool,
        "string" => FieldType::String,
        "path" => FieldType::Path,
        "strings" => FieldType::Strings,
        "ints" => FieldType::Ints,
        "ip" => FieldType::Ip,
        "timestamp" => FieldType::Timestamp,
        "mode" => FieldType::Mode,
        "uid" => FieldType::Uid,
        "gid" => FieldType::Gid,
        "pid" => FieldType::Pid,
        "signal" => FieldType::Signal,
        _ => match model.groups.iter().position(|group| group.name == name) {
            Some(group) => FieldType::Group(group),
            None => FieldType::Set(set(model, name)),
        },
    }
}

fn set(model: &mut Model, name: &str) -> SetId {
    model.sets.iter().position(|set| set.name == name).unwrap_or_else(|| {
        let (doc, fields, values) = (name.to_owned(), vec![], vec![]);
        let (kind, long, rules) = (SetKind::Flags, false, true);
        model.sets.push(Set { name: name.into(), doc, kind, long, rules, fields, values });
        model.sets.len() - 1
    })
}

fn abi(id: usize, name: &str, audit: u32) -> Abi {
    let arm = name.starts_with("arm");
    Abi {
        name: name.into(),
        id: id as u16,
        audit,
        number_flag: if name == "x32" { 0x4000_0000 } else { 0 },
        word: if name.ends_with("64") { 64 } else { 32 },
        kernel_long: if name.ends_with("64") || name == "x32" { 64 } else { 32 },
        machine: if arm { "aarch64" } else { "x86_64" }.into(),
        pairs: Pairs::None,
        align64: 8,
        uid16: false,
        number: String::new(),
        args: vec![],
        result: String::new(),
    }
}

fn map(of: &Mapping, key: &str) -> Mapping {
    of.get(key).and_then(Value::as_mapping).cloned().unwrap_or_default()
}

fn string(of: &Mapping, key: &str) -> String {
    of.get(key).map_or(String::new(), text_of)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
