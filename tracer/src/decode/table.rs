//! The vocabulary of the generated tables: what `syscalls.yaml` says about every call, as data.
//!
//! Indices of arguments count the arguments of the call, never registers; indices of fields are
//! those of [`RecordDesc::fields`](sentrace_schema::record::RecordDesc::fields).

use sentrace_schema::record::SetDesc;

use super::irregular::{Disguise, Irregular};
use crate::engine::AbiId;
use crate::memory::Width;

/// A value that may differ between ABIs: a single one, or one for each ABI id.
#[derive(Debug)]
pub struct PerAbi<T: 'static>(pub &'static [T]);

impl<T: Copy + Default> PerAbi<T> {
    /// The value on an ABI; the default when there is no such ABI.
    #[must_use]
    pub fn on(&self, abi: AbiId) -> T {
        match self.0 {
            [value] => *value,
            values => values.get(usize::from(abi.0)).copied().unwrap_or_default(),
        }
    }
}

/// How wide an ABI's types are.
#[derive(Debug, Clone, Copy)]
pub struct AbiLayout {
    /// `long` and pointers in memory.
    pub word: Width,
    /// A register, and the kernel's `long`.
    pub register: Width,
    /// Ids of the old user and group calls.
    pub old_id: Width,
}

/// The calls of an ABI by number, ascending.
pub type Numbers = &'static [(u32, &'static SyscallDesc)];

/// A system call.
#[derive(Debug)]
pub struct SyscallDesc {
    /// Kernel name.
    pub name: &'static str,
    /// Arguments in the kernel's generic order.
    pub args: &'static [ArgDesc],
    /// Where they are found.
    pub shapes: Shapes,
    /// The call that it is in disguise.
    pub becomes: Option<Becomes>,
    /// Its events, in the order in which their conditions are tried.
    pub events: &'static [Binding],
}

/// Where the arguments of a call are found on each ABI.
#[derive(Debug, Clone, Copy)]
pub enum Shapes {
    /// Each in the register of its place, on every ABI.
    InOrder,
    /// By ABI id, then by argument; empty where the call does not exist.
    PerAbi(&'static [&'static [Slot]]),
}

/// Where an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Nowhere: the call does not have it on this ABI.
    Absent,
    /// In a register.
    One(u8),
    /// In two: the low half here, the high half in the next.
    Pair(u8),
}

/// An argument.
#[derive(Debug)]
pub struct ArgDesc {
    /// Kernel name.
    pub name: &'static str,
    /// Type.
    pub ty: Type,
    /// Direction of the memory that it points to.
    pub dir: Dir,
}

/// An argument whose value is in a register.
#[must_use]
pub const fn value(name: &'static str, scalar: Scalar) -> ArgDesc {
    ArgDesc { name, ty: Type::Scalar(scalar), dir: Dir::In }
}

/// An argument that points to what the kernel reads.
#[must_use]
pub const fn input(name: &'static str, ty: Type) -> ArgDesc {
    ArgDesc { name, ty, dir: Dir::In }
}

/// An argument that points to what the kernel writes.
#[must_use]
pub const fn output(name: &'static str, ty: Type) -> ArgDesc {
    ArgDesc { name, ty, dir: Dir::Out }
}

/// An argument that points to what the kernel reads and writes.
#[must_use]
pub const fn inout(name: &'static str, ty: Type) -> ArgDesc {
    ArgDesc { name, ty, dir: Dir::InOut }
}

/// When the memory behind a pointer means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dir {
    /// Read by the kernel: at entry.
    In,
    /// Written by the kernel: at exit.
    Out,
    /// Both.
    InOut,
}

/// Type of an argument.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A value in a register.
    Scalar(Scalar),
    /// A file name.
    Path {
        /// Argument that holds the directory.
        at: Option<u8>,
        /// When a symlink in the last place is followed.
        follow: Following,
    },
    /// NUL-terminated text.
    String,
    /// NULL-terminated vector of texts.
    Strings,
    /// A buffer.
    Bytes {
        /// Argument with its length.
        len: u8,
    },
    /// A socket address.
    Sockaddr {
        /// Argument with its length, or a pointer to it.
        len: u8,
    },
    /// A structure that nobody decodes.
    Opaque {
        /// The kernel's name for it, maybe empty.
        of: &'static str,
    },
    /// Pointer to scalars.
    ScalarPtr(Scalar, Count),
    /// Pointer to structures.
    StructPtr(&'static StructDesc, Count),
}

/// How many elements a pointer points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// A number known here.
    Fixed(u32),
    /// As many as an argument says.
    Arg(u8),
}

/// When a symlink in the last place is followed.
#[derive(Debug, Clone, Copy)]
pub enum Following {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When the condition holds.
    When(&'static Condition),
}

/// Type of a value in a register or a struct member.
#[derive(Debug, Clone, Copy)]
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
    /// A set, 32 bits wide.
    Set(&'static SetDesc),
    /// A set, 32 bits wide, with negative values.
    SignedSet(&'static SetDesc),
    /// A set, as wide as a `long`.
    LongSet(&'static SetDesc),
    /// A set, 16 bits wide.
    ShortSet(&'static SetDesc),
    /// A set, 64 bits wide.
    WideSet(&'static SetDesc),
}

impl Scalar {
    /// How wide it is in memory.
    #[must_use]
    pub fn width(self, abi: &AbiLayout) -> Width {
        use Scalar::*;
        match self {
            U8 => Width::W8,
            U16 | ShortSet(_) => Width::W16,
            Int | Uint | U32 | Fd | Dirfd | Pid | Uid | Gid | Mode | Dev | Signal | Set(_)
            | SignedSet(_) => Width::W32,
            S64 | U64 | Off | WideSet(_) => Width::W64,
            Long | Ulong | Size | Address | LongSet(_) => abi.word,
            KernelLong => abi.register,
            OldUid | OldGid => abi.old_id,
        }
    }

    /// How much of a register (or pair) counts: the kernel takes a `mode` as `umode_t`, and where
    /// a program's `long` is narrower than a register (x32), the whole register.
    #[must_use]
    pub fn register_width(self, abi: &AbiLayout) -> Width {
        use Scalar::*;
        match self {
            Mode => Width::W16,
            Long | Ulong | Size | Address | LongSet(_) | KernelLong => abi.register,
            _ => self.width(abi),
        }
    }

    /// The number that these bits mean: sign-extended where the type has a sign. Ids are
    /// unsigned, except that all bits set is -1, "no id". Numbers above [`i64::MAX`] wrap.
    #[must_use]
    pub fn number(self, bits: u64, width: Width) -> i64 {
        use Scalar::*;
        let signed = width.sign_extend(bits);
        match self {
            Int | Long | KernelLong | S64 | Off | Fd | Dirfd | Pid | Signal | SignedSet(_) => {
                signed
            }
            Uid | Gid | OldUid | OldGid if signed == -1 => signed,
            _ => width.zero_extend(bits).cast_signed(),
        }
    }
}

/// A C structure.
#[derive(Debug)]
pub struct StructDesc {
    /// Kernel name.
    pub name: &'static str,
    /// Members in order.
    pub members: &'static [MemberDesc],
    /// Size in bytes.
    pub size: PerAbi<u32>,
}

/// A member of a [`StructDesc`].
#[derive(Debug)]
pub struct MemberDesc {
    /// Kernel name.
    pub name: &'static str,
    /// Type.
    pub ty: Scalar,
    /// Length, when it is an array (which is skipped).
    pub count: Option<u32>,
    /// Offset in bytes.
    pub offset: PerAbi<u32>,
}

/// A condition on an argument.
#[derive(Debug)]
pub struct Condition {
    /// The argument.
    pub arg: u8,
    /// The test.
    pub test: Test,
}

/// What a condition tests.
#[derive(Debug)]
pub enum Test {
    /// Any of the bits is set.
    AnyBits(PerAbi<u64>),
    /// None of the bits is set.
    NoBits(PerAbi<u64>),
    /// Equal.
    Eq(PerAbi<u64>),
    /// Not equal.
    Ne(PerAbi<u64>),
    /// Equal to one of several.
    In(&'static [PerAbi<u64>]),
}

/// A call that multiplexes others.
#[derive(Debug)]
pub struct Becomes {
    /// Finds the call that is meant.
    pub by: Disguise,
    /// All must hold.
    pub when: &'static [Condition],
}

/// A call as an event.
#[derive(Debug)]
pub struct Binding {
    /// Wire id of the event.
    pub event: u16,
    /// All must hold.
    pub when: &'static [Condition],
    /// Where the fields come from: (index of the field, source). Others stay empty.
    pub sources: &'static [(u8, Source)],
}

/// Where the value of a field comes from.
#[derive(Debug)]
pub enum Source {
    /// An argument.
    Arg(u8),
    /// A member of the structure that an argument points to.
    Member {
        /// The argument.
        arg: u8,
        /// The structure.
        of: &'static StructDesc,
        /// Index of the member.
        member: u8,
    },
    /// The return value.
    Result,
    /// A constant.
    Const(PerAbi<i64>),
    /// A hand-written function.
    Rust(&'static Irregular),
}

/// Which results of a call are reported.
#[derive(Debug)]
pub enum Results {
    /// Whatever it is.
    All,
    /// Some.
    Only {
        /// Whether that it succeeded.
        success: bool,
        /// Error numbers (errno(3), positive).
        errors: &'static [i64],
    },
}

/// Highest error number: a result from `-MAX_ERRNO` to -1 is an error, any other is a success
/// (linux/err.h).
const MAX_ERRNO: i64 = 4095;

impl Results {
    /// Whether a result is reported.
    #[must_use]
    pub fn include(&self, result: i64) -> bool {
        match self {
            Self::All => true,
            Self::Only { success, .. } if is_success(result) => *success,
            Self::Only { errors, .. } => errors.contains(&-result),
        }
    }
}

/// Whether a result is not an error. Addresses that look negative are none.
#[must_use]
pub fn is_success(result: i64) -> bool {
    !(-MAX_ERRNO..0).contains(&result)
}
