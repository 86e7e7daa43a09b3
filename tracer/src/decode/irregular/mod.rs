//! What the tables cannot say: the functions that the section `irregular` of `syscalls.yaml`
//! names, each with its reason there.
//!
//! They find the arguments of their call by name, and serve every call that has them.

mod bpf;
mod disguise;
mod file;
mod memory;
mod module;
mod process;
mod socket;

use sentrace_schema::record::Slot;

pub use self::disguise::{ipc_shmat, old_mmap, socketcall};
use super::call::Arguments;
use super::fill::Moment;
use super::reader::Reader;
use crate::memory::Memory;

/// A function that a source of a field names.
#[derive(Debug)]
pub struct Irregular {
    /// When it is called.
    pub moment: Moment,
    /// Fills the field.
    pub fill: fn(&mut Reader<'_>, Slot<'_>),
}

/// A function that finds the call behind another; `None` if there is none.
pub type Disguise = fn(&Arguments, &dyn Memory) -> Option<Arguments>;

const fn at_entry(fill: fn(&mut Reader<'_>, Slot<'_>)) -> Irregular {
    Irregular { moment: Moment::Entry, fill }
}

const fn at_exit(fill: fn(&mut Reader<'_>, Slot<'_>)) -> Irregular {
    Irregular { moment: Moment::Exit, fill }
}

/// The peer of a connection that accept(2) gives.
pub static ACCEPTED: Irregular = at_exit(socket::accepted);
/// The type of a socket without the flags beside it, socket(2).
pub static SOCKET_TYPE: Irregular = at_entry(socket::socket_type);
/// The protocol of the socket `fd`.
pub static SOCKET_PROTOCOL: Irregular = at_entry(socket::socket_protocol);
/// The user ids after a call.
pub static USER_IDS: Irregular = at_exit(process::user_ids);
/// The group ids after a call.
pub static GROUP_IDS: Irregular = at_exit(process::group_ids);
/// The sets of capset(2).
pub static CAPABILITY_SETS: Irregular = at_entry(process::capability_sets);
/// The pid behind a pidfd.
pub static PIDFD_PID: Irregular = at_entry(process::pidfd_pid);
/// The process behind a pidfd.
pub static PIDFD_PROCESS: Irregular = at_entry(process::pidfd_process);
/// The name of `PR_SET_NAME`, prctl(2).
pub static PRCTL_NAME: Irregular = at_entry(process::prctl_name);
/// The map that bpf(2) makes.
pub static BPF_MAP: Irregular = at_entry(bpf::map);
/// The program that bpf(2) loads.
pub static BPF_PROG: Irregular = at_entry(bpf::prog);
/// The name of a kernel module.
pub static MODULE_NAME: Irregular = at_entry(module::name);
/// The file that was opened: the one behind the new descriptor, whatever the path means now.
pub static OPENED: Irregular = at_exit(file::opened);
/// The file under its new name, after the call.
pub static NEW_NAME: Irregular = at_exit(file::new_name);
/// The file that mmap(2) maps, if any.
pub static MAPPED_FILE: Irregular = at_entry(file::mapped_file);
/// What mount(2) mounts.
pub static MOUNT_SOURCE: Irregular = at_entry(file::mount_source);
/// Where sendmsg(2) sends to.
pub static MESSAGE_PEER: Irregular = at_entry(socket::message_peer);
/// The filter that setsockopt(2) gives a socket.
pub static SOCKET_FILTER: Irregular = at_entry(socket::filter);
/// Whether the parameters of a kernel module are cut.
pub static MODULE_ARGS_TRUNCATED: Irregular = at_entry(module::are_args_truncated);
/// How memory is protected before mprotect(2).
pub static VM_PROTECTION: Irregular = at_entry(memory::vm_protection);
