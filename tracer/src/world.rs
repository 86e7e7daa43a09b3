//! What decoders ask the system about tasks and files.

use sentrace_schema::groups;

pub use crate::resolve::Follow;

use crate::engine::Task;

#[cfg(test)]
pub(crate) mod fake;

/// Answers about the system as one task sees it. What cannot be known is zero or empty; no answer
/// fails, and none waits for a task.
pub trait World {
    /// The file that a path means to the task. `at` is the directory descriptor that a relative
    /// path starts from, or None for the working directory. An empty path means what `at` stands
    /// for.
    fn file_at(&self, task: Task, at: Option<i32>, path: &[u8], follow: Follow) -> groups::File;

    /// The file behind a descriptor of the task.
    fn file_of_fd(&self, task: Task, fd: i32) -> groups::File;

    /// The process that the task means by a pid. A pid that stands for several (0 and below) or
    /// for none gives a record with nothing but that number.
    fn process(&self, task: Task, pid: i32) -> groups::Process;

    /// The process of the task itself.
    fn caller(&self, task: Task) -> groups::Process;

    /// The process that a pidfd of the task stands for; its `pid` is 0 when there is none.
    fn process_of_pidfd(&self, task: Task, fd: i32) -> groups::Process;

    /// The user ids of the task itself (threads may differ).
    fn user_ids(&self, task: Task) -> groups::UserIds;

    /// The group ids of the task itself.
    fn group_ids(&self, task: Task) -> groups::GroupIds;

    /// The name that the task's root gives to a user id.
    fn user(&self, task: Task, uid: i64) -> Vec<u8>;

    /// The name that the task's root gives to a group id.
    fn group(&self, task: Task, gid: i64) -> Vec<u8>;

    /// What the socket behind a descriptor of the task was made as.
    fn socket_of_fd(&self, task: Task, fd: i32) -> groups::Socket;

    /// The address (`struct sockaddr_*`) of the peer of the socket behind a descriptor of the
    /// task; empty when it has none.
    fn peer_of_fd(&self, task: Task, fd: i32) -> Vec<u8>;

    /// What the task may do with its memory at an address (`PROT_*`); 0 when nothing is mapped.
    fn protection(&self, task: Task, addr: u64) -> i64;
}
