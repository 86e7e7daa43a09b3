//! A tracee's memory.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;

use crate::memory::Memory;
use crate::sys;

/// How memory can be read here: containers may forbid the first (dumpability, Yama and seccomp
/// profiles treat the three differently).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// process_vm_readv(2).
    Call,
    /// `/proc/PID/mem`, or `PTRACE_PEEKDATA` word by word where that cannot be had.
    File,
}

/// The memory of a task that is stopped, or at least a tracee of the calling thread.
pub(crate) struct TaskMemory<'a> {
    tid: i32,
    way: &'a Cell<Way>,
}

impl<'a> TaskMemory<'a> {
    /// The memory of `tid`; `way` is where to begin, and remembers what works.
    pub(crate) fn new(tid: i32, way: &'a Cell<Way>) -> Self {
        Self { tid, way }
    }

    fn peek(&self, addr: u64, buf: &mut [u8]) -> usize {
        let word = size_of::<usize>();
        let mut done = 0;
        while done < buf.len() {
            let Some(at) = addr.checked_add(done as u64) else { break };
            let skip = (at % word as u64) as usize;
            let Ok(value) = sys::ptrace::peek(self.tid, at - skip as u64) else { break };
            let bytes = &value.to_ne_bytes()[skip..];
            let part = bytes.len().min(buf.len() - done);
            buf[done..done + part].copy_from_slice(&bytes[..part]);
            done += part;
        }
        done
    }

    /// `None`: the file cannot be had.
    fn file(&self, addr: u64, buf: &mut [u8]) -> Option<usize> {
        let file = File::open(format!("/proc/{}/mem", self.tid)).ok()?;
        let mut done = 0;
        while done < buf.len() {
            match file.read_at(&mut buf[done..], addr.checked_add(done as u64)?) {
                Ok(0) => break,
                Ok(read) => done += read,
                // Nothing is mapped there.
                Err(error) if done > 0 || error.raw_os_error() == Some(libc::EIO) => break,
                Err(_) => return None,
            }
        }
        Some(done)
    }
}

impl Memory for TaskMemory<'_> {
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize {
        if self.way.get() == Way::Call {
            match sys::memory::read(self.tid, addr, buf) {
                Ok(read) => return read,
                Err(Errno::ESRCH) => return 0,
                Err(Errno::ENOSYS) => self.way.set(Way::File),
                // Refused for this task; others may differ.
                Err(_) => {}
            }
        }
        self.file(addr, buf).unwrap_or_else(|| self.peek(addr, buf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_reads_alike_in_two_ways() {
        let me = std::process::id() as i32;
        let text = b"0123456789".to_vec();
        for way in [Way::Call, Way::File] {
            let way = Cell::new(way);
            let memory = TaskMemory::new(me, &way);
            let mut buf = [0; 10];
            assert_eq!(memory.read(text.as_ptr() as u64, &mut buf), 10, "{way:?}");
            assert_eq!(buf, *text);
            assert_eq!(memory.read(16, &mut buf), 0, "{way:?}");
            assert_eq!(memory.read(u64::MAX - 3, &mut buf), 0, "{way:?}");
        }
    }
}
