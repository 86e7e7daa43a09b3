//! A small model that has one of everything, for the tests of emitters.

use crate::model::*;

/// A field with a type.
pub(crate) fn field(name: &str, ty: FieldType) -> Field {
    Field {
        name: name.into(),
        ty: Some(ty),
        json: name.into(),
        doc: format!("the field {name}").trim_end().into(),
    }
}

/// The place of a removed field.
pub(crate) fn reserved(reason: &str) -> Field {
    Field { name: String::new(), ty: None, json: String::new(), doc: reason.into() }
}

/// An event with these fields.
pub(crate) fn event(name: &str, fields: Vec<Field>) -> Event {
    Event {
        name: name.into(),
        doc: format!("{name} happened"),
        category: Category::File,
        by_engine: false,
        results: Results::All,
        retval: true,
        record: Record { fields, ..Record::default() },
    }
}

/// One of everything.
pub(crate) fn model() -> Model {
    let file = Group {
        name: "file".into(),
        doc: "a file [or <directory>]".into(),
        record: Record {
            fields: vec![
                field("path", FieldType::Path),
                field("mode", FieldType::Mode),
                field("visible", FieldType::Bool),
            ],
            derived: vec![Derived {
                name: "name".into(),
                ty: FieldType::String,
                by: "basename".into(),
                of: 0,
                json: "name".into(),
                doc: "last part".into(),
            }],
            aliases: vec![],
        },
    };
    let mut open = event(
        "open",
        vec![
            field("file", FieldType::Group(0)),
            reserved("never filled"),
            field("flags", FieldType::Set(0)),
            field("type", FieldType::Int),
            field("syscall.argv", FieldType::Strings),
        ],
    );
    open.record.aliases = vec![("syscall.flags".into(), 2)];
    let named =
        |name: &str, values: [i64; 2]| Named { name: name.into(), values: values.map(Some).into() };
    Model {
        abis: vec![abi("amd64", 0, 0xC000_003E), abi("arm64", 1, 0xC000_00B7)],
        sets: vec![Set {
            name: "open_flags".into(),
            doc: "flags of open(2)".into(),
            kind: SetKind::Flags,
            width: SetWidth::U32,
            rules: true,
            fields: vec![Masked {
                name: "O_ACCMODE".into(),
                mask: 3,
                values: vec![named("O_RDONLY", [0, 0]), named("O_WRONLY", [1, 1])],
            }],
            values: vec![named("O_CREAT", [64, 64]), named("O_DIRECT", [0o40000, 0o200000])],
        }],
        families: vec![Family {
            name: "errors".into(),
            doc: "error numbers".into(),
            values: vec![named("EPERM", [-1, -1])],
        }],
        groups: vec![file],
        context: vec![Context { prefix: "process.file".into(), group: 0, iterator: false }],
        events: vec![
            event("fork", vec![field("", FieldType::Group(0)), field("peer", FieldType::Ip)]),
            open,
            event("io_uring_setup", vec![field("ids", FieldType::Ints)]),
            event("nothing", vec![]),
        ],
        ..Model::default()
    }
}

fn abi(name: &str, id: u16, audit: u32) -> Abi {
    Abi {
        name: name.into(),
        id,
        audit,
        number_flag: 0,
        word: 64,
        kernel_long: 64,
        machine: name.into(),
        pairs: Pairs::None,
        align64: 8,
        uid16: false,
        number: String::new(),
        args: vec![],
        result: String::new(),
    }
}
