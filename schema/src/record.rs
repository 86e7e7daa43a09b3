//! Records and their descriptors: what an event or group consists of, so that rules, JSON and the
//! reference can walk any record by name without knowing its type.
//!
//! The types here are the vocabulary; the tables in terms of them ([`crate::EVENTS`], …) and the
//! records themselves are generated from `syscalls.yaml`.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;

use crate::derive::{By, Computed};

/// The value of a field, borrowed from its record.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// [`Ty::Bool`].
    Bool(bool),
    /// All integers, sets, ids and timestamps.
    Int(i64),
    /// [`Ty::String`] and [`Ty::Path`]: bytes as the kernel has them, without the NUL.
    Bytes(&'a [u8]),
    /// [`Ty::Strings`].
    List(&'a [Vec<u8>]),
    /// [`Ty::Ints`].
    Ints(&'a [i64]),
    /// [`Ty::Ip`]; `None` when there is no address.
    Ip(Option<IpAddr>),
    /// [`Ty::Group`].
    Record(&'a dyn Record),
}

/// The place of a field in its record, to write to.
#[derive(Debug)]
#[expect(missing_docs, reason = "the variants are those of Value")]
pub enum Slot<'a> {
    Bool(&'a mut bool),
    Int(&'a mut i64),
    Bytes(&'a mut Vec<u8>),
    List(&'a mut Vec<Vec<u8>>),
    Ints(&'a mut Vec<i64>),
    Ip(&'a mut Option<IpAddr>),
    Record(&'a mut dyn Record),
}

/// An event or group. Fields are numbered by their place in [`RecordDesc::fields`]. Who expects
/// a certain group may downcast it.
pub trait Record: Any + fmt::Debug + Send + Sync {
    /// What it consists of.
    fn desc(&self) -> &'static RecordDesc;
    /// The field at `index`.
    ///
    /// # Panics
    /// When `desc()` has no field of that index.
    fn get(&self, index: usize) -> Value<'_>;
    /// The place of the field at `index`.
    ///
    /// # Panics
    /// When `desc()` has no field of that index.
    fn get_mut(&mut self, index: usize) -> Slot<'_>;
}

/// An event or group: its fields, and the names under which rules know them.
#[derive(Debug)]
pub struct RecordDesc {
    /// Name in `syscalls.yaml`.
    pub name: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
    /// Fields in the order of their ids; ids of removed fields are left out.
    pub fields: &'static [FieldDesc],
    /// Fields that are computed on demand.
    pub derived: &'static [DerivedDesc],
    /// Further rule names: (name, index into `fields`).
    pub aliases: &'static [(&'static str, usize)],
}

impl RecordDesc {
    /// Index of the field with this SECL name or alias.
    pub fn field(&self, name: &str) -> Option<usize> {
        let own = self.fields.iter().position(|field| field.name == name);
        let alias = || self.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, of)| *of);
        own.or_else(alias)
    }
}

/// A field of a record.
#[derive(Debug)]
pub struct FieldDesc {
    /// SECL name within the record, maybe dotted; empty for a group whose fields stand at the
    /// record itself.
    pub name: &'static str,
    /// Name of the Rust field.
    pub ident: &'static str,
    /// Type.
    pub ty: Ty,
    /// Place in the JSON, dotted; empty when it is not printed.
    pub json: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
    /// Ordinal on the wire.
    pub id: u16,
}

/// A field that is computed from another one.
#[derive(Debug)]
pub struct DerivedDesc {
    /// SECL name within the record, maybe dotted.
    pub name: &'static str,
    /// Type of the result; never a group.
    pub ty: Ty,
    /// The function.
    pub by: By,
    /// Index of the field that it reads.
    pub of: usize,
    /// Place in the JSON, dotted; empty when it is not printed.
    pub json: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
}

impl DerivedDesc {
    /// The value for `record`, which must be of the type that this descriptor belongs to.
    pub fn compute<'a>(&self, record: &'a dyn Record) -> Option<Computed<'a>> {
        self.by.apply(record.get(self.of))
    }
}

/// Type of a field.
#[derive(Debug, Clone, Copy)]
pub enum Ty {
    /// True or false.
    Bool,
    /// A number.
    Int,
    /// Permission bits, printed in octal.
    Mode,
    /// User id; 4294967295 or -1 when unset.
    Uid,
    /// Group id; 4294967295 or -1 when unset.
    Gid,
    /// Process or thread id.
    Pid,
    /// Signal number.
    Signal,
    /// Nanoseconds since the epoch, 0 when unknown.
    Timestamp,
    /// Flags or an enumeration.
    Set(&'static SetDesc),
    /// Text.
    String,
    /// Path of a file: matched as a glob.
    Path,
    /// Texts.
    Strings,
    /// Numbers.
    Ints,
    /// IP address.
    Ip,
    /// A group.
    Group(&'static RecordDesc),
}

/// An event.
#[derive(Debug)]
pub struct EventDesc {
    /// Wire id, index into [`crate::EVENTS`].
    pub id: u16,
    /// SECL event type.
    pub name: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
    /// `evt.category` in the JSON.
    pub category: Category,
    /// Whether the engine reports it (otherwise syscalls do).
    pub by_engine: bool,
    /// Whether rules have `EVENT.retval`.
    pub retval: bool,
    /// What it holds.
    pub record: &'static RecordDesc,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    File,
    Process,
    Kernel,
    Network,
}

impl Category {
    /// `evt.category` in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Category::File => "file",
            Category::Process => "process",
            Category::Kernel => "kernel",
            Category::Network => "network",
        }
    }
}

/// A set of named values.
#[derive(Debug)]
pub struct SetDesc {
    /// `open_flags`, …
    pub name: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
    /// Bits or an enumeration.
    pub kind: SetKind,
    /// Whether rules may use the names.
    pub rules: bool,
    /// Enumerations inside a flag set, by mask.
    pub fields: &'static [MaskedDesc],
    /// Names and values.
    pub values: &'static [NamedDesc],
}

/// What the values of a set mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    /// Bits that may be combined.
    Flags,
    /// One value at a time.
    Enum,
}

/// An enumeration in some bits of a flag set.
#[derive(Debug)]
pub struct MaskedDesc {
    /// Name of the mask, `O_ACCMODE`.
    pub name: &'static str,
    /// The bits.
    pub mask: i64,
    /// What they may hold.
    pub values: &'static [NamedDesc],
}

/// A name with its value on each ABI.
#[derive(Debug, Clone, Copy)]
pub struct NamedDesc {
    /// `O_CREAT`, …
    pub name: &'static str,
    /// What it stands for.
    pub value: NamedValue,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum NamedValue {
    /// The same on all ABIs.
    Same(i64),
    /// By ABI id; `None` where there is nothing of this name.
    PerAbi(&'static [Option<i64>]),
}

impl NamedDesc {
    /// The value on an ABI, `None` when it has none.
    pub fn on(&self, abi: u16) -> Option<i64> {
        match self.value {
            NamedValue::Same(value) => Some(value),
            NamedValue::PerAbi(values) => values.get(usize::from(abi)).copied().flatten(),
        }
    }
}

/// Constants for rules that no field has as its type.
#[derive(Debug)]
pub struct FamilyDesc {
    /// `errors`, …
    pub name: &'static str,
    /// One line for the reference.
    pub doc: &'static str,
    /// Names and values.
    pub values: &'static [NamedDesc],
}

/// A group that every rule may use.
#[derive(Debug)]
pub struct ContextDesc {
    /// SECL prefix: `process`, `process.ancestors`, …
    pub prefix: &'static str,
    /// The group.
    pub record: &'static RecordDesc,
    /// Whether it is walked element by element.
    pub iterator: bool,
}

/// A system call ABI.
#[derive(Debug)]
pub struct AbiDesc {
    /// Number on the wire, index into [`crate::ABIS`].
    pub id: u16,
    /// `amd64`, `arm64`, …
    pub name: &'static str,
    /// `AUDIT_ARCH_*` of linux/audit.h.
    pub audit: u32,
    /// Bit in the syscall number that tells ABIs of one audit arch apart, or 0.
    pub number_flag: u32,
    /// Width of `long` and pointers in bits.
    pub word: u32,
    /// The `target_arch` whose tracer meets this ABI.
    pub machine: &'static str,
}
