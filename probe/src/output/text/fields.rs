//! The fields of an event, in short.

use sentrace_schema::record::{Record, Ty};
use sentrace_schema::wire::Event;
use sentrace_tracer::decode::render::names;
use sentrace_tracer::engine::AbiId;

use crate::output::layout::{self, Field, Item, Layout, What, is_mode, signal};
use crate::output::scrub;
use crate::output::time::Rfc3339;

/// Keys and values. What would say the same as the value before it is left out.
pub(super) fn of(event: &Event) -> Vec<(String, Vec<u8>)> {
    let mut walk = Walk { abi: event.header.abi, found: Vec::new() };
    if let Some(layout) = layout::event(event.payload.event().id) {
        walk.record(layout, "", event.payload.record());
    }
    let own = format!("{}.", event.payload.event().name);
    for (key, _) in &mut walk.found {
        let short = key.strip_prefix(&own).or_else(|| key.strip_prefix("file."));
        if let Some(short) = short {
            *key = short.to_owned();
        }
    }
    walk.found
}

struct Walk {
    abi: u16,
    found: Vec<(String, Vec<u8>)>,
}

impl Walk {
    fn record(&mut self, layout: &Layout, prefix: &str, record: &dyn Record) {
        for node in layout.nodes() {
            let key = format!("{prefix}{}", node.key);
            match &node.what {
                What::Object(inner) => self.record(inner, &format!("{key}."), record),
                What::Field(field) if field.brief => {
                    let item = field.read(record);
                    if !item.is_empty(field.own) {
                        let value = self.value(&item, field);
                        let is_path = matches!(item, Item::Bytes(_));
                        if !is_path || self.found.iter().all(|(_, known)| *known != value) {
                            self.found.push((key, value));
                        }
                    }
                }
                What::Field(_) => {}
            }
        }
    }

    fn value(&self, item: &Item<'_>, field: &Field) -> Vec<u8> {
        match item {
            Item::Nothing => Vec::new(),
            Item::Bool(value) => value.to_string().into_bytes(),
            Item::Int(value) => self.int(*value, field).into_bytes(),
            Item::Bytes(text) => text.to_vec(),
            Item::List(list) => joined(list.iter().map(Vec::as_slice)),
            Item::Parts(list) => joined(list.iter().map(|text| &**text)),
            Item::Ints(list) => {
                let list: Vec<_> = list.iter().map(i64::to_string).collect();
                list.join(",").into_bytes()
            }
            Item::Ip(ip) => ip.to_string().into_bytes(),
        }
    }

    fn int(&self, value: i64, field: &Field) -> String {
        match (field.set(), field.ty) {
            (Some(set), _) => names(AbiId(self.abi), set, value, value.cast_unsigned()),
            (None, Ty::Timestamp) => Rfc3339(value.max(0).cast_unsigned()).to_string(),
            (None, Ty::Signal) => signal(value),
            _ if is_mode(field.ty) => format!("0{value:03o}"),
            _ => value.to_string(),
        }
    }
}

fn joined<'a>(list: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    scrub::list(list).collect::<Vec<_>>().join(&b',')
}
