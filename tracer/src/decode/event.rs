//! Turns a call into its event, in two steps: what was asked, at entry; what came of it, at exit.

use std::any::Any;

use sentrace_schema::record::Value;
use sentrace_schema::wire::{PREDICTED, TOCTOU};
use sentrace_schema::{Payload, groups};

use super::RESULTS;
use super::call::Arguments;
use super::fill::{Moment, fill, moment};
use super::reader::{Inputs, Reader};
use super::table::{Binding, Source, Type};
use crate::engine::{Call, Task};
use crate::memory::Memory;
use crate::world::World;

/// A call that is an event; nothing of it has been looked up yet.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    arguments: Arguments,
    binding: &'static Binding,
}

/// A call that becomes an event when its result is known.
#[derive(Debug, Clone)]
pub struct Pending {
    task: Task,
    arguments: Arguments,
    binding: &'static Binding,
    inputs: Inputs,
    payload: Payload,
    marks: u32,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What happened.
    pub payload: Payload,
    /// Marks of [`Header::marks`](sentrace_schema::wire::Header::marks).
    pub marks: u32,
}

/// The event that a call is, while the task is stopped at its entry. `None`: no event is about the
/// call, or none with these arguments.
#[must_use]
pub fn asked(call: &Call, memory: &dyn Memory) -> Option<Asked> {
    let arguments = Arguments::meant(call, memory)?;
    let mut bindings = arguments.syscall.events.iter();
    let binding = bindings.find(|binding| arguments.hold(binding.when))?;
    Some(Asked { arguments, binding })
}

impl Asked {
    /// Wire id of the event, index into [`EVENTS`](sentrace_schema::EVENTS).
    #[must_use]
    pub fn event(&self) -> u16 {
        self.binding.event
    }

    /// Begins the event with what is known at entry, where `task` is stopped. `None`: there is
    /// no such event.
    #[must_use]
    pub fn begin(self, task: Task, memory: &dyn Memory, world: &dyn World) -> Option<Pending> {
        let Self { arguments, binding } = self;
        let (payload, inputs) = (Payload::empty(binding.event)?, Inputs::default());
        let mut pending = Pending { task, arguments, binding, inputs, payload, marks: 0 };
        pending.fill(None, memory, world, |pending, source, _| {
            moment(pending.arguments.syscall, source) == Moment::Entry
        });
        Some(pending)
    }
}

impl Pending {
    /// Ends the event, while the task is stopped at the exit of the call. `None`: the event is
    /// not reported with this result.
    #[must_use]
    pub fn exit(mut self, result: i64, memory: &dyn Memory, world: &dyn World) -> Option<Decoded> {
        if !RESULTS.get(usize::from(self.binding.event))?.include(result) {
            return None;
        }
        let is_success = super::table::is_success(result);
        self.fill(Some(result), memory, world, |pending, source, slot| {
            match moment(pending.arguments.syscall, source) {
                Moment::Exit => true,
                // A file that the call has made.
                Moment::Entry => is_success && pending.is_missing(source, slot),
            }
        });
        if !self.inputs.are_unchanged(&self.arguments, memory) {
            self.marks |= TOCTOU;
        }
        Some(Decoded { payload: self.payload, marks: self.marks })
    }

    /// The event of a call whose result nobody waits for: as if it succeeded, without what only
    /// the exit could tell. While the task is stopped at the entry.
    #[must_use]
    pub fn predicted(mut self, memory: &dyn Memory, world: &dyn World) -> Decoded {
        self.fill(None, memory, world, |pending, source, _| {
            matches!(source, Source::Rust(_))
                && moment(pending.arguments.syscall, source) == Moment::Exit
        });
        Decoded { payload: self.payload, marks: self.marks | PREDICTED }
    }

    /// The event of a call that the task's death ended: kill(2) of oneself, reboot(2). `None`:
    /// the call would have told something at its exit, so that it was hardly done (accept(2) that
    /// waited in vain).
    #[must_use]
    pub fn died(self) -> Option<Decoded> {
        let mut sources = self.binding.sources.iter();
        let is_known =
            sources.all(|(_, source)| moment(self.arguments.syscall, source) == Moment::Entry);
        is_known.then_some(Decoded { payload: self.payload, marks: self.marks | PREDICTED })
    }

    /// Fills the fields whose sources are chosen.
    fn fill(
        &mut self,
        result: Option<i64>,
        memory: &dyn Memory,
        world: &dyn World,
        is_chosen: impl Fn(&Self, &Source, usize) -> bool,
    ) {
        let fields = self.payload.event().record.fields;
        for (index, source) in self.binding.sources {
            let index = usize::from(*index);
            let Some(field) = fields.get(index) else { continue };
            if is_chosen(self, source, index) {
                let Self { task, arguments, inputs, payload, marks, .. } = self;
                let mut reader =
                    Reader { task: *task, arguments, memory, world, result, inputs, marks: 0 };
                fill(&mut reader, source, field.ty, payload.record_mut().get_mut(index));
                *marks |= reader.marks;
            }
        }
    }

    /// Whether a field holds a file that a path did not lead to at entry.
    fn is_missing(&self, source: &Source, field: usize) -> bool {
        let Source::Arg(arg) = source else { return false };
        let ty = self.arguments.syscall.args.get(usize::from(*arg)).map(|arg| arg.ty);
        let Value::Record(record) = self.payload.record().get(field) else { return false };
        let file = (record as &dyn Any).downcast_ref::<groups::File>();
        matches!(ty, Some(Type::Path { .. })) && file.is_some_and(|file| file.inode == 0)
    }
}
