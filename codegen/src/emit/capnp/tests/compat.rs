use crate::emit::capnp::{Type, breaks, keep_places, schema};
use crate::emit::sample::{event, field, model, reserved};
use crate::model::{FieldType, Model};

/// What a change of the sample breaks.
fn check(change: impl FnOnce(&mut Model), expected: &[&str]) {
    let before = schema(&model()).unwrap();
    let mut changed = model();
    change(&mut changed);
    assert_eq!(breaks(&before, &schema(&changed).unwrap()), expected);
}

#[test]
fn additions_are_fine() {
    check(|_| {}, &[]);
    check(|model| model.events.push(event("close", vec![])), &[]);
    check(|model| model.events[3].record.fields.push(field("x", FieldType::Ip)), &[]);
    check(|model| model.groups[0].record.fields.push(field("x", FieldType::Bool)), &[]);
}

#[test]
fn removals_are_told() {
    check(|model| drop(model.events.pop()), &["Event.nothing @4 is gone", "NothingEvent is gone"]);
    check(|model| drop(model.groups[0].record.fields.pop()), &["File.visible @2 is gone"]);
}

#[test]
fn renumbering_is_told() {
    check(
        |model| model.groups[0].record.fields.swap(1, 2),
        &["File.mode was @1 and is @2", "File.visible was @2 and is @1"],
    );
    check(
        |model| model.events.swap(2, 3),
        &["Event.ioUringSetup was @3 and is @4", "Event.nothing was @4 and is @3"],
    );
}

#[test]
fn other_names_and_types_are_told() {
    check(
        |model| model.groups[0].record.fields[1].name = "perm".into(),
        &["File.mode @1 is now called perm"],
    );
    check(
        |model| model.groups[0].record.fields[1].ty = Some(FieldType::String),
        &["File.mode @1 was :Int64 and is :Data"],
    );
    check(
        |model| model.events[1].record.fields[1] = field("new", FieldType::Int),
        &["OpenEvent.reserved1 @1 is now called new"],
    );
}

#[test]
fn a_removed_field_keeps_its_place() {
    let remove = |model: &mut Model| {
        model.groups[0].record.fields[1] = reserved("nobody needs it");
    };
    check(remove, &["File.reserved1 @1 was :Int64 and is :Void"]);

    let before = schema(&model()).unwrap();
    let mut changed = model();
    remove(&mut changed);
    let mut after = schema(&changed).unwrap();
    keep_places(&mut after, &before);
    assert_eq!(breaks(&before, &after), [""; 0]);
    let file = after.node("File").unwrap();
    assert_eq!((file.fields()[1].name.as_str(), &file.fields()[1].ty), ("reserved1", &Type::Int64));
}
