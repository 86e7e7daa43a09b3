//! Every stop in every state, and whole programs on simulated kernels.

mod kernel;

use proptest::prelude::*;

use self::kernel::{Act, Kernel, Registers, Run, Said};
use super::*;
use CallStops::{Every, Filtered};
use Order::{EntryFirst, SeccompFirst};
use Phase::Outside;
use Seen::{Shown, Told, Unclear};

const ORDERS: [Option<Order>; 3] = [None, Some(SeccompFirst), Some(EntryFirst)];
const SEEN: [Seen; 5] =
    [Told(Place::Entry), Told(Place::Exit), Shown(Place::Entry), Shown(Place::Exit), Unclear];

const fn inside(gate: Gate, want: Want) -> Phase {
    Phase::Inside { gate, want }
}

/// In a call that is told, at the entry's one or other stop; in one that is only followed.
const SECCOMP: Phase = inside(Gate::Seccomp, Want::Exit);
const ENTRY: Phase = inside(Gate::Entry, Want::Exit);
const QUIET: Phase = inside(Gate::Entry, Want::Nothing);
const LEARNING: Phase = inside(Gate::Seccomp, Want::Nothing);
const PHASES: [Phase; 5] = [Outside, SECCOMP, ENTRY, QUIET, LEARNING];

#[test]
fn a_call_is_told_once_in_either_order() {
    let check = |(stops, order), phase, stop, seen, tell, then, learnt| {
        let step = Setting { stops, order }.step(phase, stop, seen);
        let setting = Setting { stops, order: learnt };
        assert_eq!(step, Step { tell, phase: then, setting }, "{stops:?} {order:?} {phase:?}");
    };
    let (first, second) = (Some(SeccompFirst), Some(EntryFirst));
    let (seccomp, syscall) = (Stop::Seccomp, Stop::Syscall);
    let (nothing, entry, exit) = (Tell::Nothing, Tell::Entry, Tell::Exit);
    // Linux 5.3 and newer tell the place, and by it the order.
    check((Filtered, None), Outside, seccomp, Told(Place::Entry), entry, LEARNING, second);
    check((Filtered, second), SECCOMP, syscall, Told(Place::Exit), exit, Outside, second);
    check((Every, second), Outside, syscall, Told(Place::Entry), entry, QUIET, second);
    check((Every, second), ENTRY, seccomp, Told(Place::Entry), nothing, ENTRY, second);
    check((Every, second), ENTRY, syscall, Told(Place::Exit), exit, Outside, second);
    check((Every, second), QUIET, syscall, Told(Place::Exit), nothing, Outside, second);
    // Linux 4.8 to 5.2: the syscall stop that follows the seccomp stop is at the exit.
    check((Filtered, second), Outside, seccomp, Unclear, entry, LEARNING, second);
    check((Filtered, second), SECCOMP, syscall, Unclear, exit, Outside, second);
    check((Filtered, second), SECCOMP, syscall, Shown(Place::Exit), exit, Outside, second);
    check((Filtered, None), LEARNING, syscall, Shown(Place::Exit), nothing, Outside, second);
    check((Filtered, None), LEARNING, Stop::Exec, Unclear, Tell::Exec, LEARNING, None);
    check((Every, None), ENTRY, seccomp, Unclear, nothing, ENTRY, second);
    // Linux 3.5 to 4.7: it is at the entry.
    check((Filtered, None), Outside, seccomp, Unclear, entry, LEARNING, None);
    check((Filtered, None), LEARNING, syscall, Unclear, nothing, QUIET, first);
    check((Filtered, first), SECCOMP, syscall, Unclear, nothing, ENTRY, first);
    check((Filtered, first), SECCOMP, syscall, Shown(Place::Entry), nothing, ENTRY, first);
    check((Filtered, first), ENTRY, Stop::Exec, Unclear, Tell::Exec, ENTRY, first);
    check((Filtered, first), ENTRY, syscall, Unclear, exit, Outside, first);
    // Without a filter, stops alternate, unless they show that they do not.
    check((Every, None), Outside, syscall, Unclear, entry, QUIET, None);
    check((Every, None), ENTRY, syscall, Unclear, exit, Outside, None);
    check((Every, None), ENTRY, syscall, Shown(Place::Entry), entry, QUIET, None);
    check((Every, None), Outside, syscall, Shown(Place::Exit), nothing, Outside, None);
    // A call of the vsyscall page has a seccomp stop only; the next is another call's.
    check((Filtered, second), SECCOMP, syscall, Told(Place::Entry), nothing, Outside, second);
    check((Filtered, first), ENTRY, seccomp, Unclear, entry, LEARNING, first);
}

#[test]
fn a_wanted_call_is_followed_and_another_is_not() {
    let check = |stops, order, want, expect| {
        let step = Setting { stops, order }.step(Outside, Stop::Seccomp, Unclear);
        assert_eq!(step.wanting(want).go(), Go::Run(expect, 0), "{stops:?} {order:?} {want:?}");
    };
    for order in [SeccompFirst, EntryFirst] {
        check(Filtered, Some(order), Want::Nothing, Resume::Continue);
        check(Filtered, Some(order), Want::Exit, Resume::Syscall);
        check(Every, Some(order), Want::Nothing, Resume::Syscall);
    }
    // Until the order is known, calls are followed to learn it.
    check(Filtered, None, Want::Nothing, Resume::Syscall);
}

/// States are few: all of them, under all stops.
#[test]
fn no_stop_loses_a_signal_or_makes_a_result_up() {
    let forks = [Fork::Fork, Fork::Vfork, Fork::Clone].map(Stop::Fork);
    let others = [Stop::Seccomp, Stop::Syscall, Stop::Exec, Stop::Trap, Stop::Other];
    let signals = (1..=64).map(Stop::Signal);
    let groups = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].map(Stop::Group);
    for stop in forks.into_iter().chain(others).chain(signals).chain(groups) {
        for (stops, order, phase, seen) in states() {
            let setting = Setting { stops, order };
            let step = setting.step(phase, stop, seen);
            let run = match (stops, step.phase) {
                (Filtered, Outside) => Resume::Continue,
                _ => Resume::Syscall,
            };
            let (tell, go) = match stop {
                Stop::Signal(signal) => (Some(Tell::Signal(signal)), Go::Run(run, signal)),
                Stop::Group(signal) => (Some(Tell::Group(signal)), Go::Listen),
                Stop::Fork(how) => (Some(Tell::Fork(how)), Go::Run(run, 0)),
                Stop::Exec => (Some(Tell::Exec), Go::Run(run, 0)),
                Stop::Trap | Stop::Other => (Some(Tell::Nothing), Go::Run(run, 0)),
                Stop::Seccomp | Stop::Syscall => (None, Go::Run(run, 0)),
            };
            assert_eq!(step.go(), go, "{stop:?} {setting:?} {phase:?}");
            assert!(tell.is_none_or(|tell| tell == step.tell), "{stop:?} {setting:?} {phase:?}");
            if step.tell == Tell::Exit {
                let awaited = matches!(phase, Phase::Inside { want: Want::Exit, .. });
                assert!(awaited && stop == Stop::Syscall && step.phase == Outside);
            }
            if matches!(stop, Stop::Signal(_) | Stop::Group(_) | Stop::Trap) {
                assert_eq!(step.phase, Outside);
            }
            assert_eq!(step.setting.stops, stops);
        }
    }
}

fn states() -> impl Iterator<Item = (CallStops, Option<Order>, Phase, Seen)> {
    let settings =
        [Filtered, Every].into_iter().flat_map(|stops| ORDERS.map(|order| (stops, order)));
    settings.flat_map(|(stops, order)| {
        PHASES.into_iter().flat_map(move |phase| SEEN.map(|seen| (stops, order, phase, seen)))
    })
}

/// What is told of a program is what it does: calls of interest once, results once and of the
/// right call, signals, stops and forks each once.
fn followed(kernel: Kernel, acts: &[Act]) {
    let mut run = Run::new(kernel, Outside, None);
    let mut expect = run.launch();
    for act in acts {
        expect.extend(run.expected(act));
        run.act(act);
    }
    assert_eq!(run.said, expect, "{kernel:?}");
    assert!(run.order().is_none_or(|order| order == kernel.order), "{kernel:?}");
    assert!(kernel.stops == Every || run.order().is_some(), "the first call tells the order");
}

/// From whatever was believed, one call that returns anything but `ENOSYS` is enough.
fn healed(kernel: Kernel, phase: Phase, acts: &[Act]) {
    let mut run = Run::new(kernel, phase, Some(kernel.order));
    run.act(&Act::call(0));
    run.said.clear();
    let mut expect: Vec<Said> = Vec::new();
    for act in acts {
        expect.extend(run.expected(act));
        run.act(act);
    }
    assert_eq!(run.said, expect, "{kernel:?} {phase:?}");
}

const KERNELS: [(Order, Registers); 5] = [
    (SeccompFirst, Registers::Result),
    (SeccompFirst, Registers::Phase),
    (EntryFirst, Registers::Result),
    (EntryFirst, Registers::Phase),
    (EntryFirst, Registers::NotNeeded),
];

fn kernels() -> impl Iterator<Item = Kernel> {
    let kernels = KERNELS.into_iter();
    kernels.flat_map(|(order, registers)| {
        [Filtered, Every].map(|stops| Kernel { order, registers, stops })
    })
}

proptest! {
    #[test]
    fn programs_are_followed_on_every_kernel(acts in prop::collection::vec(kernel::acts(), 0..40)) {
        kernels().for_each(|kernel| followed(kernel, &acts));
    }

    #[test]
    fn what_was_misunderstood_is_soon_understood(
        acts in prop::collection::vec(kernel::acts(), 0..20),
        phase in prop::sample::select(PHASES.to_vec()),
    ) {
        kernels().for_each(|kernel| healed(kernel, phase, &acts));
    }
}
