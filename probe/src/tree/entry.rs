//! One image of a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sentrace_schema::groups;

use super::{Census, ENTRIES_MAX, Process};

/// Ancestors that can be reached from an entry.
pub const ANCESTORS_MAX: usize = 1024;
/// Every so many generations the chain is cut behind [`ANCESTORS_MAX`], so that it is at most by
/// this longer.
const CUT_EVERY: u32 = 256;

/// One image of a process: what it was between two execs.
#[derive(Debug)]
pub struct Entry {
    state: Mutex<State>,
    /// One for each entry of the tree, wherever it is held.
    census: Arc<Census>,
}

#[derive(Debug)]
struct State {
    process: Process,
    parent: Option<Arc<Entry>>,
    /// Generations since the first known ancestor.
    depth: u32,
    /// When the process ended, in ns since the epoch.
    ended: Option<u64>,
    /// Nothing is known but the pid.
    is_guess: bool,
    /// Time of the last event, in ns since the epoch.
    touched: u64,
}

impl Entry {
    pub(super) fn new(process: Process, census: &Arc<Census>) -> Self {
        let touched = process.rest().created_at.max(0).cast_unsigned();
        let state =
            State { process, parent: None, depth: 0, ended: None, is_guess: false, touched };
        Self { state: Mutex::new(state), census: census.clone() }
    }

    /// A process of which only the pid is known.
    pub(super) fn guessed(process: Process, census: &Arc<Census>) -> Self {
        let entry = Self::new(process, census);
        entry.lock().is_guess = true;
        entry
    }

    /// The process as it is now. Later changes do not show in what was returned.
    pub fn process(&self) -> Process {
        self.lock().process.clone()
    }

    /// Who made the process, as it was then; None at the root, and when that is not known.
    pub fn parent(&self) -> Option<Arc<Entry>> {
        self.lock().parent.clone()
    }

    /// Parent, grandparent, … at most [`ANCESTORS_MAX`].
    pub fn ancestors(&self) -> Ancestors {
        Ancestors { next: self.parent(), left: ANCESTORS_MAX }
    }

    /// Number of the tree that it belongs to; no two have the same.
    pub fn tree(&self) -> u64 {
        self.census.tree
    }

    /// When the process ended, in ns since the epoch.
    pub fn ended(&self) -> Option<u64> {
        self.lock().ended
    }

    /// Whether events of this process, which has no parent yet, have overtaken its fork.
    pub(super) fn is_overtaker(&self, fork: u64, slack: u64) -> bool {
        let state = self.lock();
        let made = state.process.rest().created_at.max(0).cast_unsigned();
        state.parent.is_none() && made.abs_diff(fork) <= slack
    }

    /// Notes the time of an event.
    pub(super) fn touch(&self, time: u64) {
        let mut state = self.lock();
        state.touched = state.touched.max(time);
    }

    /// Time of the last event, in ns since the epoch.
    pub fn touched(&self) -> u64 {
        self.lock().touched
    }

    /// Marks the end; false when it was marked before.
    pub(super) fn end(&self, time: u64) -> bool {
        let mut state = self.lock();
        let is_first = state.ended.is_none();
        state.ended = state.ended.or(Some(time));
        is_first
    }

    /// Changes fields that are not of the image.
    pub(super) fn change(&self, change: impl FnOnce(&mut groups::Process)) {
        change(self.lock().process.rest_mut());
    }

    /// Gives up big arguments and environment.
    pub(super) fn shrink(&self) {
        self.lock().process.shrink();
    }

    /// Fills in what a fork that came late tells, unless more is known already.
    pub(super) fn reveal(&self, process: Process) {
        let mut state = self.lock();
        if state.is_guess {
            state.process = process;
            state.is_guess = false;
        }
    }

    /// Gives a new entry, which is nobody's ancestor yet, its parent.
    pub(super) fn descend(&self, parent: &Arc<Entry>) {
        if self.is_crowded() {
            return;
        }
        let depth = parent.lock().depth.saturating_add(1);
        {
            let mut state = self.lock();
            state.parent = Some(parent.clone());
            state.depth = depth;
        }
        if depth.is_multiple_of(CUT_EVERY) {
            self.cut();
        }
    }

    /// Gives an entry a parent that became known later, unless it descends from the entry.
    pub(super) fn adopt(&self, parent: &Arc<Entry>) {
        parent.cut();
        let is_self = |entry: &Arc<Entry>| std::ptr::eq(Arc::as_ptr(entry), self);
        if !self.is_crowded() && !is_self(parent) && !parent.ancestors().any(|up| is_self(&up)) {
            self.lock().parent = Some(parent.clone());
        }
    }

    /// Forgets ancestors beyond [`ANCESTORS_MAX`].
    fn cut(&self) {
        if let Some(last) = self.ancestors().nth(ANCESTORS_MAX - 1) {
            let rest = last.lock().parent.take();
            drop(rest);
        }
    }

    /// Whether ancestors hold more than the tree itself may.
    fn is_crowded(&self) -> bool {
        Arc::strong_count(&self.census) > 2 * ENTRIES_MAX
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A long line of ancestors that nobody else holds is dropped one by one, not recursively.
impl Drop for Entry {
    fn drop(&mut self) {
        let mut next = self.lock().parent.take();
        while let Some(entry) = next {
            next = Arc::into_inner(entry).and_then(|entry| entry.lock().parent.take());
        }
    }
}

/// The ancestors of an entry, nearest first.
#[derive(Debug)]
pub struct Ancestors {
    next: Option<Arc<Entry>>,
    left: usize,
}

impl Iterator for Ancestors {
    type Item = Arc<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.next.take()?;
        self.next = entry.parent();
        Some(entry)
    }
}
