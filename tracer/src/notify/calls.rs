//! A call, from its notification to its end.

use nix::errno::Errno;
use sentrace_schema::ABIS;

use super::held::{Held, Phase, Then};
use super::life::{self, Life};
use super::tasks::Image;
use super::{Engine, instant};
use crate::arch;
use crate::engine::{Call, Task, Want};
use crate::memory::Memory;
use crate::ptrace::{self, Died, Stop, Stopped, TaskMemory};
use crate::sys::notify::{Answer, Listener, Notification};
use crate::sys::ptrace::{Resume, SyscallInfo, interrupt, seize_for_a_while};
use crate::sys::signals;

/// What a call returns that the kernel makes again after a signal (linux/errno.h): unless the
/// signal has a handler without `SA_RESTART`, or in any case.
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;

impl Engine<'_> {
    /// A task waits in a call for its answer.
    pub(super) fn notified(&mut self, notification: &Notification) {
        self.board.look_at(notification.id);
        let answer = self.answer(notification);
        self.listener.answer(notification.id, answer);
    }

    fn answer(&mut self, notification: &Notification) -> Answer {
        let &Notification { id, tid, audit, nr, ip, args } = notification;
        let held = self.held.get(&tid).copied();
        if let Some(held @ Held { phase: Phase::Entered, .. }) = held {
            self.held.insert(tid, Held { phase: Phase::Inside, ..held });
            return Answer::Continue;
        }
        let Some(task) = self.place(tid) else { return Answer::Continue };
        self.last = task.tgid;
        self.observer.tell(|observer| observer.stopped(task));
        let life = life::of(audit, nr);
        if self.launching && task.tgid == self.first {
            if life != Some(Life::Exec) {
                return Answer::Continue;
            }
            self.launching = false;
            self.board.launch();
        }
        self.executed_before(task, id);
        let mut want = Want::Nothing;
        let mut is_instant = false;
        let abi = arch::abi_of(audit, nr.into(), &ABIS);
        if abi.is_none() {
            self.observer.tell(|observer| observer.unknown(task));
        }
        if let Some((abi, nr)) = abi
            && (life.is_none() || self.interest.has(notification))
        {
            let call = Call { abi, nr, args, ip, sp: 0 };
            let memory = TaskMemory::new(tid, &self.way);
            let memory = Waiting { memory, listener: &self.listener, id };
            let told = self.observer.tell(|observer| observer.entry(task, &call, &memory));
            want = told.unwrap_or(Want::Nothing);
            is_instant = arch::OF_ONE_LENGTH.contains(&audit) && instant::is_instant(abi, nr);
        }
        let phase = match (want, life) {
            (Want::Exit, _) if is_instant => Phase::Finishing,
            (Want::Exit, _) => Phase::Returning(Then::Call),
            (Want::Nothing, Some(Life::Exec)) => Phase::Running,
            (Want::Nothing, _) if held.is_some() => Phase::Returning(Then::Go),
            (Want::Nothing, _) => return Answer::Continue,
        };
        let held = Held { phase, call: *notification, wanted: want == Want::Exit };
        match (self.hold(task, held), phase) {
            (true, Phase::Returning(_)) => Answer::Again,
            (true, _) => Answer::Continue,
            (false, _) => {
                // Whether the program is executed is to be seen later.
                if let (Some(Life::Exec), Some(process)) = (life, self.tasks.process(task.tgid)) {
                    process.is_unsure = true;
                }
                Answer::Continue
            }
        }
    }

    /// Makes a task that waits for its answer a tracee, unless it is one, which stops as its phase
    /// has it. `false` if another has it.
    fn hold(&mut self, task: Task, held: Held) -> bool {
        if !self.held.contains_key(&task.tid) && seize_for_a_while(task.tid).is_err() {
            return false;
        }
        self.held.insert(task.tid, held);
        if held.phase == Phase::Running {
            return true;
        }
        let is_interrupted = interrupt(task.tid).is_ok();
        if is_interrupted {
            self.board.hold(held.call.id);
        }
        is_interrupted
    }

    /// A task that is held has stopped.
    pub(super) fn stopped(&mut self, tid: i32, stop: Stop) {
        if let Some(task) = self.tasks.known(tid) {
            self.observer.tell(|observer| observer.stopped(task));
        }
        let stopped = Stopped::new(tid);
        let held = self.held.get(&tid).copied();
        // A task that died has nothing to resume.
        let _: Result<(), Died> = match (stop, held) {
            (Stop::Exec, _) => self.executed(tid, stopped),
            (Stop::Syscall, Some(held)) => self.syscall(tid, held, stopped),
            (Stop::Trap | Stop::Group(_), Some(held)) if held.phase == Phase::Finishing => {
                self.finished(tid, held, stop, stopped)
            }
            (Stop::Trap, Some(held)) if held.phase == Phase::Returning(Then::Call) => {
                self.held.insert(tid, Held { phase: Phase::Entering, ..held });
                stopped.resume(Resume::Syscall, 0);
                Ok(())
            }
            _ => {
                self.interrupted(tid, held, stop);
                stopped.release(if let Stop::Signal(signal) = stop { signal } else { 0 });
                Ok(())
            }
        };
    }

    /// A task that is held has stopped by a signal or with its process, or to be let go.
    fn interrupted(&mut self, tid: i32, held: Option<Held>, stop: Stop) {
        if held.is_some_and(|held| held.wanted && held.is_before_call()) {
            self.returned(tid, -(Errno::EINTR as i64));
        }
        self.held.remove(&tid);
        let is_first = self.tasks.known(tid).is_some_and(|task| task.tgid == self.first);
        if let Stop::Group(signal) = stop {
            self.suspend |= is_first && ptrace::stops_with_application(signal);
        }
    }

    /// A task that is held has stopped on its way back from its call.
    fn finished(&mut self, tid: i32, held: Held, stop: Stop, stopped: Stopped) -> Result<(), Died> {
        let registers = stopped.registers()?;
        let result = registers.result_of(held.call.ip);
        let is_interrupted = result.is_none_or(|result| result == -(Errno::EINTR as i64));
        // Unless a signal did, it was the stop that interrupted it.
        if is_interrupted && stop == Stop::Trap && !signals::is_pending(tid) {
            if result.is_some() {
                enter_again(&stopped, &held)?;
            }
            self.held.insert(tid, Held { phase: Phase::Entering, ..held });
            stopped.resume(Resume::Syscall, 0);
            return Ok(());
        }
        self.returned(tid, result.unwrap_or(-(Errno::EINTR as i64)));
        self.interrupted(tid, None, stop);
        stopped.release(0);
        Ok(())
    }

    /// A task that is held has stopped at the entry or exit of its call.
    fn syscall(&mut self, tid: i32, held: Held, stopped: Stopped) -> Result<(), Died> {
        let Some(SyscallInfo::Exit { result }) = stopped.syscall_info()? else {
            self.held.insert(tid, Held { phase: Phase::Entered, ..held });
            stopped.resume(Resume::Syscall, 0);
            return Ok(());
        };
        if held.phase == Phase::Entered && result == ERESTARTSYS {
            // A signal kept it from waiting for its answer: the call has not begun, and is to begin
            // after the signal, whatever its handler's flags.
            let mut registers = stopped.registers()?;
            registers.set_result(ERESTARTNOINTR);
            stopped.set_registers(&registers)?;
        } else if result == -(Errno::EINTR as i64) && !signals::is_pending(tid) {
            // A signal that is ignored interrupts none but a tracee.
            enter_again(&stopped, &held)?;
        }
        self.returned(tid, ptrace::visible(result));
        self.held.remove(&tid);
        stopped.release(0);
        Ok(())
    }

    fn returned(&mut self, tid: i32, result: i64) {
        let Some(task) = self.tasks.known(tid) else { return };
        let memory = TaskMemory::new(tid, &self.way);
        self.observer.tell(|observer| observer.exit(task, result, &memory));
    }

    /// The process `tgid` executes a program and has stopped.
    fn executed(&mut self, tgid: i32, stopped: Stopped) -> Result<(), Died> {
        let former = stopped.event_message()? as i32;
        let held = self.held.remove(&former);
        // The leader, if it was another, has gone without a word.
        self.held.remove(&tgid);
        self.tell_exec(tgid, former);
        if held.is_some_and(|held| held.wanted) {
            self.returned(tgid, 0);
        }
        stopped.release(0);
        Ok(())
    }

    /// Tells of a program that was executed while another traced the process of `task`, which
    /// waits for its answer.
    fn executed_before(&mut self, task: Task, id: u64) {
        let Some(process) = self.tasks.process(task.tgid) else { return };
        if !std::mem::take(&mut process.is_unsure) {
            return;
        }
        let before = process.image;
        let now = Image::of(task.tgid);
        if now.is_some() && now != before && self.listener.is_valid(id) {
            self.tell_exec(task.tgid, task.tid);
        }
    }

    pub(super) fn tell_exec(&mut self, tgid: i32, former: i32) {
        self.threads_ended(tgid, Some(former));
        let image = Image::of(tgid);
        if let Some(process) = self.tasks.process(tgid) {
            process.image = image;
            self.board.note(tgid, image.map_or(0, Image::number));
        }
        let memory = TaskMemory::new(tgid, &self.way);
        self.observer.tell(|observer| observer.exec(Task::leader(tgid), former, &memory));
    }
}

/// The memory of a task that waits for its answer. What is read is its own, not that of another
/// that has got its id.
struct Waiting<'a> {
    memory: TaskMemory<'a>,
    listener: &'a Listener,
    id: u64,
}

impl Memory for Waiting<'_> {
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize {
        let read = self.memory.read(addr, buf);
        if self.listener.is_valid(self.id) { read } else { 0 }
    }
}

/// Has a task that is behind its call make it again.
fn enter_again(stopped: &Stopped, held: &Held) -> Result<(), Died> {
    if arch::OF_ONE_LENGTH.contains(&held.call.audit) {
        let mut registers = stopped.registers()?;
        registers.enter_again(held.call.ip, held.call.nr.into(), held.call.args[0]);
        stopped.set_registers(&registers)?;
    }
    Ok(())
}
