//! The file as it stands: typed, with places, with no name looked up. What has another form than
//! docs/spec.md says is reported here, and left out.

mod names;
mod records;
mod sections;
mod syntax;
mod syscalls;

use sentrace_yaml::{Errors, Fields, Node};

pub(super) use names::Name;
pub(super) use records::{Context, Default, Derived, Event, Field, Group, Record, Results};
pub(super) use sections::{Abi, Family, Irregular, PerAbi, Set, Struct, Values};
pub(super) use syntax::{Atom, Condition, Source, Test, TypeExpr, TypeForm, Value};
pub(super) use syscalls::{Arg, Binding, Follow, Numbers, Syscall};

/// Limits of what a file may hold: far above what there is, and low enough for every use of
/// them. What the tables of the decoders count in a byte stays below 256.
pub(super) mod limits {
    pub(crate) const ABIS: usize = 16;
    pub(crate) const SETS: usize = 1024;
    pub(crate) const VALUES: usize = 4096;
    pub(crate) const STRUCTS: usize = 1024;
    pub(crate) const MEMBERS: usize = 255;
    pub(crate) const FUNCTIONS: usize = 256;
    pub(crate) const GROUPS: usize = 256;
    pub(crate) const EVENTS: usize = 1024;
    pub(crate) const FIELDS: usize = 255;
    pub(crate) const SYSCALLS: usize = 4096;
    pub(crate) const BINDINGS: usize = 32;
    /// Registers that hold arguments.
    pub(crate) const ARGS: usize = 6;
}

/// All sections. ABIs, events and fields are sorted by id.
pub(super) struct File<'n> {
    pub(super) abis: Vec<Abi<'n>>,
    pub(super) sets: Vec<Set<'n>>,
    pub(super) families: Vec<Family<'n>>,
    pub(super) structs: Vec<Struct<'n>>,
    pub(super) irregular: Vec<Irregular<'n>>,
    pub(super) groups: Vec<Group<'n>>,
    pub(super) context: Vec<Context<'n>>,
    pub(super) events: Vec<Event<'n>>,
    pub(super) syscalls: Vec<Syscall<'n>>,
}

/// Reads the file.
pub(super) fn file<'n>(tree: &'n Node, errors: &mut Errors) -> File<'n> {
    let mut of = Fields::of(tree, errors);
    let file = File {
        abis: sections::abis(of.get("abis"), errors),
        sets: sections::sets(of.get("flags"), of.get("enums"), errors),
        families: sections::families(of.get("constants"), errors),
        structs: sections::structs(of.get("structs"), errors),
        irregular: sections::irregular(of.get("irregular"), errors),
        groups: records::groups(of.get("groups"), errors),
        context: records::context(of.get("context"), errors),
        events: records::events(of.get("events"), errors),
        syscalls: syscalls::syscalls(of.get("syscalls"), errors),
    };
    of.finish(errors);
    file
}
