//! The values that rules remember.
//!
//! Whatever events say, the values stay within bounds: when there are too many, those of the
//! process, container or control group that has most are forgotten.

mod held;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use sentrace_schema::Payload;
use sentrace_schema::wire::Event;

use crate::fields::{Shape, Variables};
use crate::secl::{Owned, Value, VariableRef};
use crate::tree::{Entry, Process};

use super::action::Scope;
use held::Held;

/// Bytes that all values together may take.
const BYTES_MAX: usize = 64 << 20;
/// Containers, and control groups, of which values are kept.
const GROUPS_MAX: usize = 4096;
/// What a scope or a value takes besides its text, roughly, in bytes.
const OVERHEAD: usize = 64;

/// A variable that some rule sets.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) scope: Scope,
    pub(super) ty: VariableRef,
    /// Its value while it is not set.
    pub(super) default_value: Option<Owned>,
    pub(super) private: bool,
    pub(super) inherited: bool,
}

/// How a value is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) append: bool,
    /// Elements that an array may have.
    pub(super) size: usize,
    /// When it is forgotten, in ns since the epoch.
    pub(super) expires: u64,
}

/// The values of all variables.
#[derive(Debug, Default)]
pub(super) struct Store {
    declared: BTreeMap<String, Declared>,
    global: Values,
    /// By the address of the entry, which the slot keeps from being used again.
    processes: HashMap<usize, Slot>,
    /// The address of the newest entry of a process, by tree and pid.
    by_pid: HashMap<(u64, i32), usize>,
    containers: HashMap<Vec<u8>, Values>,
    cgroups: HashMap<Vec<u8>, Values>,
    /// Bytes of all values together.
    bytes: usize,
    /// Number of slots from which on it is worth looking for dead ones.
    sweep_at: usize,
    /// Whether processes are looked up by pid.
    follows_pids: bool,
}

/// The values of one scope, by the name of the variable.
#[derive(Debug, Default)]
struct Values {
    held: HashMap<String, Held>,
    bytes: usize,
    /// Time of the last change.
    used: u64,
}

#[derive(Debug)]
struct Slot {
    entry: Weak<Entry>,
    values: Values,
}

/// Whose variables an event reads.
pub(super) struct Subject<'a> {
    pub(super) entry: &'a Arc<Entry>,
    pub(super) process: Process,
    /// Time of the event in ns since the epoch.
    pub(super) now: u64,
    /// Addresses of the ancestors, nearest first.
    ancestors: OnceCell<Vec<usize>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(entry: &'a Arc<Entry>, now: u64) -> Self {
        Self { entry, process: entry.process(), now, ancestors: OnceCell::new() }
    }

    fn ancestors(&self) -> &[usize] {
        self.ancestors.get_or_init(|| self.entry.ancestors().map(|entry| address(&entry)).collect())
    }
}

/// The variables as an event sees them.
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) subject: &'a Subject<'a>,
}

impl Variables for View<'_> {
    fn get(&self, name: &str) -> Value<'_> {
        let Some(declared) = self.store.declared.get(name) else { return Value::Int(0) };
        let held = self.store.held(name, declared, self.subject);
        match (held, &declared.default_value) {
            (Some(held), _) => held.value(self.subject.now),
            (None, Some(value)) => held::borrow(value),
            (None, None) => Shape { kind: declared.ty.kind, array: declared.ty.array }.zero(),
        }
    }
}

impl Store {
    /// Makes a variable known; a later declaration adds to an earlier one.
    pub(super) fn declare(&mut self, name: String, declared: Declared) {
        let known = self.declared.entry(name).or_insert_with(|| declared.clone());
        known.private |= declared.private;
        known.inherited |= declared.inherited;
        if known.default_value.is_none() {
            known.default_value = declared.default_value;
        }
    }

    /// Some rule sets variables of a process by its pid.
    pub(super) fn follow_pids(&mut self) {
        self.follows_pids = true;
    }

    /// Takes note of an event before rules see it.
    pub(super) fn before(&mut self, event: &Event, entry: &Arc<Entry>) {
        match &event.payload {
            Payload::Exec(_) => self.exec((entry.tree(), event.header.pid), entry),
            Payload::Fork(fork) => {
                let child = i32::try_from(fork.child).ok();
                child.and_then(|child| self.by_pid.remove(&(entry.tree(), child)));
            }
            _ => {}
        }
        if self.follows_pids {
            self.slot((entry.tree(), event.header.pid), entry);
        }
    }

    /// Takes note of an event after rules have seen it.
    pub(super) fn after(&mut self, event: &Event, entry: &Entry) {
        if let Payload::Exit(_) = event.payload {
            self.by_pid.remove(&(entry.tree(), event.header.pid));
        }
    }

    /// Sets a variable for the event's process, container or control group, or for the process
    /// `of`. Nothing happens when there is none.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Owned,
        how: How,
        subject: &Subject<'_>,
        of: Option<i64>,
    ) {
        let Some(declared) = self.declared.get(name) else { return };
        let (scope, ty) = (declared.scope, declared.ty);
        let rest = subject.process.rest();
        let group = match scope {
            Scope::Container => &rest.container.id,
            Scope::Cgroup => &rest.cgroup.id,
            Scope::Global | Scope::Process => &Vec::new(),
        };
        let values = match (scope, of) {
            (Scope::Global, _) => &mut self.global,
            (Scope::Process, Some(pid)) => {
                let address = i32::try_from(pid).ok().map(|pid| (subject.entry.tree(), pid));
                let address = address.and_then(|key| self.by_pid.get(&key));
                match address.and_then(|address| self.processes.get_mut(address)) {
                    Some(slot) => &mut slot.values,
                    None => return,
                }
            }
            (Scope::Process, None) => {
                let Ok(pid) = i32::try_from(rest.pid) else { return };
                self.slot((subject.entry.tree(), pid), subject.entry)
            }
            _ if group.is_empty() => return,
            (Scope::Container, _) => one_of(&mut self.containers, group, &mut self.bytes),
            (Scope::Cgroup, _) => one_of(&mut self.cgroups, group, &mut self.bytes),
        };
        values.used = subject.now;
        let held = values.held.entry(name.to_owned()).or_insert_with(|| Held::new(ty));
        let before = held.bytes();
        held.set(value, how, subject.now);
        let after = held.bytes();
        values.bytes = (values.bytes + after).saturating_sub(before);
        self.bytes = (self.bytes + after).saturating_sub(before);
        if self.bytes > BYTES_MAX {
            self.make_room();
        }
    }

    /// The variables that an alert shows: those that are set and not private.
    pub(super) fn shown(&self, subject: &Subject<'_>) -> Vec<(String, Owned)> {
        let visible = self.declared.iter().filter(|(_, declared)| !declared.private);
        let set = visible.filter_map(|(name, declared)| {
            let value = self.held(name, declared, subject)?.shown(subject.now);
            Some((name.clone(), value))
        });
        set.collect()
    }

    /// What a variable holds for an event, unless it is unset.
    fn held(&self, name: &str, declared: &Declared, subject: &Subject<'_>) -> Option<&Held> {
        let rest = subject.process.rest();
        let live = |values: &'_ Values| -> bool {
            values.held.get(name).is_some_and(|held| held.is_set(subject.now))
        };
        let values = match declared.scope {
            Scope::Global => Some(&self.global),
            Scope::Container => self.containers.get(&rest.container.id),
            Scope::Cgroup => self.cgroups.get(&rest.cgroup.id),
            Scope::Process if self.processes.is_empty() => None,
            Scope::Process => {
                let of = |address: &usize| Some(&self.processes.get(address)?.values);
                let own = of(&address(subject.entry)).filter(|values| live(values));
                own.or_else(|| {
                    let mut up = subject.ancestors().iter().filter_map(of);
                    declared.inherited.then(|| up.find(|values| live(values)))?
                })
            }
        };
        values.filter(|values| live(values))?.held.get(name)
    }

    /// The values of a process, by tree and pid.
    fn slot(&mut self, key: (u64, i32), entry: &Arc<Entry>) -> &mut Values {
        let address = address(entry);
        self.by_pid.insert(key, address);
        if !self.processes.contains_key(&address) && self.processes.len() >= self.sweep_at.max(64) {
            self.sweep();
        }
        let slot = self.processes.entry(address).or_insert_with(|| {
            self.bytes += OVERHEAD;
            let values = Values { bytes: OVERHEAD, ..Values::default() };
            Slot { entry: Arc::downgrade(entry), values }
        });
        &mut slot.values
    }

    /// A new image of a process keeps what is inherited.
    fn exec(&mut self, key: (u64, i32), entry: &Arc<Entry>) {
        let Some(old) = self.by_pid.get(&key).copied().filter(|old| *old != address(entry)) else {
            return;
        };
        let inherited = |name: &String| self.declared.get(name).is_some_and(|of| of.inherited);
        let kept: Vec<(String, Held)> = self.processes.get(&old).map_or(Vec::new(), |slot| {
            let kept = slot.values.held.iter().filter(|(name, _)| inherited(name));
            kept.map(|(name, held)| (name.clone(), held.clone())).collect()
        });
        self.by_pid.remove(&key);
        if kept.is_empty() {
            return;
        }
        let bytes = kept.iter().map(|(_, held)| held.bytes()).sum::<usize>();
        let values = self.slot(key, entry);
        values.bytes += bytes;
        values.held.extend(kept);
        self.bytes += bytes;
    }

    /// Forgets processes that are gone.
    fn sweep(&mut self) {
        let bytes = &mut self.bytes;
        self.processes.retain(|_, slot| {
            let is_alive = slot.entry.strong_count() > 0;
            if !is_alive {
                *bytes = bytes.saturating_sub(slot.values.bytes);
            }
            is_alive
        });
        self.by_pid.retain(|_, address| self.processes.contains_key(address));
        self.sweep_at = 2 * self.processes.len();
    }

    /// Forgets the scopes with the most bytes, until a quarter of the room is free.
    fn make_room(&mut self) {
        self.sweep();
        let mut sizes = vec![self.global.bytes];
        sizes.extend(self.processes.values().map(|slot| slot.values.bytes));
        sizes.extend(self.containers.values().map(|values| values.bytes));
        sizes.extend(self.cgroups.values().map(|values| values.bytes));
        sizes.sort_unstable();
        let mut left = self.bytes;
        let mut limit = usize::MAX;
        while left > BYTES_MAX / 4 * 3 {
            let Some(size) = sizes.pop() else { break };
            left = left.saturating_sub(size);
            limit = size;
        }
        if self.global.bytes >= limit {
            self.global = Values::default();
        }
        self.processes.retain(|_, slot| slot.values.bytes < limit);
        self.containers.retain(|_, values| values.bytes < limit);
        self.cgroups.retain(|_, values| values.bytes < limit);
        self.bytes = self.global.bytes
            + self.processes.values().map(|slot| slot.values.bytes).sum::<usize>()
            + self.containers.values().map(|values| values.bytes).sum::<usize>()
            + self.cgroups.values().map(|values| values.bytes).sum::<usize>();
    }
}

/// The values of a container or control group; when there are too many, those of the one that was
/// quiet for longest are forgotten.
fn one_of<'m>(
    groups: &'m mut HashMap<Vec<u8>, Values>,
    id: &[u8],
    bytes: &mut usize,
) -> &'m mut Values {
    if groups.len() >= GROUPS_MAX && !groups.contains_key(id) {
        let oldest = groups.iter().min_by_key(|(_, values)| values.used);
        if let Some(oldest) = oldest.map(|(id, _)| id.clone())
            && let Some(values) = groups.remove(&oldest)
        {
            *bytes = bytes.saturating_sub(values.bytes);
        }
    }
    groups.entry(id.to_vec()).or_insert_with(|| {
        *bytes += OVERHEAD + id.len();
        Values { bytes: OVERHEAD + id.len(), ..Values::default() }
    })
}

fn address(entry: &Arc<Entry>) -> usize {
    Arc::as_ptr(entry) as usize
}
