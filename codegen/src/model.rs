//! The resolved model: what `syscalls.yaml` means, with every name looked up and every default
//! filled in. Every output derives from it, and nothing in it can be wrong: the checks have
//! the last word before a model exists.
//!
//! Cross references are indices into the model's own vectors ([`SetId`], [`EventId`], …), so that
//! emitters never look anything up by name.

mod vocabulary;

use serde::Serialize;

/// Index into [`Model::abis`].
pub type AbiId = usize;
/// Index into [`Model::sets`].
pub type SetId = usize;
/// Index into [`Model::structs`].
pub type StructId = usize;
/// Index into [`Model::groups`].
pub type GroupId = usize;
/// Index into [`Model::events`]; equal to the event's wire id.
pub type EventId = usize;

/// The whole of `syscalls.yaml`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Model {
    /// By wire id.
    pub abis: Vec<Abi>,
    /// Flag and enum sets, in file order.
    pub sets: Vec<Set>,
    /// Constants for rules only.
    pub families: Vec<Family>,
    /// Memory layouts.
    pub structs: Vec<Struct>,
    /// Hand-written functions that sources may call.
    pub irregular: Vec<Irregular>,
    /// Fields that occur together.
    pub groups: Vec<Group>,
    /// Groups that every rule may use.
    pub context: Vec<Context>,
    /// By wire id.
    pub events: Vec<Event>,
    /// Sorted by name.
    pub syscalls: Vec<Syscall>,
}

/// One ABI: a row of data.
#[derive(Debug, Clone, Serialize)]
pub struct Abi {
    /// `amd64`, `arm64`, …
    pub name: String,
    /// Number on the wire.
    pub id: u16,
    /// `AUDIT_ARCH_*` of linux/audit.h.
    pub audit: u32,
    /// Bit that tells ABIs of one audit arch apart, or 0.
    pub number_flag: u32,
    /// Width of `long` and pointers in bits.
    pub word: u32,
    /// Width of `__kernel_long_t` in bits.
    pub kernel_long: u32,
    /// The `target_arch` whose tracer meets this ABI.
    pub machine: String,
    /// How 64-bit arguments travel.
    pub pairs: Pairs,
    /// Alignment of 64-bit struct members in bytes.
    pub align64: u32,
    /// Whether `old_uid` arguments are 16 bits wide.
    pub uid16: bool,
    /// Register of the syscall number, named as in the tracer's register set.
    pub number: String,
    /// Argument registers.
    pub args: Vec<String>,
    /// Register of the result.
    pub result: String,
}

/// How a 64-bit argument travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Pairs {
    /// In one register.
    None,
    /// In the next two registers.
    Unaligned,
    /// In two registers, the first of which has an even index.
    Even,
}

/// A set of named values.
#[derive(Debug, Clone, Serialize)]
pub struct Set {
    /// `open_flags`, …
    pub name: String,
    /// One line for the reference.
    pub doc: String,
    /// Bits or an enumeration.
    pub kind: SetKind,
    /// How wide an argument or member of this type is.
    pub width: SetWidth,
    /// Whether rules may use the names.
    pub rules: bool,
    /// Enumerations inside a flag set, by mask.
    pub fields: Vec<Masked>,
    /// Names and values, in file order.
    pub values: Vec<Named>,
}

/// How wide an argument or member is whose type is a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SetWidth {
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// As wide as a `long`.
    Long,
    /// 64 bits.
    U64,
}

/// What the values of a set mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SetKind {
    /// Bits that may be combined.
    Flags,
    /// One value at a time.
    Enum,
}

/// An enumeration in some bits of a flag set.
#[derive(Debug, Clone, Serialize)]
pub struct Masked {
    /// Name of the mask, `O_ACCMODE`.
    pub name: String,
    /// The bits.
    pub mask: u64,
    /// What they may hold.
    pub values: Vec<Named>,
}

/// A name with a value on each ABI.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// `O_CREAT`, …
    pub name: String,
    /// By [`AbiId`]; `None` where there is nothing of this name.
    pub values: Vec<Option<i64>>,
}

/// Constants that no argument has as a type.
#[derive(Debug, Clone, Serialize)]
pub struct Family {
    /// `errors`, …
    pub name: String,
    /// One line for the reference.
    pub doc: String,
    /// Names and values.
    pub values: Vec<Named>,
}

/// A C structure.
#[derive(Debug, Clone, Serialize)]
pub struct Struct {
    /// Kernel name.
    pub name: String,
    /// Members in order.
    pub members: Vec<Member>,
    /// Size in bytes, by [`AbiId`].
    pub size: Vec<u32>,
}

/// One member of a [`Struct`].
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    /// Kernel name.
    pub name: String,
    /// Its type.
    pub ty: Scalar,
    /// Array length, or `None` for a single value.
    pub count: Option<u32>,
    /// Offset in bytes, by [`AbiId`].
    pub offset: Vec<u32>,
}

/// A hand-written function that a source calls.
#[derive(Debug, Clone, Serialize)]
pub struct Irregular {
    /// Name of the Rust function.
    pub name: String,
    /// What it gives.
    pub gives: Gives,
    /// Why the tables cannot say it.
    pub reason: String,
}

/// What an [`Irregular`] function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Gives {
    /// The value of a field of this type.
    Value(FieldType),
    /// The call that another is in disguise.
    Call,
}

/// A system call.
#[derive(Debug, Clone, Serialize)]
pub struct Syscall {
    /// Kernel name.
    pub name: String,
    /// Remark for the reference.
    pub doc: String,
    /// Number by [`AbiId`], without the number flag.
    pub nr: Vec<Option<u32>>,
    /// Arguments in the kernel's generic order, then those that only exist on some ABI.
    pub args: Vec<Arg>,
    /// The shape on each [`AbiId`] where it exists.
    pub shapes: Vec<Option<Shape>>,
    /// Events in the order in which their conditions are tried.
    pub events: Vec<Binding>,
    /// The call is another call in disguise.
    pub becomes: Option<Becomes>,
}

/// A call that multiplexes others (`socketcall`).
#[derive(Debug, Clone, Serialize)]
pub struct Becomes {
    /// Index into [`Model::irregular`]: the function that gives the other call.
    pub by: usize,
    /// All must hold.
    pub when: Vec<Condition>,
}

/// Where the arguments of a call are found on one ABI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Shape {
    /// For each argument of [`Syscall::args`]: its register slot, 0 to 5 (the low half first
    /// when it is a pair); `None` when the call does not have the argument on this ABI.
    pub slots: Vec<Option<Slot>>,
}

/// Register slots of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Slot {
    /// Index of the (low) register.
    pub index: u8,
    /// Whether the next register holds the high half.
    pub pair: bool,
}

/// An argument.
#[derive(Debug, Clone, Serialize)]
pub struct Arg {
    /// Kernel name.
    pub name: String,
    /// Type.
    pub ty: Type,
    /// Direction; [`Dir::In`] for values.
    pub dir: Dir,
}

/// Direction of the memory behind a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Dir {
    /// Read by the kernel: readable at entry.
    In,
    /// Written by the kernel: readable at exit.
    Out,
    /// Both.
    InOut,
}

/// Type of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Type {
    /// A value in a register.
    Scalar(Scalar),
    /// A file name.
    Path {
        /// Argument that holds the directory.
        at: Option<usize>,
        /// When a symlink in the last place is followed.
        follow: Follow,
    },
    /// NUL-terminated text.
    String,
    /// NULL-terminated vector of texts.
    Strings,
    /// A buffer with its length argument.
    Bytes {
        /// Argument with the length.
        len: usize,
    },
    /// A socket address.
    Sockaddr {
        /// Argument with the length (a pointer to it for value-result).
        len: usize,
    },
    /// A structure that nobody decodes.
    Opaque {
        /// The kernel's name for it, maybe empty.
        of: String,
    },
    /// Pointer to one or more scalars.
    ScalarPtr(Scalar, Count),
    /// Pointer to one or more structures.
    StructPtr(StructId, Count),
}

/// How many elements a pointer points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Count {
    /// A number known here.
    Fixed(u32),
    /// As many as an argument says.
    Arg(usize),
}

/// When a symlink in the last place is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Follow {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When the condition holds.
    When(Condition),
}

/// A value in a register or a struct member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "the names are the types of docs/spec.md")]
pub enum Scalar {
    Int,
    Uint,
    Long,
    Ulong,
    Size,
    KernelLong,
    U8,
    U16,
    U32,
    S64,
    U64,
    Off,
    Fd,
    Dirfd,
    Pid,
    Uid,
    Gid,
    OldUid,
    OldGid,
    Mode,
    Dev,
    Signal,
    Address,
    Set(SetId),
}

/// A condition on an integer argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Index into [`Syscall::args`].
    pub arg: usize,
    /// The test.
    pub test: Test,
}

/// What a condition tests. Values are by [`AbiId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Test {
    /// Any of the bits is set.
    AnyBits(Vec<u64>),
    /// None of the bits is set.
    NoBits(Vec<u64>),
    /// Equal.
    Eq(Vec<u64>),
    /// Not equal.
    Ne(Vec<u64>),
    /// Equal to one of several.
    In(Vec<Vec<u64>>),
}

/// A call as an event.
#[derive(Debug, Clone, Serialize)]
pub struct Binding {
    /// The event.
    pub event: EventId,
    /// All must hold.
    pub when: Vec<Condition>,
    /// Source of each field of [`Record::fields`] of the event that has one, by field index.
    pub sources: Vec<Option<Source>>,
}

/// Where the value of an event field comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Source {
    /// Argument by index.
    Arg(usize),
    /// Member of the structure that an argument points to.
    Member {
        /// Argument.
        arg: usize,
        /// Structure.
        of: StructId,
        /// Index into [`Struct::members`].
        member: usize,
    },
    /// The return value.
    Result,
    /// A constant, by [`AbiId`].
    Const(Vec<i64>),
    /// Index into [`Model::irregular`].
    Rust(usize),
}

/// Fields that occur together.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// `file`, `process`, …
    pub name: String,
    /// One line for the reference.
    pub doc: String,
    /// What it holds.
    pub record: Record,
}

/// A group that every rule may use.
#[derive(Debug, Clone, Serialize)]
pub struct Context {
    /// SECL prefix: `process`, `process.ancestors`, …
    pub prefix: String,
    /// The group.
    pub group: GroupId,
    /// Whether it is walked element by element.
    pub iterator: bool,
}

/// An event.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// SECL event type.
    pub name: String,
    /// One line for the reference.
    pub doc: String,
    /// Category.
    pub category: Category,
    /// Whether the engine reports it (otherwise syscalls do).
    pub by_engine: bool,
    /// Which results are reported.
    pub results: Results,
    /// Whether rules have `EVENT.retval`.
    pub retval: bool,
    /// What it holds.
    pub record: Record,
}

/// The fields of an event or group: a structure on the wire and in Rust.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    /// By wire ordinal.
    pub fields: Vec<Field>,
    /// Computed from other fields on demand.
    pub derived: Vec<Derived>,
    /// Further rule names: (name, index into `fields`).
    pub aliases: Vec<(String, usize)>,
}

/// A field on the wire.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// SECL name within the record, maybe dotted; empty for an inlined group.
    pub name: String,
    /// Type; `None` keeps the place of a removed field.
    pub ty: Option<FieldType>,
    /// Place in the JSON, dotted; empty for fields that are not printed.
    pub json: String,
    /// One line for the reference (the reason, for a removed field).
    pub doc: String,
}

/// A field that is computed.
#[derive(Debug, Clone, Serialize)]
pub struct Derived {
    /// SECL name within the record.
    pub name: String,
    /// Type of the result; never a group.
    pub ty: FieldType,
    /// Name of the function.
    pub by: String,
    /// Index of the field it reads.
    pub of: usize,
    /// Place in the JSON, or empty for fields that are not printed.
    pub json: String,
    /// One line for the reference.
    pub doc: String,
}

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the types of docs/spec.md")]
pub enum FieldType {
    Bool,
    Int,
    Mode,
    Uid,
    Gid,
    Pid,
    Signal,
    Timestamp,
    Set(SetId),
    String,
    Path,
    Strings,
    Ints,
    Ip,
    Group(GroupId),
}

/// `evt.category` in the JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    File,
    Process,
    Kernel,
    Network,
}

/// Which results of a call are reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Results {
    /// Whatever it is.
    All,
    /// Success, if the flag is set, and these error numbers (positive).
    Only {
        /// A result of 0 or more.
        success: bool,
        /// errno values.
        errors: Vec<i64>,
    },
}
