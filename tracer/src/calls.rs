//! Follows every call of an application and writes it as text, the way strace(1) does.

use sentrace_bpf::{Instruction, action};

use crate::decode::render::{self, Line, Style};
use crate::engine::{Call, Ended, Observer, Task, Want};
use crate::memory::Memory;
use crate::session::inside::Inside;

/// The filter by which all calls stop.
#[must_use]
pub fn filter() -> Vec<Instruction> {
    // BPF_RET | BPF_K (linux/bpf_common.h)
    vec![Instruction { code: 0x06, jt: 0, jf: 0, k: action::TRACE }]
}

/// An observer that writes a line for every call that returns, or whose task ends in it, and for
/// every process that ends.
pub struct Calls<'w> {
    style: Style,
    write: &'w mut dyn FnMut(Task, &str),
    inside: Inside<(Task, Line)>,
}

impl<'w> Calls<'w> {
    /// Hands every line, without its end, to `write`, with the task that it is about.
    pub fn new(style: Style, write: &'w mut dyn FnMut(Task, &str)) -> Self {
        Self { style, write, inside: Inside::default() }
    }

    fn died(&mut self, (task, line): (Task, Line)) {
        (self.write)(task, &(line.unfinished() + " = ?"));
    }
}

impl Observer for Calls<'_> {
    fn entry(&mut self, task: Task, call: &Call, memory: &dyn Memory) -> Want {
        self.inside.enter(task, (task, render::entered(call, memory, self.style)));
        Want::Exit
    }

    fn exit(&mut self, task: Task, result: i64, memory: &dyn Memory) {
        if let Some((_, line)) = self.inside.leave(task) {
            (self.write)(task, &line.returned(result, memory));
        }
    }

    fn exec(&mut self, task: Task, former: i32, _: &dyn Memory) {
        for line in self.inside.execute(task, former) {
            self.died(line);
        }
    }

    fn thread_exit(&mut self, task: Task) {
        if let Some(line) = self.inside.leave(task) {
            self.died(line);
        }
    }

    fn exited(&mut self, task: Task, how: Ended) {
        self.thread_exit(task);
        let line = match how {
            Ended::Exited { status } => format!("+++ exited with {status} +++"),
            Ended::Unknown => "+++ ended +++".to_owned(),
            Ended::Signaled { signal, core_dumped } => {
                let core = if core_dumped { " (core dumped)" } else { "" };
                format!("+++ killed by {}{core} +++", render::signal(signal))
            }
        };
        (self.write)(task, &line);
    }
}
