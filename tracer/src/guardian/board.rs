//! What a supervisor leaves to the one that comes after it: memory that both share with the
//! guardian, and that outlives them.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use nix::errno::Errno;

use crate::engine::Ended;
use crate::sys::shared::Shared;

/// Words of a [`Slot`]: more than any kernel's `struct seccomp_notif` takes (80 bytes today).
pub(crate) const SLOT: usize = 32;
/// Notifications that can be received and not answered; further ones wait in the kernel.
pub(crate) const SLOTS: usize = 256;
/// Ends of processes that are remembered.
const ENDS: usize = 64;
/// Places for processes. One that finds none is found out by its next call.
const PLACES: usize = 8192;
/// Places that are tried for a process.
const TRIES: usize = 16;

/// Room for a notification, for the kernel to fill; its first word is the notification's id.
pub(crate) type Slot = [AtomicU64];

/// Single words, before the arrays.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// Sequence number of the newest event.
    Sequence,
    /// Signs of life of the supervisor.
    Beats,
    /// The application has executed its program.
    Launched,
    /// Id of the notification that the supervisor looked at last.
    Looking,
    /// Id of the notification whose task the supervisor interrupted last.
    Held,
    /// Notifications that were received.
    Received,
    /// Notifications that were answered.
    Answered,
    /// Ends of processes that the guardian has seen.
    Ends,
    /// The process whose end was told last.
    Told,
}

const ENDS_AT: usize = 16;
const PLACES_AT: usize = ENDS_AT + ENDS;
const SLOTS_AT: usize = PLACES_AT + 2 * PLACES;
const WORDS: usize = SLOTS_AT + SLOT * SLOTS;

/// The memory. Its slots are a ring: notifications are answered in the order in which they are
/// received.
#[derive(Debug)]
pub(crate) struct Board(Shared<[AtomicU64; WORDS]>);

impl Board {
    /// # Errors
    /// As mmap(2).
    pub(crate) fn new() -> Result<Self, Errno> {
        Shared::new().map(Self)
    }

    /// Takes the next sequence number.
    pub(crate) fn count_event(&self) -> u64 {
        self.word(Word::Sequence).fetch_add(1, SeqCst) + 1
    }

    /// Sequence number of the newest event.
    pub(crate) fn sequence(&self) -> u64 {
        self.get(Word::Sequence)
    }

    /// The supervisor lives.
    pub(crate) fn beat(&self) {
        self.word(Word::Beats).fetch_add(1, SeqCst);
    }

    /// Signs of life so far.
    pub(crate) fn beats(&self) -> u64 {
        self.get(Word::Beats)
    }

    /// The application has executed its program.
    pub(crate) fn launch(&self) {
        self.set(Word::Launched, 1);
    }

    pub(crate) fn has_launched(&self) -> bool {
        self.get(Word::Launched) != 0
    }

    /// Notification `id` is about to be looked at.
    pub(crate) fn look_at(&self, id: u64) {
        self.set(Word::Looking, id);
    }

    pub(crate) fn has_looked_at(&self, id: u64) -> bool {
        self.get(Word::Looking) == id
    }

    /// The task of notification `id` has a stop pending, and will look for it on its way back to user
    /// mode even if it is taken back: only so can it be told to make its call again.
    pub(crate) fn hold(&self, id: u64) {
        self.set(Word::Held, id);
    }

    pub(crate) fn has_held(&self, id: u64) -> bool {
        self.get(Word::Held) == id
    }

    /// Process `pid` has ended and is about to be reaped.
    pub(crate) fn end(&self, pid: i32, how: Ended) {
        let status = match how {
            Ended::Exited { status } => status << 8,
            Ended::Signaled { signal, core_dumped } => signal | i32::from(core_dumped) << 7,
            Ended::Unknown => return,
        };
        let end = u64::from(pid as u32) << 32 | u64::from(status as u32);
        let at = self.get(Word::Ends) as usize % ENDS;
        self.0[ENDS_AT + at].store(end, SeqCst);
        self.word(Word::Ends).fetch_add(1, SeqCst);
    }

    /// The status of wait(2) of process `pid`, if it has been reaped not long ago.
    pub(crate) fn status(&self, pid: i32) -> Option<i32> {
        let count = self.get(Word::Ends) as usize;
        let newest_first = (count.saturating_sub(ENDS)..count).rev();
        let mut ends = newest_first.map(|end| self.0[ENDS_AT + end % ENDS].load(SeqCst));
        ends.find(|end| (end >> 32) as i32 == pid).map(|end| end as u32 as i32)
    }

    /// The end of process `pid` has been told.
    pub(crate) fn tell(&self, pid: i32) {
        self.set(Word::Told, pid as u64);
    }

    pub(crate) fn has_told(&self, pid: i32) -> bool {
        self.get(Word::Told) == pid as u64
    }

    /// Room for the next notification; `None` while all slots are in use.
    pub(crate) fn free(&self) -> Option<&Slot> {
        let received = self.get(Word::Received);
        let waiting = received - self.get(Word::Answered);
        ((waiting as usize) < SLOTS).then(|| self.slot(received))
    }

    /// The kernel has filled what [`Board::free`] gave.
    pub(crate) fn receive(&self) {
        self.word(Word::Received).fetch_add(1, SeqCst);
    }

    /// Notification `id`, the oldest that waits, has been answered.
    pub(crate) fn answer(&self, id: u64) {
        let slot = self.slot(self.get(Word::Answered));
        if slot[0].load(SeqCst) == id {
            // The kernel wants empty room, and an empty id says that it is.
            slot[1..].iter().for_each(|word| word.store(0, SeqCst));
            slot[0].store(0, SeqCst);
            self.word(Word::Answered).fetch_add(1, SeqCst);
        }
    }

    /// Puts right what a supervisor may have left half done.
    pub(crate) fn mend(&self) {
        if self.free().is_some_and(|slot| slot[0].load(SeqCst) != 0) {
            self.receive();
        }
        if self.oldest() == Some(0) {
            self.word(Word::Answered).fetch_add(1, SeqCst);
        }
    }

    /// Id of the oldest notification that waits for its answer.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.waiting().next().map(|slot| slot[0].load(SeqCst))
    }

    /// Notifications that wait for their answers, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Slot> {
        (self.get(Word::Answered)..self.get(Word::Received)).map(|at| self.slot(at))
    }

    /// Process `tgid` runs `image`.
    pub(crate) fn note(&self, tgid: i32, image: u64) {
        if let Some(place) = self.place(tgid, tgid).or_else(|| self.place(tgid, 0)) {
            place[1].store(image, SeqCst);
            place[0].store(tgid as u64, SeqCst);
        }
    }

    /// Process `tgid` is gone.
    pub(crate) fn forget(&self, tgid: i32) {
        if let Some(place) = self.place(tgid, tgid) {
            place[0].store(0, SeqCst);
        }
    }

    pub(crate) fn has_process(&self, tgid: i32) -> bool {
        self.place(tgid, tgid).is_some()
    }

    /// Processes that are known, and what they run.
    pub(crate) fn processes(&self) -> Vec<(i32, u64)> {
        let places = self.0[PLACES_AT..SLOTS_AT].chunks_exact(2);
        let values = places.map(|place| (place[0].load(SeqCst) as i32, place[1].load(SeqCst)));
        values.filter(|(tgid, _)| *tgid != 0).collect()
    }

    /// The place among those for `tgid` that has `value`.
    fn place(&self, tgid: i32, value: i32) -> Option<&[AtomicU64]> {
        let all = (0..TRIES).map(|at| PLACES_AT + 2 * ((tgid as usize + at) % PLACES));
        let mut all = all.map(|at| &self.0[at..at + 2]);
        all.find(|place| place[0].load(SeqCst) == value as u64)
    }

    fn slot(&self, at: u64) -> &Slot {
        let from = SLOTS_AT + at as usize % SLOTS * SLOT;
        &self.0[from..from + SLOT]
    }

    fn word(&self, word: Word) -> &AtomicU64 {
        &self.0[word as usize]
    }

    fn get(&self, word: Word) -> u64 {
        self.word(word).load(SeqCst)
    }

    fn set(&self, word: Word, value: u64) {
        self.word(word).store(value, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(board: &Board, id: u64) {
        board.free().expect("room")[0].store(id, SeqCst);
        board.receive();
    }

    fn waiting(board: &Board) -> Vec<u64> {
        board.waiting().map(|slot| slot[0].load(SeqCst)).collect()
    }

    #[test]
    fn notifications_wait_until_they_are_answered() {
        let board = Board::new().expect("memory");
        (1..=SLOTS as u64).for_each(|id| receive(&board, id));
        assert!(board.free().is_none());
        board.answer(2);
        assert_eq!(board.oldest(), Some(1));
        board.answer(1);
        receive(&board, 1000);
        let rest: Vec<u64> = (2..=SLOTS as u64).chain([1000]).collect();
        assert_eq!(waiting(&board), rest);
        rest.iter().for_each(|id| board.answer(*id));
        assert_eq!(board.oldest(), None);
    }

    /// A supervisor is killed between any two steps.
    #[test]
    fn half_done_work_is_mended() {
        let board = Board::new().expect("memory");
        board.free().expect("room")[0].store(7, SeqCst);
        board.mend();
        board.mend();
        assert_eq!(waiting(&board), [7]);
        receive(&board, 8);
        board.waiting().next().expect("a notification")[0].store(0, SeqCst);
        board.mend();
        assert_eq!(waiting(&board), [8]);
    }

    #[test]
    fn ends_are_remembered() {
        let board = Board::new().expect("memory");
        let signal = libc::SIGSEGV;
        board.end(5, Ended::Exited { status: 3 });
        board.end(6, Ended::Signaled { signal, core_dumped: true });
        assert_eq!(board.status(5), Some(3 << 8));
        let status = board.status(6).expect("an end");
        assert!(libc::WIFSIGNALED(status) && libc::WCOREDUMP(status));
        assert_eq!(libc::WTERMSIG(status), signal);
        (0..ENDS as i32).for_each(|pid| board.end(100 + pid, Ended::Exited { status: 0 }));
        assert_eq!((board.status(5), board.status(100)), (None, Some(0)));
    }

    #[test]
    fn processes_are_known_until_they_are_forgotten() {
        let board = Board::new().expect("memory");
        // They all begin at one place.
        for count in 0..2 * TRIES as i32 {
            board.note(3 + count * PLACES as i32, 1);
        }
        assert_eq!(board.processes().len(), TRIES);
        board.note(4, 1);
        board.note(4, 2);
        assert!(board.processes().contains(&(4, 2)));
        board.forget(3);
        assert!(board.has_process(4) && !board.has_process(3));
        board.forget(4);
        assert!(!board.has_process(4));
    }
}
