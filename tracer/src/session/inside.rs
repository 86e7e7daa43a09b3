//! What is remembered of tasks while they are inside a call.

use std::collections::HashMap;

use crate::engine::Task;

/// A value for every task that is inside a call; never more than there are tasks.
#[derive(Debug)]
pub(crate) struct Inside<T>(HashMap<i32, (Task, T)>);

impl<T> Default for Inside<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Inside<T> {
    /// A task entered a call. It has left any other.
    pub(crate) fn enter(&mut self, task: Task, value: T) {
        self.0.insert(task.tid, (task, value));
    }

    /// A task left the call that it is inside, or died in it.
    pub(crate) fn leave(&mut self, task: Task) -> Option<T> {
        self.0.remove(&task.tid).map(|(_, value)| value)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Thread `former` became `leader` by executing a program: it is still inside that call.
    /// Answers what was remembered of the other threads, which are gone.
    pub(crate) fn execute(&mut self, leader: Task, former: i32) -> Vec<T> {
        let own = self.0.remove(&former);
        let gone = self.0.extract_if(|_, (task, _)| task.tgid == leader.tgid);
        let gone = gone.map(|(_, (_, value))| value).collect();
        if let Some((_, value)) = own {
            self.enter(leader, value);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_inside_one_call() {
        let mut inside = Inside::default();
        let task = Task::leader(1);
        inside.enter(task, 'a');
        inside.enter(task, 'b');
        assert_eq!(inside.leave(Task::leader(2)), None);
        assert_eq!(inside.leave(task), Some('b'));
        assert_eq!(inside.leave(task), None);
    }

    #[test]
    fn executing_a_program_leaves_one_thread() {
        let mut inside = Inside::default();
        let [leader, other] = [10, 20].map(Task::leader);
        for (tid, value) in [(10, 'a'), (11, 'b'), (12, 'c')] {
            inside.enter(Task { tid, tgid: 10 }, value);
        }
        inside.enter(other, 'd');
        let mut gone = inside.execute(leader, 12);
        gone.sort_unstable();
        assert_eq!(gone, ['a', 'b']);
        assert_eq!(inside.leave(leader), Some('c'));
        assert_eq!(inside.leave(other), Some('d'));
        assert!(inside.is_empty());
        // The call that executed it is of no interest, but the leader was inside another.
        inside.enter(leader, 'e');
        assert_eq!(inside.execute(leader, 13), ['e']);
        assert!(inside.is_empty());
    }
}
