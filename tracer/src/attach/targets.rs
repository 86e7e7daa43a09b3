//! Which processes to attach to.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use regex::bytes::Regex;

use super::processes;

/// Which processes; those that one of the conditions names.
///
/// The tracer itself, its ancestors and threads of the kernel have no such program or name.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// By id, of the process or one of its threads; in the tracer's PID namespace.
    pub pids: Vec<i32>,
    /// By the program that they run (for a script: its interpreter), as `/proc/PID/exe` shows it.
    pub exe: Option<PathBuf>,
    /// By the kernel's name of them (`/proc/PID/comm`, at most 15 bytes).
    pub name: Option<Regex>,
}

impl Targets {
    /// Those that run now; ids need not be of any.
    pub(super) fn now(&self) -> Vec<i32> {
        let leader = |pid: &i32| {
            let leader = processes::status(*pid, "Tgid").and_then(|leader| leader.parse().ok());
            leader.unwrap_or(*pid)
        };
        let mut targets: Vec<i32> = self.pids.iter().map(leader).collect();
        targets.extend(self.running());
        targets.dedup();
        targets
    }

    /// Those that run now and that are known by program or name.
    pub(super) fn running(&self) -> Vec<i32> {
        if self.exe.is_none() && self.name.is_none() {
            return Vec::new();
        }
        let programs = self.programs();
        let mut found: Vec<i32> =
            processes::all().filter(|pid| self.is_named(*pid, &programs)).collect();
        if !found.is_empty() {
            let own = std::process::id() as i32;
            let ancestors = processes::ancestors(own);
            found.retain(|pid| {
                let stat = processes::stat(*pid).filter(|stat| !stat.is_kernel_thread);
                *pid != own && !ancestors.contains(pid) && stat.is_some_and(|of| of.state != b'Z')
            });
        }
        found
    }

    fn is_named(&self, pid: i32, programs: &[PathBuf]) -> bool {
        let has_name = self.name.as_ref().is_some_and(|name| name.is_match(&processes::name(pid)));
        has_name || (!programs.is_empty() && exe(pid).is_some_and(|exe| programs.contains(&exe)))
    }

    /// The program's path as it was given, and where that leads: a process in another mount
    /// namespace has a path of its own.
    fn programs(&self) -> Vec<PathBuf> {
        let Some(exe) = &self.exe else { return Vec::new() };
        std::iter::once(exe.clone()).chain(fs::canonicalize(exe).ok()).collect()
    }
}

/// The program that a process runs, also when it has been removed or replaced since.
fn exe(pid: i32) -> Option<PathBuf> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    match exe.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(path) => Some(OsString::from_vec(path.to_vec()).into()),
        None => Some(exe),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_we_nor_our_ancestors_are_found() {
        let own = fs::read_link("/proc/self/exe").unwrap();
        let targets = Targets { exe: Some(own), name: Regex::new("").ok(), ..Targets::default() };
        let found = targets.running();
        let own = std::process::id() as i32;
        assert!(!found.contains(&own));
        assert!(processes::ancestors(own).iter().all(|ancestor| !found.contains(ancestor)));
    }
}
