//! Rust: a structure for every event and group, and descriptors of everything that the model
//! says about them. The vocabulary (`RecordDesc`, `Ty`, …) is the module `record` of the crate
//! that the output becomes part of.

mod describe;
mod payload;
mod registry;
mod structure;

use quote::quote;

use super::source;
use crate::model::Model;

/// The source of the module with all records and tables.
pub fn rust(model: &Model) -> String {
    let groups = model.groups.iter().map(|group| {
        let item = structure::Item { name: &group.name, doc: &group.doc, record: &group.record };
        structure::record(model, &item)
    });
    let events = model.events.iter().map(|event| {
        let item = structure::Item { name: &event.name, doc: &event.doc, record: &event.record };
        structure::record(model, &item)
    });
    let sets = registry::sets(model);
    let payload = payload::payload(model);
    let tables = registry::tables(model);
    source::file(
        "Records of events and groups, and their descriptors",
        quote! {
            use crate::derive::By;
            use crate::record::*;

            /// Fields that occur together.
            pub mod groups {
                use super::*;
                #(#groups)*
            }

            /// What each event holds.
            pub mod events {
                use super::*;
                #(#events)*
            }

            /// Flag and enum sets.
            pub mod sets {
                use super::*;
                #sets
            }

            #payload
            #tables
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::sample;

    #[test]
    fn source_of_the_sample() {
        let source = rust(&sample::model());
        for expected in [
            "/// A file \\[or \\<directory\\>\\].\n    #[derive(Debug, Clone, Default, PartialEq)]\n    pub struct File {",
            "pub struct Nothing {}",
            "pub file: super::groups::File,",
            "pub peer: Option<std::net::IpAddr>,",
            "pub type_: i64,",
            "Value::Record(&self.file)",
            "aliases: &[(\"syscall.flags\", 1)],",
        ] {
            assert!(source.contains(expected), "{expected}\n{source}");
        }
    }
}
