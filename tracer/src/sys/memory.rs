//! Reading another task's memory: process_vm_readv(2).
#![expect(unsafe_code, reason = "process_vm_readv(2) writes through an iovec")]

use libc::{c_void, iovec, pid_t};
use nix::errno::Errno;
use smallvec::SmallVec;

/// Pages are at least this large; a remote range is split there, because the kernel promises
/// partial reads between the elements of a vector only.
const PAGE: usize = 4096;

/// `IOV_MAX`.
const ELEMENTS: usize = 1024;

/// Reads from `addr` of task `tid` and answers how many bytes could be read from the start.
///
/// # Errors
/// As the man page; `EFAULT` is 0 bytes.
pub(crate) fn read(tid: pid_t, addr: u64, buf: &mut [u8]) -> Result<usize, Errno> {
    let mut done = 0;
    while done < buf.len() {
        let rest = &mut buf[done..];
        let Some(addr) = addr.checked_add(done as u64) else { break };
        let remote = pages(addr, rest.len());
        let asked: usize = remote.iter().map(|iov| iov.iov_len).sum();
        if asked == 0 {
            break;
        }
        let local = iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: asked };
        // SAFETY: `local` is the start of `rest`, as `asked` is at most its length. The remote
        // addresses are the other task's.
        let read = unsafe {
            let (remote, count) = (remote.as_ptr(), remote.len() as libc::c_ulong);
            libc::process_vm_readv(tid, &raw const local, 1, remote, count, 0)
        };
        match Errno::result(read) {
            Ok(read) => done += read as usize,
            Err(Errno::EFAULT) => break,
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
        if read as usize != asked {
            break;
        }
    }
    Ok(done)
}

/// Whether two tasks have the same memory (kcmp(2)); `false` if that cannot be asked.
pub(crate) fn is_shared(one: pid_t, other: pid_t) -> bool {
    // `KCMP_VM` of linux/kcmp.h
    let kind = 1;
    // SAFETY: the call takes integers only.
    one != other && unsafe { libc::syscall(libc::SYS_kcmp, one, other, kind, 0, 0) == 0 }
}

/// The range as a vector whose elements do not cross pages, cut where it would wrap around.
fn pages(addr: u64, len: usize) -> SmallVec<[iovec; 4]> {
    let mut pages = SmallVec::new();
    let Ok(mut addr) = usize::try_from(addr) else { return pages };
    let mut rest = len.min(usize::MAX - addr);
    while rest > 0 && pages.len() < ELEMENTS {
        let part = rest.min(PAGE - addr % PAGE);
        pages.push(iovec { iov_base: addr as *mut c_void, iov_len: part });
        addr += part;
        rest -= part;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(addr: u64, len: usize) -> Vec<(usize, usize)> {
        pages(addr, len).iter().map(|iov| (iov.iov_base as usize, iov.iov_len)).collect()
    }

    #[test]
    fn ranges_are_split_at_pages() {
        assert_eq!(parts(0x1ffe, 4), [(0x1ffe, 2), (0x2000, 2)]);
        assert_eq!(parts(0x1000, 0x1000), [(0x1000, 0x1000)]);
        assert_eq!(parts(0x1000, 0), []);
        assert_eq!(parts(u64::MAX - 1, 8), [(usize::MAX - 1, 1)]);
        assert_eq!(pages(0, usize::MAX).len(), ELEMENTS);
    }

    #[test]
    fn own_memory_is_read_up_to_the_end_of_its_mapping() {
        let me = std::process::id() as pid_t;
        let text = b"here".to_vec();
        let mut buf = [0; 4];
        assert_eq!(read(me, text.as_ptr() as u64, &mut buf), Ok(4));
        assert_eq!(&buf, b"here");
        for addr in [0, 8, u64::MAX - 2, 1 << 62] {
            assert_eq!(read(me, addr, &mut buf), Ok(0), "{addr:#x}");
        }
    }
}
