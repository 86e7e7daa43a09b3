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

/// i386's ipc(2): the lower half of the first argument says which call (linux/ipc.h), the upper
/// half is a version of its arguments. As with socketcall(2), what is unreadable is 0.
pub fn ipc(call: &Arguments, memory: &dyn Memory) -> Option<Arguments> {
    const FIRST: u8 = 1;
    const SECOND: u8 = 2;
    const THIRD: u8 = 3;
    const PTR: u8 = 4;
    const FIFTH: u8 = 5;
    let (operation, version) = (call.bits(0) & 0xffff, call.bits(0) >> 16);
    let (name, args): (&str, &[u8]) = match (operation, version) {
        (1, _) => ("semop", &[FIRST, PTR, SECOND]),
        (2, _) => ("semget", &[FIRST, SECOND, THIRD]),
        (3, _) => ("semctl", &[FIRST, SECOND, THIRD]),
        (4, _) => ("semtimedop", &[FIRST, PTR, SECOND, FIFTH]),
        (11, _) => ("msgsnd", &[FIRST, PTR, SECOND, THIRD]),
        (12, _) => ("msgrcv", &[FIRST, PTR, SECOND, FIFTH, THIRD]),
        (13, _) => ("msgget", &[FIRST, SECOND]),
        (14, _) => ("msgctl", &[FIRST, SECOND, PTR]),
        (21, 1) => return None,
        (21, _) => ("shmat", &[FIRST, PTR, SECOND]),
        (22, _) => ("shmdt", &[PTR]),
        (23, _) => ("shmget", &[FIRST, SECOND, THIRD]),
        (24, _) => ("shmctl", &[FIRST, SECOND, PTR]),
        _ => return None,
    };
    let syscall = crate::decode::syscall(name)?;
    let mut values = [0; 6];
    for (value, arg) in values.iter_mut().zip(args) {
        *value = call.bits(*arg);
    }
    let word = |index| {
        let width = Width::W32.bytes() as u64;
        number(memory, call.bits(PTR).wrapping_add(index * width), Width::W32).value
    };
    match (operation, version) {
        // `union semun` lies where the pointer leads.
        (3, _) => values[3] = word(0),
        // So do the buffer and the type of message, of old.
        (12, 0) => (values[1], values[3]) = (word(0), word(1)),
        _ => {}
    }
    Some(Arguments::in_order(call.abi, syscall, values))
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
