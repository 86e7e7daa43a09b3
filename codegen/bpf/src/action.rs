//! What a filter answers: the `SECCOMP_RET_*` values of seccomp(2). The upper half is the action,
//! the lower half (`SECCOMP_RET_DATA`) is handed to whom the action concerns.

/// The call fails with an errno and is not run.
pub const ERRNO: u32 = 0x0005_0000;
/// The call waits for the answer of a supervisor (seccomp_unotify(2)); without one it fails with
/// `ENOSYS`.
pub const USER_NOTIF: u32 = 0x7fc0_0000;
/// The call stops for the ptrace tracer, which gets the data by `PTRACE_GETEVENTMSG`; without one
/// it fails with `ENOSYS`.
pub const TRACE: u32 = 0x7ff0_0000;
/// The call is run.
pub const ALLOW: u32 = 0x7fff_0000;

/// An action with other data.
#[must_use]
pub const fn with_data(action: u32, data: u16) -> u32 {
    of(action) | data as u32
}

/// The call fails with `errno`, of which the kernel takes at most 4095.
#[must_use]
pub const fn errno(errno: u16) -> u32 {
    with_data(ERRNO, errno)
}

/// The action without its data (`SECCOMP_RET_ACTION_FULL`).
#[must_use]
pub const fn of(value: u32) -> u32 {
    value & 0xffff_0000
}

/// The data of an action.
#[must_use]
pub const fn data(value: u32) -> u16 {
    value as u16
}
