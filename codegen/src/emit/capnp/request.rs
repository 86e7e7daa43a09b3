//! A schema as the message that the Cap'n Proto compiler hands to code generators.

use std::collections::BTreeMap;

use capnp::message;
use capnp::schema_capnp::{ElementSize, code_generator_request, field, node, type_, value};

use super::layout::{Size, layout};
use super::schema::{Field, Kind, Node, Place, Schema, Type};
use super::{Error, FILE, ids};

/// The `CodeGeneratorRequest` in standard stream framing.
///
/// # Errors
/// When a type does not exist, or a structure is too large.
pub fn request(schema: &Schema) -> Result<Vec<u8>, Error> {
    let types = Types::new(schema);
    let mut message = message::Builder::new_default();
    let mut request = message.init_root::<code_generator_request::Builder<'_>>();
    let mut version = request.reborrow().init_capnp_version();
    version.set_major(1);
    let mut nodes = request.reborrow().init_nodes(count(schema.nodes.len() + 1, FILE)?);
    file(nodes.reborrow().get(0), schema)?;
    for (index, item) in (1..).zip(&schema.nodes) {
        type_node(nodes.reborrow().get(index), schema, item, &types)?;
    }
    let mut requested = request.init_requested_files(1).get(0);
    requested.set_id(schema.id);
    requested.set_filename(FILE);
    Ok(capnp::serialize::write_message_to_words(&message))
}

/// Type ids and kinds by name.
struct Types<'a> {
    by_name: BTreeMap<&'a str, (u64, &'a Kind)>,
}

impl<'a> Types<'a> {
    fn new(schema: &'a Schema) -> Types<'a> {
        let entry =
            |node: &'a Node| (node.name.as_str(), (ids::child(schema.id, &node.name), &node.kind));
        Types { by_name: schema.nodes.iter().map(entry).collect() }
    }

    fn get(&self, name: &str) -> Result<(u64, &'a Kind), Error> {
        self.by_name.get(name).copied().ok_or_else(|| Error::UnknownType(name.into()))
    }

    fn size(&self, ty: &Type) -> Result<Size, Error> {
        Ok(match ty {
            Type::Void => Size::Void,
            Type::Bool => Size::Data(0),
            Type::UInt16 => Size::Data(4),
            Type::Int32 | Type::UInt32 => Size::Data(5),
            Type::Int64 | Type::UInt64 => Size::Data(6),
            Type::Data | Type::List(_) => Size::Pointer,
            Type::Named(name) => match self.get(name)?.1 {
                Kind::Struct(_) => Size::Pointer,
                Kind::Enum(_) => Size::Data(4),
            },
        })
    }
}

fn file(mut node: node::Builder<'_>, schema: &Schema) -> Result<(), Error> {
    node.set_id(schema.id);
    node.set_display_name(FILE);
    node.set_display_name_prefix_length(prefix_length(FILE));
    let mut nested = node.reborrow().init_nested_nodes(count(schema.nodes.len(), FILE)?);
    for (index, item) in (0..).zip(&schema.nodes) {
        let mut entry = nested.reborrow().get(index);
        entry.set_name(item.name.as_str());
        entry.set_id(ids::child(schema.id, &item.name));
    }
    node.set_file(());
    Ok(())
}

fn type_node(
    mut node: node::Builder<'_>,
    schema: &Schema,
    item: &Node,
    types: &Types<'_>,
) -> Result<(), Error> {
    let name = format!("{FILE}:{}", item.name);
    node.set_id(ids::child(schema.id, &item.name));
    node.set_display_name(name.as_str());
    node.set_display_name_prefix_length(prefix_length(&name));
    node.set_scope_id(schema.id);
    match &item.kind {
        Kind::Struct(fields) => structure(node.init_struct(), item, fields, types),
        Kind::Enum(names) => {
            let mut list = node.init_enum().init_enumerants(count(names.len(), &item.name)?);
            for (index, name) in names.iter().enumerate() {
                let mut enumerant = list.reborrow().get(index as u32);
                enumerant.set_name(name.as_str());
                enumerant.set_code_order(index as u16);
            }
            Ok(())
        }
    }
}

fn structure(
    mut node: node::struct_::Builder<'_>,
    item: &Node,
    fields: &[Field],
    types: &Types<'_>,
) -> Result<(), Error> {
    let sizes = fields.iter().map(|field| types.size(&field.ty)).collect::<Result<Vec<_>, _>>()?;
    let layout = layout(fields, &sizes);
    let narrow =
        |number: u32| u16::try_from(number).map_err(|_| Error::TooLarge(item.name.clone()));
    node.set_data_word_count(narrow(layout.words)?);
    node.set_pointer_count(narrow(layout.pointers)?);
    node.set_preferred_list_encoding(ElementSize::InlineComposite);
    if let Some(offset) = layout.discriminant {
        let members = fields.iter().filter(|field| field.place == Place::Union).count();
        node.set_discriminant_count(narrow(count(members, &item.name)?)?);
        node.set_discriminant_offset(offset);
    }
    let mut list = node.init_fields(count(fields.len(), &item.name)?);
    for (code_order, ordinal) in item.text_order().into_iter().enumerate() {
        let mut slot = list.reborrow().get(ordinal as u32);
        slot.set_name(fields[ordinal].name.as_str());
        slot.set_code_order(code_order as u16);
        slot.reborrow().init_ordinal().set_explicit(ordinal as u16);
        field_slot(slot.init_slot(), &fields[ordinal], layout.offsets[ordinal], types)?;
    }
    let union = fields.iter().enumerate().filter(|(_, field)| field.place == Place::Union);
    for (discriminant, (ordinal, _)) in union.enumerate() {
        list.reborrow().get(ordinal as u32).set_discriminant_value(discriminant as u16);
    }
    Ok(())
}

fn field_slot(
    mut slot: field::slot::Builder<'_>,
    field: &Field,
    offset: u32,
    types: &Types<'_>,
) -> Result<(), Error> {
    slot.set_offset(offset);
    field_type(slot.reborrow().init_type(), &field.ty, types)?;
    default(slot.init_default_value(), &field.ty, types)
}

fn field_type(mut to: type_::Builder<'_>, ty: &Type, types: &Types<'_>) -> Result<(), Error> {
    match ty {
        Type::Void => to.set_void(()),
        Type::Bool => to.set_bool(()),
        Type::Int32 => to.set_int32(()),
        Type::Int64 => to.set_int64(()),
        Type::UInt16 => to.set_uint16(()),
        Type::UInt32 => to.set_uint32(()),
        Type::UInt64 => to.set_uint64(()),
        Type::Data => to.set_data(()),
        Type::List(element) => {
            return field_type(to.init_list().init_element_type(), element, types);
        }
        Type::Named(name) => match types.get(name)? {
            (id, Kind::Struct(_)) => to.init_struct().set_type_id(id),
            (id, Kind::Enum(_)) => to.init_enum().set_type_id(id),
        },
    }
    Ok(())
}

/// The default of every field is zero or nothing, which still has a type.
fn default(mut to: value::Builder<'_>, ty: &Type, types: &Types<'_>) -> Result<(), Error> {
    match ty {
        Type::Void => to.set_void(()),
        Type::Bool => to.set_bool(false),
        Type::Int32 => to.set_int32(0),
        Type::Int64 => to.set_int64(0),
        Type::UInt16 => to.set_uint16(0),
        Type::UInt32 => to.set_uint32(0),
        Type::UInt64 => to.set_uint64(0),
        Type::Data => to.set_data(&[]),
        Type::List(_) => drop(to.init_list()),
        Type::Named(name) => match types.get(name)?.1 {
            Kind::Struct(_) => drop(to.init_struct()),
            Kind::Enum(_) => to.set_enum(0),
        },
    }
    Ok(())
}

/// Length of what stands before the last part of a display name.
fn prefix_length(display_name: &str) -> u32 {
    display_name.rfind([':', '.']).map_or(0, |at| at as u32 + 1)
}

/// A number of list elements; ordinals are 16 bits wide.
fn count(number: usize, of: &str) -> Result<u32, Error> {
    match u16::try_from(number) {
        Ok(number) => Ok(number.into()),
        Err(_) => Err(Error::TooLarge(of.into())),
    }
}
