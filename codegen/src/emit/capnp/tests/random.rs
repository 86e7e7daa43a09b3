//! Random schemas, laid out by us and by the compiler.

use proptest::prelude::*;

use super::oracle;
use crate::emit::capnp::{Field, Kind, Node, Place, Schema, Type};

fn types() -> impl Strategy<Value = Type> {
    let data = || Just(Type::Data);
    prop_oneof![
        Just(Type::Void),
        Just(Type::Bool),
        Just(Type::Bool),
        Just(Type::Int32),
        Just(Type::Int64),
        Just(Type::UInt16),
        Just(Type::UInt16),
        Just(Type::UInt32),
        Just(Type::UInt64),
        data(),
        Just(Type::List(Box::new(Type::Data))),
        Just(Type::List(Box::new(Type::Named("S1".into())))),
        Just(Type::Named("S0".into())),
        Just(Type::Named("E".into())),
    ]
}

/// Fields of which those from `union` to `union_end` are in the union, and some later ones.
fn fields() -> impl Strategy<Value = Vec<(Type, bool)>> {
    let no_union = prop::collection::vec((types(), Just(false)), 0..40);
    let union = prop::collection::vec((types(), any::<bool>()), 2..40);
    prop_oneof![no_union, union]
}

fn structure(index: usize, fields: Vec<(Type, bool)>) -> Node {
    // A union has two members or none.
    let members = fields.iter().filter(|(_, union)| *union).count();
    let field = |(ordinal, (ty, union)): (usize, (Type, bool))| Field {
        name: format!("f{ordinal}"),
        doc: String::new(),
        ty,
        place: if union && members > 1 { Place::Union } else { Place::Own },
    };
    let fields = fields.into_iter().enumerate().map(field).collect();
    Node { name: format!("S{index}"), doc: String::new(), kind: Kind::Struct(fields) }
}

fn schemas() -> impl Strategy<Value = Schema> {
    (any::<u64>(), prop::collection::vec(fields(), 8)).prop_map(|(id, structures)| {
        let enumeration = Node {
            name: "E".into(),
            doc: "a doc".into(),
            kind: Kind::Enum(vec!["a".into(), "b".into()]),
        };
        let structures = structures.into_iter().enumerate().map(|(i, f)| structure(i, f));
        Schema { id: id | 1 << 63, nodes: structures.chain([enumeration]).collect() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_schemas(schema in schemas()) {
        oracle::compare(&schema);
    }
}
