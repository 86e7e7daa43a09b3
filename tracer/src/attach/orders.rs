//! What an engine is told from another thread.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{AttachError, Follow, Refusal, processes};
use crate::sys::attention::{Listener, Requests};

/// Orders for an engine, and its answers.
#[derive(Debug)]
pub(crate) struct Orders {
    follow: Follow,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    targets: Vec<i32>,
    leave: bool,
    ended: bool,
    /// The engine's thread.
    listener: Option<Listener>,
    /// Targets that could be watched.
    watched: usize,
    /// Those that could not.
    refused: HashSet<i32>,
    last: Option<(i32, Refusal)>,
}

/// The end of the engine, when it is dropped.
pub(super) struct End<'a>(&'a Orders);

impl Orders {
    pub(super) fn new(targets: Vec<i32>, follow: Follow) -> Self {
        let state = State { targets, ..State::default() };
        Self { follow, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// What the engine, whose thread is `listener`, has to attach to; `None`: it has to leave.
    /// Waits for something when it is idle.
    pub(crate) fn take(&self, listener: Listener, is_idle: bool) -> Option<Vec<i32>> {
        let mut state = self.state();
        state.listener = Some(listener);
        while is_idle && !state.leave && state.targets.is_empty() && self.follow == Follow::Forever
        {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let is_over = is_idle && state.targets.is_empty();
        state.watched += state.targets.len();
        (!state.leave && !is_over).then(|| std::mem::take(&mut state.targets))
    }

    /// A target cannot be watched.
    pub(crate) fn refuse(&self, target: i32, refusal: Refusal) {
        let mut state = self.state();
        state.watched -= 1;
        state.refused.insert(target);
        if let Some((target, refusal)) = state.last.replace((target, refusal)) {
            warn(target, &refusal);
        }
        if self.follow == Follow::Forever
            && let Some((target, refusal)) = state.last.take()
        {
            warn(target, &refusal);
        }
    }

    /// Processes to attach to, unless they are watched or were refused before.
    pub(super) fn add(&self, targets: Vec<i32>) {
        let mut state = self.state();
        let all: HashSet<i32> = targets.iter().copied().collect();
        state.refused.retain(|target| all.contains(target));
        let is_new = |target: &i32| {
            !state.refused.contains(target)
                && processes::tracer(*target).is_some_and(|tracer| {
                    state.listener.is_none_or(|listener| !listener.is(tracer))
                })
        };
        state.targets = targets.into_iter().filter(is_new).collect();
        self.changed.notify_one();
    }

    /// The engine has to leave.
    pub(super) fn leave(&self) {
        self.state().leave = true;
        self.changed.notify_one();
    }

    /// Calls the engine if there are orders that it has not taken.
    pub(super) fn call(&self) {
        let state = self.state();
        if let Some(listener) = state.listener.filter(|_| state.are_waiting()) {
            listener.call();
        }
    }

    /// Whether there are orders that the engine has not taken.
    pub(super) fn wait_to_be_taken(&self) -> bool {
        self.state().are_waiting()
    }

    /// Marks the end when it is dropped.
    pub(super) fn end_with_me(&self) -> End<'_> {
        End(self)
    }

    pub(super) fn have_ended(&self) -> bool {
        self.state().ended
    }

    /// What came of it.
    pub(super) fn outcome(self) -> Result<(), AttachError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.last {
            Some((target, refusal)) if state.watched == 0 => {
                Err(AttachError::Refused(target, refusal))
            }
            Some((target, refusal)) => {
                warn(target, &refusal);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn are_waiting(&self) -> bool {
        self.leave || !self.targets.is_empty()
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.state().ended = true;
        Requests::make();
    }
}

fn warn(target: i32, refusal: &Refusal) {
    tracing::warn!("process {target} cannot be watched: {refusal}");
}
