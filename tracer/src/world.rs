//! What decoders ask the system about tasks and files.

use sentrace_schema::groups;

pub use crate::resolve::Follow;

use crate::engine::Task;

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

    /// The name that the task's root gives to a user id.
    fn user(&self, task: Task, uid: i64) -> Vec<u8>;

    /// The name that the task's root gives to a group id.
    fn group(&self, task: Task, gid: i64) -> Vec<u8>;

    /// What the socket behind a descriptor of the task was made as.
    fn socket_of_fd(&self, task: Task, fd: i32) -> groups::Socket;
}
