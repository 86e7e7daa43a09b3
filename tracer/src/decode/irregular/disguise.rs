//! Calls that carry others.

use crate::decode::call::Arguments;
use crate::memory::{Memory, Width, number};

/// i386's socketcall(2): the first argument says which call, the second points to its arguments.
/// Where memory is unreadable, arguments are 0; the kernel answers `EFAULT` then.
pub fn socketcall(call: &Arguments, memory: &dyn Memory) -> Option<Arguments> {
    // linux/net.h: SYS_SOCKET is 1; the number of arguments decides what the kernel reads.
    const CALLS: [(&str, usize); 20] = [
        ("socket", 3),
        ("bind", 3),
        ("connect", 3),
        ("listen", 2),
        ("accept", 3),
        ("getsockname", 3),
        ("getpeername", 3),
        ("socketpair", 4),
        ("send", 4),
        ("recv", 4),
        ("sendto", 6),
        ("recvfrom", 6),
        ("shutdown", 2),
        ("setsockopt", 5),
        ("getsockopt", 5),
        ("sendmsg", 3),
        ("recvmsg", 3),
        ("accept4", 4),
        ("recvmmsg", 5),
        ("sendmmsg", 4),
    ];
    let index = usize::try_from(call.value(0)).ok()?.checked_sub(1)?;
    let (name, count) = CALLS.get(index)?;
    from_memory(call, memory, name, *count, 1)
}

/// i386's ipc(2), when it is shmat(2): the kernel takes its arguments in another order.
pub fn ipc_shmat(call: &Arguments, _: &dyn Memory) -> Option<Arguments> {
    let syscall = crate::decode::syscall("shmat")?;
    let [first, second, ptr] = [1, 2, 4].map(|arg| call.bits(arg));
    Some(Arguments::in_order(call.abi, syscall, [first, ptr, second, 0, 0, 0]))
}

/// i386's first mmap(2): the argument points to the six arguments.
pub fn old_mmap(call: &Arguments, memory: &dyn Memory) -> Option<Arguments> {
    from_memory(call, memory, "mmap", 6, 0)
}

/// The call `name`, whose `count` arguments lie where argument `at` points to.
fn from_memory(
    call: &Arguments,
    memory: &dyn Memory,
    name: &str,
    count: usize,
    at: u8,
) -> Option<Arguments> {
    let syscall = crate::decode::syscall(name)?;
    let mut addr = call.bits(at);
    let mut values = [0; 6];
    for value in values.iter_mut().take(count) {
        *value = number(memory, addr, Width::W32).value;
        addr = addr.wrapping_add(Width::W32.bytes() as u64);
    }
    Some(Arguments::in_order(call.abi, syscall, values))
}
