//! Memory that this process shares with children that it forks.
#![expect(unsafe_code, reason = "mmap(2)")]

use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI32, AtomicU64};

use nix::errno::Errno;

/// Values that many may use at once, and of which zeroed memory is one.
///
/// # Safety
/// All bytes 0 are a valid value, and all access is atomic.
pub(crate) unsafe trait Atomic {}

// SAFETY: atomic integers, for which 0 is a value.
unsafe impl Atomic for AtomicI32 {}
// SAFETY: likewise.
unsafe impl<const N: usize> Atomic for [AtomicU64; N] {}

/// A value, zeroed at first, that children have in common with this process.
#[derive(Debug)]
pub(crate) struct Shared<T: Atomic>(NonNull<T>);

// SAFETY: access to the value is atomic, and its mapping belongs to no thread.
unsafe impl<T: Atomic> Send for Shared<T> {}
// SAFETY: likewise.
unsafe impl<T: Atomic> Sync for Shared<T> {}

impl<T: Atomic> Shared<T> {
    /// # Errors
    /// As mmap(2).
    pub(crate) fn new() -> Result<Self, Errno> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping of the kernel's choice, aligned to a page.
        let page = unsafe { libc::mmap(null_mut(), size_of::<T>(), access, kind, -1, 0) };
        match NonNull::new(page.cast()) {
            Some(value) if page != libc::MAP_FAILED => Ok(Self(value)),
            _ => Err(Errno::last()),
        }
    }
}

impl<T: Atomic> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping lives as long as `self`; zeroed memory is a value.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Atomic> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody borrows from it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}
