//! What the Cap'n Proto compiler makes of a schema text, compared with our request.

use std::collections::BTreeMap;
use std::process::Command;

use capnp::message::ReaderOptions;
use capnp::schema_capnp::{code_generator_request, field, node, type_};

use crate::emit::capnp::{Schema, request, text};

/// Fails unless the compiler lays the schema out as we do.
pub(super) fn compare(schema: &Schema) {
    let theirs = compile(&text(schema)).unwrap_or_else(|error| panic!("{error}{}", text(schema)));
    let ours = summary(&request(schema).unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (id, node) in &theirs {
        let ours = ours.get(id).map_or("", String::as_str);
        assert_eq!(ours, node, "\nours: {ours}\ntheirs: {node}");
    }
}

/// The compiler's nodes, or its errors.
pub(super) fn compile(text: &str) -> Result<BTreeMap<u64, String>, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("events.capnp"), text).unwrap();
    let output = Command::new("capnp")
        .args(["compile", "-o-", "events.capnp"])
        .current_dir(&directory)
        .output()
        .expect("the Cap'n Proto compiler (package capnproto) runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(summary(&output.stdout))
}

/// Everything of a request that matters, by node id.
fn summary(request: &[u8]) -> BTreeMap<u64, String> {
    let message = capnp::serialize::read_message(request, ReaderOptions::new()).unwrap();
    let request = message.get_root::<code_generator_request::Reader<'_>>().unwrap();
    let nodes = request.get_nodes().unwrap();
    nodes.iter().map(|node| (node.get_id(), node_summary(node))).collect()
}

fn node_summary(node: node::Reader<'_>) -> String {
    let name = node.get_display_name().unwrap().to_str().unwrap();
    let (scope, prefix) = (node.get_scope_id(), node.get_display_name_prefix_length());
    let mut summary = format!("{name} prefix {prefix} in {scope:x}");
    for nested in node.get_nested_nodes().unwrap() {
        summary +=
            &format!("\n  {} {:x}", nested.get_name().unwrap().to_str().unwrap(), nested.get_id());
    }
    match node.which().unwrap() {
        node::File(()) => summary += "\n  file",
        node::Struct(item) => {
            let counts = (item.get_data_word_count(), item.get_pointer_count());
            let union = (item.get_discriminant_count(), item.get_discriminant_offset());
            let encoding = item.get_preferred_list_encoding().unwrap() as u16;
            summary += &format!("\n  {counts:?} union {union:?} lists {encoding}");
            for field in item.get_fields().unwrap() {
                summary += &format!("\n  {}", field_summary(field));
            }
        }
        node::Enum(item) => {
            for one in item.get_enumerants().unwrap() {
                let name = one.get_name().unwrap().to_str().unwrap();
                summary += &format!("\n  {name} {}", one.get_code_order());
            }
        }
        _ => panic!("only files, structures and enumerations"),
    }
    summary
}

fn field_summary(field: field::Reader<'_>) -> String {
    let name = field.get_name().unwrap().to_str().unwrap();
    let (order, union) = (field.get_code_order(), field.get_discriminant_value());
    let field::ordinal::Explicit(ordinal) = field.get_ordinal().which().unwrap() else {
        panic!("ordinals are explicit");
    };
    let field::Slot(slot) = field.which().unwrap() else { panic!("no groups") };
    assert!(!slot.get_had_explicit_default());
    let ty = type_summary(slot.get_type().unwrap());
    let default = default_summary(slot.get_default_value().unwrap());
    let offset = slot.get_offset();
    format!("{name} @{ordinal} order {order} union {union} at {offset} :{ty} = {default}")
}

fn default_summary(value: capnp::schema_capnp::value::Reader<'_>) -> String {
    use capnp::schema_capnp::value::*;
    match value.which().unwrap() {
        Void(()) => "void".into(),
        Bool(value) => value.to_string(),
        Int32(value) => format!("{value} as i32"),
        Int64(value) => format!("{value} as i64"),
        Uint16(value) => format!("{value} as u16"),
        Uint32(value) => format!("{value} as u32"),
        Uint64(value) => format!("{value} as u64"),
        Data(value) => format!("{:?}", value.unwrap()),
        Enum(value) => format!("{value} as enum"),
        List(value) => format!("list, null {}", value.is_null()),
        Struct(value) => format!("struct, null {}", value.is_null()),
        _ => panic!("not a type that we use"),
    }
}

fn type_summary(ty: type_::Reader<'_>) -> String {
    match ty.which().unwrap() {
        type_::List(list) => format!("List({})", type_summary(list.get_element_type().unwrap())),
        type_::Struct(item) => format!("struct {:x}", item.get_type_id()),
        type_::Enum(item) => format!("enum {:x}", item.get_type_id()),
        type_::Void(()) => "Void".into(),
        type_::Bool(()) => "Bool".into(),
        type_::Int32(()) => "Int32".into(),
        type_::Int64(()) => "Int64".into(),
        type_::Uint16(()) => "UInt16".into(),
        type_::Uint32(()) => "UInt32".into(),
        type_::Uint64(()) => "UInt64".into(),
        type_::Data(()) => "Data".into(),
        _ => panic!("not a type that we use"),
    }
}
