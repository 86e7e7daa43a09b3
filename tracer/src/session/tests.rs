//! Sessions that are told what an engine would tell, about this process.

use sentrace_schema::wire::{EventInterest, Interest, PREDICTED};
use sentrace_schema::{abi, constant};

use super::*;
use crate::engine::AbiId;
use crate::memory::fake::{FakeMemory, PAGE};

#[test]
fn causes_are_those_of_the_rules() {
    let causes = [("EXITED", cause::EXITED), ("COREDUMPED", cause::COREDUMPED)];
    for (name, value) in causes.into_iter().chain([("SIGNALED", cause::SIGNALED)]) {
        assert!(constant(name, 0).is_none_or(|constant| constant == value), "{name}");
    }
}

const PATH: u64 = PAGE;
const CWD: u64 = -100_i64 as u64;
/// A number that no call has.
const NO_CALL: u32 = 100_000;

/// This process, which is what `/proc` has to show, and threads of it that are not.
fn leader() -> Task {
    Task::leader(std::process::id() as i32)
}

fn thread(tid: i32) -> Task {
    Task { tid, ..leader() }
}

#[derive(Default)]
struct Events(Vec<Event>);

impl Sink for Events {
    fn event(&mut self, event: Event) {
        self.0.push(event);
    }
}

/// The events of what a session is told: name, thread, result, marks.
fn told(wanted: Wanted, tell: impl FnOnce(&mut Session<'_>)) -> Vec<(&'static str, i32, i64, u32)> {
    let mut events = Events::default();
    let mut session = Session::new(Resolver::new().expect("a /proc"), &mut events).wanting(wanted);
    let counters = session.counters();
    tell(&mut session);
    assert!(session.inside.is_empty(), "a call was left behind");
    let sequence: Vec<u64> = events.0.iter().map(|event| event.header.sequence).collect();
    assert!(sequence.iter().copied().eq(1..=sequence.len() as u64), "{sequence:?}");
    assert_eq!(counters.sequence(), sequence.len() as u64);
    assert_eq!(counters.events().iter().sum::<u64>(), counters.sequence());
    let event = |Event { header, payload }: Event| {
        (payload.event().name, header.tid, header.retval, header.marks)
    };
    events.0.into_iter().map(event).collect()
}

fn call(abi_name: &str, name: &str, args: [u64; 3]) -> Call {
    let abi = AbiId(abi(abi_name).expect("an ABI").id);
    let numbers = decode::NUMBERS[usize::from(abi.0)];
    let (nr, _) = numbers.iter().find(|(_, call)| call.name == name).expect("a call");
    let [a, b, c] = args;
    Call { abi, nr: *nr, args: [a, b, c, 0, 0, 0], ip: 0, sp: 0 }
}

fn openat() -> Call {
    call("amd64", "openat", [CWD, PATH, 0])
}

fn kill() -> Call {
    call("amd64", "kill", [u64::from(std::process::id()), 0, 0])
}

fn accept() -> Call {
    call("amd64", "accept", [3, 0, 0])
}

fn memory() -> FakeMemory {
    FakeMemory::new().with(PATH, b"/etc/passwd\0")
}

#[test]
fn a_call_is_an_event_when_its_result_counts() {
    let told = told(Wanted::all(), |session| {
        for result in [3, -2, -13] {
            assert_eq!(session.entry(leader(), &openat(), &memory()), Want::Exit);
            session.exit(leader(), result, &memory());
        }
    });
    let tid = leader().tid;
    assert_eq!(told, [("open", tid, 3, 0), ("open", tid, -13, 0)]);
}

#[test]
fn nobody_waits_where_arguments_are_enough() {
    let open = sentrace_schema::event("open").expect("an event").id;
    let interest = EventInterest { event: open, capture: Capture::Entry };
    let told = told(Wanted::from(&Interest::Events(vec![interest])), |session| {
        assert_eq!(session.entry(leader(), &openat(), &memory()), Want::Nothing);
        assert_eq!(session.entry(leader(), &openat(), &FakeMemory::new()), Want::Nothing);
        assert_eq!(session.entry(leader(), &kill(), &memory()), Want::Nothing);
        session.fork(leader(), Task::leader(1), Fork::Fork);
    });
    let tid = leader().tid;
    assert_eq!(told, [("open", tid, 0, PREDICTED), ("open", tid, 0, PREDICTED | UNREADABLE)]);
}

#[test]
fn calls_that_do_not_return_leave_nothing_behind() {
    let told = told(Wanted::all(), |session| {
        // Killed: by itself, while it waited for a connection.
        assert_eq!(session.entry(thread(11), &kill(), &memory()), Want::Exit);
        session.thread_exit(thread(11));
        assert_eq!(session.entry(thread(12), &accept(), &memory()), Want::Exit);
        session.thread_exit(thread(12));
        // Another call instead: what came before did not return.
        assert_eq!(session.entry(thread(13), &kill(), &memory()), Want::Exit);
        let unknown = Call { nr: NO_CALL, ..openat() };
        assert_eq!(session.entry(thread(13), &unknown, &memory()), Want::Nothing);
        session.exit(thread(13), 0, &memory());
        // Interrupted and made again.
        for result in [-4, 5] {
            assert_eq!(session.entry(thread(14), &openat(), &memory()), Want::Exit);
            session.exit(thread(14), result, &memory());
        }
    });
    assert_eq!(told, [("signal", 11, 0, PREDICTED), ("open", 14, 5, 0)]);
}

#[test]
fn a_thread_that_executes_a_program_ends_the_calls_of_the_others() {
    let other = Task::leader(1);
    let told = told(Wanted::all(), |session| {
        for (task, call) in
            [(leader(), accept()), (thread(11), kill()), (thread(12), kill()), (other, kill())]
        {
            assert_eq!(session.entry(task, &call, &memory()), Want::Exit);
        }
        session.exec(leader(), 12, &memory());
        session.exit(leader(), 0, &memory());
        session.thread_exit(thread(11));
        session.exit(other, -1, &memory());
    });
    let tid = leader().tid;
    let expect = [
        ("signal", 11, 0, PREDICTED),
        ("exec", tid, 0, UNREADABLE),
        ("signal", 12, 0, 0),
        ("signal", 1, -1, 0),
    ];
    assert_eq!(told, expect);
}

#[test]
fn what_is_not_known_is_counted() {
    let mut events = Events::default();
    let mut session = Session::new(Resolver::new().expect("a /proc"), &mut events);
    let counters = session.counters();
    session.unknown(leader());
    let unknown = Call { nr: NO_CALL, ..openat() };
    assert_eq!(session.entry(leader(), &unknown, &memory()), Want::Nothing);
    let strange = Call { abi: AbiId(u16::MAX), ..openat() };
    assert_eq!(session.entry(leader(), &strange, &memory()), Want::Nothing);
    session.stopped(leader());
    session.stopped(leader());
    assert_eq!((counters.unknown(), counters.sequence()), (3, 0));
    assert_eq!(counters.heartbeat().stops, 2);
}
