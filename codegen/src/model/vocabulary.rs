//! What the built-in types are called in `syscalls.yaml`.

use super::{FieldType, Scalar};

impl Scalar {
    /// Names of the types that need no declaration.
    pub const NAMED: [(&str, Scalar); 23] = [
        ("int", Scalar::Int),
        ("uint", Scalar::Uint),
        ("long", Scalar::Long),
        ("ulong", Scalar::Ulong),
        ("size", Scalar::Size),
        ("kernel_long", Scalar::KernelLong),
        ("u8", Scalar::U8),
        ("u16", Scalar::U16),
        ("u32", Scalar::U32),
        ("s64", Scalar::S64),
        ("u64", Scalar::U64),
        ("off", Scalar::Off),
        ("fd", Scalar::Fd),
        ("dirfd", Scalar::Dirfd),
        ("pid", Scalar::Pid),
        ("uid", Scalar::Uid),
        ("gid", Scalar::Gid),
        ("old_uid", Scalar::OldUid),
        ("old_gid", Scalar::OldGid),
        ("mode", Scalar::Mode),
        ("dev", Scalar::Dev),
        ("signal", Scalar::Signal),
        ("address", Scalar::Address),
    ];
}

impl FieldType {
    /// Names of the types that need no declaration.
    pub const NAMED: [(&str, FieldType); 13] = [
        ("int", FieldType::Int),
        ("bool", FieldType::Bool),
        ("string", FieldType::String),
        ("path", FieldType::Path),
        ("strings", FieldType::Strings),
        ("ints", FieldType::Ints),
        ("ip", FieldType::Ip),
        ("timestamp", FieldType::Timestamp),
        ("mode", FieldType::Mode),
        ("uid", FieldType::Uid),
        ("gid", FieldType::Gid),
        ("pid", FieldType::Pid),
        ("signal", FieldType::Signal),
    ];
}
