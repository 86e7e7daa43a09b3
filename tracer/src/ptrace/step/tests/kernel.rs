//! A kernel that runs one task and stops it as ptrace(2) and the sources say.

use nix::errno::Errno;
use proptest::prelude::*;

use super::super::*;

/// What stops depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    pub(super) order: Order,
    pub(super) registers: Registers,
    pub(super) stops: CallStops,
}

/// What the registers show of a syscall stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registers {
    /// Entry or exit (arm64).
    Phase,
    /// `-ENOSYS` at the entry, the result at the exit (x86).
    Result,
    /// `PTRACE_GET_SYSCALL_INFO` tells (both).
    NotNeeded,
}

/// What a program does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Call(Call),
    /// A signal is delivered.
    Signal(c_int),
    /// A signal stops the process, and later it goes on.
    Suspend(c_int),
    /// The task is interrupted.
    Trap,
    /// A filter of the application's own answers a call with this result.
    Refused(i64),
    /// A call by the vsyscall page.
    Vsyscall,
}

/// A call, which returns.
#[derive(Debug, Clone)]
pub(super) struct Call {
    is_trapped: bool,
    want: Want,
    /// Events meanwhile.
    events: Vec<Stop>,
    result: i64,
}

/// What the engine was made to tell; calls are numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Entry(usize),
    Exit(usize, i64),
    Event(Tell),
}

const ENOSYS: i64 = -(Errno::ENOSYS as i64);

impl Act {
    pub(super) fn call(result: i64) -> Self {
        Self::Call(Call { is_trapped: false, want: Want::Nothing, events: Vec::new(), result })
    }
}

/// Anything that a program may do.
pub(super) fn acts() -> impl Strategy<Value = Act> {
    let result = || prop_oneof![Just(0), Just(7), Just(-2), Just(-512), Just(ENOSYS)];
    let event = prop_oneof![
        Just(Stop::Fork(Fork::Clone)),
        Just(Stop::Fork(Fork::Vfork)),
        Just(Stop::Exec),
        Just(Stop::Other),
    ];
    let want = prop_oneof![Just(Want::Nothing), Just(Want::Exit)];
    let events = prop::collection::vec(event, 0..2);
    let call =
        (any::<bool>(), want, events, result()).prop_map(|(is_trapped, want, events, result)| {
            Act::Call(Call { is_trapped, want, events, result })
        });
    prop_oneof![
        8 => call,
        2 => (1..=64).prop_map(Act::Signal),
        1 => Just(Act::Suspend(libc::SIGTSTP)),
        1 => Just(Act::Trap),
        1 => result().prop_map(Act::Refused),
        1 => Just(Act::Vsyscall),
    ]
}

/// A task of a kernel, under the function that is tested.
pub(super) struct Run {
    kernel: Kernel,
    setting: Setting,
    phase: Phase,
    /// It was resumed by `PTRACE_SYSCALL`.
    is_followed: bool,
    calls: usize,
    pub(super) said: Vec<Said>,
}

impl Run {
    pub(super) fn new(kernel: Kernel, phase: Phase, order: Option<Order>) -> Self {
        let setting = Setting { order, ..Setting::new(kernel.stops) };
        let is_followed = kernel.stops == CallStops::Every || phase != Phase::Outside;
        Self { kernel, setting, phase, is_followed, calls: 0, said: Vec::new() }
    }

    pub(super) fn order(&self) -> Option<Order> {
        self.setting.order
    }

    /// The first call of interest executes the program.
    pub(super) fn launch(&mut self) -> Vec<Said> {
        let events = vec![Stop::Exec];
        let exec = Call { is_trapped: true, want: Want::Nothing, events, result: 0 };
        let exec = Act::Call(exec);
        let expect = self.expected(&exec);
        self.act(&exec);
        expect
    }

    /// What is to be told of an act.
    pub(super) fn expected(&self, act: &Act) -> Vec<Said> {
        let nr = self.calls;
        let every = self.kernel.stops == CallStops::Every;
        match act {
            Act::Call(call) => {
                let is_told = every || call.is_trapped;
                let entry = is_told.then_some(Said::Entry(nr));
                let told = [Tell::Fork(Fork::Clone), Tell::Fork(Fork::Vfork), Tell::Exec];
                let events = call.events.iter().filter_map(|event| {
                    told.into_iter().find(|tell| match (event, tell) {
                        (Stop::Fork(event), Tell::Fork(told)) => event == told,
                        (Stop::Exec, Tell::Exec) => true,
                        _ => false,
                    })
                });
                let exit = is_told && call.want == Want::Exit;
                let exit = exit.then_some(Said::Exit(nr, call.result));
                entry.into_iter().chain(events.map(Said::Event)).chain(exit).collect()
            }
            Act::Signal(signal) => vec![Said::Event(Tell::Signal(*signal))],
            Act::Suspend(signal) => {
                vec![Said::Event(Tell::Signal(*signal)), Said::Event(Tell::Group(*signal))]
            }
            Act::Trap => vec![],
            // Before Linux 4.8 it has no stop at its entry.
            Act::Refused(_) if every && self.kernel.order == Order::EntryFirst => {
                vec![Said::Entry(nr)]
            }
            Act::Vsyscall if self.is_vsyscall_possible() => vec![Said::Entry(nr)],
            Act::Refused(_) | Act::Vsyscall => vec![],
        }
    }

    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Call(call) => self.call(call),
            Act::Signal(signal) => {
                self.stop(Stop::Signal(*signal), Seen::Unclear, Want::Nothing, 0)
            }
            Act::Suspend(signal) => {
                for stop in [Stop::Signal(*signal), Stop::Group(*signal), Stop::Trap] {
                    self.stop(stop, Seen::Unclear, Want::Nothing, 0);
                }
            }
            Act::Trap => self.stop(Stop::Trap, Seen::Unclear, Want::Nothing, 0),
            Act::Refused(result) => self.refused(*result),
            Act::Vsyscall if self.is_vsyscall_possible() => {
                self.stop(Stop::Seccomp, self.seen(Place::Entry, 0), Want::Exit, 0);
            }
            Act::Vsyscall => {}
        }
        self.calls += 1;
    }

    /// The page is x86's, and registers alone do not tell its calls from others.
    fn is_vsyscall_possible(&self) -> bool {
        self.kernel.registers == Registers::NotNeeded
    }

    fn call(&mut self, call: &Call) {
        match self.kernel.order {
            Order::SeccompFirst => {
                self.seccomp(call);
                self.syscall(Place::Entry, call.want, 0);
            }
            Order::EntryFirst => {
                self.syscall(Place::Entry, call.want, 0);
                self.seccomp(call);
            }
        }
        for event in &call.events {
            self.stop(*event, Seen::Unclear, Want::Nothing, 0);
        }
        self.syscall(Place::Exit, call.want, call.result);
    }

    fn refused(&mut self, result: i64) {
        match self.kernel.order {
            Order::EntryFirst => self.syscall(Place::Entry, Want::Nothing, 0),
            // The one that cannot be told from an entry.
            Order::SeccompFirst
                if self.kernel.registers == Registers::Result && result == ENOSYS =>
            {
                return;
            }
            Order::SeccompFirst => {}
        }
        self.syscall(Place::Exit, Want::Nothing, result);
    }

    fn seccomp(&mut self, call: &Call) {
        if call.is_trapped {
            self.stop(Stop::Seccomp, self.seen(Place::Entry, 0), call.want, 0);
        }
    }

    fn syscall(&mut self, place: Place, want: Want, result: i64) {
        if self.is_followed {
            self.stop(Stop::Syscall, self.seen(place, result), want, result);
        }
    }

    fn seen(&self, place: Place, result: i64) -> Seen {
        match (self.kernel.registers, place) {
            (Registers::NotNeeded, _) => Seen::Told(place),
            (Registers::Phase, _) => Seen::Shown(place),
            (Registers::Result, Place::Exit) if result != ENOSYS => Seen::Shown(place),
            (Registers::Result, _) => Seen::Unclear,
        }
    }

    fn stop(&mut self, stop: Stop, seen: Seen, want: Want, result: i64) {
        let step = self.setting.step(self.phase, stop, seen).wanting_if_entered(want);
        match step.tell {
            Tell::Nothing => {}
            Tell::Entry => self.said.push(Said::Entry(self.calls)),
            Tell::Exit => self.said.push(Said::Exit(self.calls, result)),
            event => self.said.push(Said::Event(event)),
        }
        (self.setting, self.phase) = (step.setting, step.phase);
        if let Go::Run(how, _) = step.go() {
            self.is_followed = how == Resume::Syscall;
        }
    }
}

impl Step {
    fn wanting_if_entered(self, want: Want) -> Self {
        if self.tell == Tell::Entry { self.wanting(want) } else { self }
    }
}
