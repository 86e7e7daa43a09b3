use super::*;
use crate::emit::sample;
use crate::model::*;

fn arg(name: &str, ty: Type, dir: Dir) -> Arg {
    Arg { name: name.into(), ty, dir }
}

/// The sample with two calls that have one of everything.
fn model() -> Model {
    let mut model = sample::model();
    let irregular =
        |name: &str, gives| Irregular { name: name.into(), gives, reason: "a reason".into() };
    let file = Gives::Value(FieldType::Group(0));
    model.irregular = vec![irregular("opened", file), irregular("socketcall", Gives::Call)];
    model.structs = vec![Struct {
        name: "open_how".into(),
        members: vec![Member {
            name: "flags".into(),
            ty: Scalar::U64,
            count: Some(2),
            offset: vec![0, 4],
        }],
        size: vec![24, 24],
    }];
    let no_bits = Condition { arg: 1, test: Test::NoBits(vec![0x8000, 0x20000]) };
    let several = Test::In(vec![vec![1, 1], vec![2, 3]]);
    let slot = |index, pair| Some(Slot { index, pair });
    let syscall = Syscall {
        name: "openat2".into(),
        doc: "opens a file".into(),
        nr: vec![Some(437), None],
        args: vec![
            arg("dfd", Type::Scalar(Scalar::Dirfd), Dir::In),
            arg("flags", Type::Scalar(Scalar::Set(0)), Dir::In),
            arg("name", Type::Path { at: Some(0), follow: Follow::When(no_bits) }, Dir::In),
            arg("how", Type::StructPtr(0, Count::Fixed(1)), Dir::InOut),
            arg("ids", Type::ScalarPtr(Scalar::Uid, Count::Arg(0)), Dir::Out),
        ],
        shapes: vec![
            Some(Shape {
                slots: vec![slot(0, false), slot(1, false), None, slot(2, true), slot(4, false)],
            }),
            None,
        ],
        events: vec![Binding {
            event: 1,
            when: vec![Condition { arg: 0, test: several }],
            sources: vec![
                Some(Source::Rust(0)),
                None,
                Some(Source::Member { arg: 3, of: 0, member: 0 }),
                Some(Source::Const(vec![-100, -100])),
            ],
        }],
        becomes: None,
    };
    let becomes = Becomes { by: 1, when: vec![] };
    model.syscalls = vec![
        syscall,
        Syscall {
            name: "socketcall".into(),
            doc: String::new(),
            nr: vec![None, Some(0xf_0001)],
            args: vec![arg("buf", Type::Bytes { len: 0 }, Dir::In)],
            shapes: vec![None, Some(Shape { slots: vec![slot(0, false)] })],
            events: vec![],
            becomes: Some(becomes),
        },
    ];
    model
}

#[test]
fn tables_of_the_sample() {
    // Formatting is not what this is about.
    let plain = |text: &str| {
        let text: String = text.split_whitespace().collect();
        [",}", ",]", ",)"].iter().fold(text, |text, end| text.replace(end, &end[1..]))
    };
    let source = rust(&model());
    for expected in [
        "(437, &syscalls::OPENAT2)",
        "(983041, &syscalls::SOCKETCALL)",
        "pub static SYSCALLS: [&SyscallDesc; 2] = [&syscalls::OPENAT2, &syscalls::SOCKETCALL]",
        "/// [openat2(2)](https://man7.org/linux/man-pages/man2/openat2.2.html)\n/// \n/// Opens a file.",
        "value(\"dfd\", Scalar::Dirfd)",
        "value(\"flags\", Scalar::Set(&sets::OPEN_FLAGS))",
        "Following::When(&Condition { arg: 1, test: Test::NoBits(PerAbi(&[0x8000, 0x20000])) })",
        "inout(\"how\", Type::StructPtr(&structs::OPEN_HOW, Count::Fixed(1)))",
        "output(\"ids\", Type::ScalarPtr(Scalar::Uid, Count::Arg(0)))",
        "&[Slot::One(0), Slot::One(1), Slot::Absent, Slot::Pair(2), Slot::One(4)], &[]",
        "Test::In(&[PerAbi(&[1]), PerAbi(&[2, 3])])",
        // The second field of the event is reserved.
        "(0, Source::Rust(&irregular::OPENED)), (1, Source::Member { arg: 3, of: &structs::OPEN_HOW, member: 0 }), (2, Source::Const(PerAbi(&[-100])))",
        "becomes: Some(Becomes { by: irregular::socketcall, when: &[] })",
        "shapes: Shapes::InOrder",
        "offset: PerAbi(&[0, 4])",
        "size: PerAbi(&[24])",
    ] {
        assert!(plain(&source).contains(&plain(expected)), "{expected}\n{source}");
    }
}
