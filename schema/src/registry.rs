//! Look-ups by name.

use std::collections::HashMap;
use std::iter;
use std::sync::LazyLock;

use crate::record::{AbiDesc, EventDesc, NamedDesc, NamedValue};
use crate::{ABIS, EVENTS, FAMILIES, SETS};

/// The event of this SECL type.
pub fn event(name: &str) -> Option<&'static EventDesc> {
    EVENTS.iter().find(|event| event.name == name)
}

/// The ABI of this name.
pub fn abi(name: &str) -> Option<&'static AbiDesc> {
    ABIS.iter().find(|abi| abi.name == name)
}

/// Value of a constant that rules may use, on an ABI.
pub fn constant(name: &str, abi: u16) -> Option<i64> {
    static VALUES: LazyLock<HashMap<&str, NamedDesc>> =
        LazyLock::new(|| constants().map(|constant| (constant.name, constant)).collect());
    VALUES.get(name)?.on(abi)
}

/// All constants that rules may use. Sets may share a name, with the same value.
pub fn constants() -> impl Iterator<Item = NamedDesc> {
    let sets = SETS.iter().filter(|set| set.rules).flat_map(|set| {
        let fields = set.fields.iter().flat_map(|field| {
            let mask = NamedDesc { name: field.name, value: NamedValue::Same(field.mask) };
            iter::once(mask).chain(field.values.iter().copied())
        });
        fields.chain(set.values.iter().copied())
    });
    sets.chain(FAMILIES.iter().flat_map(|family| family.values.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::Computed;
    use crate::record::{Record, RecordDesc, Slot, Ty, Value};
    use crate::{CONTEXT, GROUPS, Payload};

    #[test]
    fn every_table_is_indexed_by_its_ids() {
        assert!(EVENTS.iter().enumerate().all(|(id, event)| usize::from(event.id) == id));
        assert!(ABIS.iter().enumerate().all(|(id, abi)| usize::from(abi.id) == id));
        assert!(EVENTS.iter().all(|known| std::ptr::eq(event(known.name).unwrap(), known)));
        assert_eq!(event("no_such_event").map(|event| event.id), None);
        assert!(CONTEXT.iter().any(|context| context.prefix == "process.ancestors"));
    }

    /// Every descriptor says of its record what is true.
    #[test]
    fn descriptors_fit_their_records() {
        for event in &EVENTS {
            let mut payload = Payload::empty(event.id).unwrap();
            assert_eq!(payload.event().name, event.name);
            assert!(std::ptr::eq(payload.record().desc(), event.record));
            fits(payload.record_mut());
        }
        assert_eq!(Payload::empty(EVENTS.len() as u16), None);
    }

    fn fits(record: &mut dyn Record) {
        let desc = record.desc();
        for (index, field) in desc.fields.iter().enumerate() {
            let value = record.get(index);
            let expected = match (value, field.ty) {
                (Value::Bool(false), Ty::Bool)
                | (Value::Bytes([]), Ty::String | Ty::Path)
                | (Value::List([]), Ty::Strings)
                | (Value::Ints([]), Ty::Ints)
                | (Value::Ip(None), Ty::Ip) => true,
                (Value::Int(0), ty) => is_int(ty),
                (Value::Record(inner), Ty::Group(group)) => std::ptr::eq(inner.desc(), group),
                _ => false,
            };
            assert!(expected, "{}.{}: {value:?}", desc.name, field.name);
            if let Slot::Record(inner) = record.get_mut(index) {
                fits(inner);
            }
        }
        for derived in desc.derived {
            let fit = match (derived.compute(record), derived.ty) {
                (Some(Computed::Bool(_)), Ty::Bool)
                | (Some(Computed::Bytes(_)), Ty::String | Ty::Path)
                | (Some(Computed::List(_)), Ty::Strings) => true,
                (Some(Computed::Int(_)), ty) => is_int(ty),
                _ => false,
            };
            assert!(fit, "{}.{} by {:?}", desc.name, derived.name, derived.by);
        }
        assert!(desc.aliases.iter().all(|(name, of)| desc.field(name) == Some(*of)));
    }

    fn is_int(ty: Ty) -> bool {
        use Ty::*;
        matches!(ty, Int | Mode | Uid | Gid | Pid | Signal | Timestamp | Set(_))
    }

    #[test]
    fn groups_are_known_by_name() {
        let file = |group: &&&RecordDesc| group.name == "file";
        let path = GROUPS.iter().find(file).unwrap().field("path").unwrap();
        let record = crate::groups::File { path: b"/etc/passwd".to_vec(), ..Default::default() };
        let Value::Bytes(value) = record.get(path) else { panic!("a path is text") };
        assert_eq!(value, b"/etc/passwd");
        let name = record.desc().derived.iter().find(|derived| derived.name == "name").unwrap();
        assert_eq!(name.compute(&record), Some(Computed::Bytes(b"passwd".into())));
    }
}
