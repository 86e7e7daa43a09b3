//! Socket options and addresses as the kernel's plain numbers and bytes.

#![expect(unsafe_code, reason = "nix knows only some families and types")]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// An option of level `SOL_SOCKET` that is an `int`; see socket(7).
pub(crate) fn option(socket: BorrowedFd<'_>, name: i32) -> Result<i32, Errno> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: value and length live across the call, and the length is that of the value.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast(),
            &mut length,
        )
    };
    Errno::result(result).map(|_| value)
}

/// Which address of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its own: getsockname(2).
    Local,
    /// That of its peer: getpeername(2).
    Peer,
}

/// The `struct sockaddr_*` of an end of the socket. ENOTCONN: it has no peer.
pub(crate) fn address(socket: BorrowedFd<'_>, end: End) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; size_of::<libc::sockaddr_storage>()];
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let (fd, buffer) = (socket.as_raw_fd(), bytes.as_mut_ptr().cast());
    // SAFETY: the buffer lives across the call and has the given length; the kernel copies bytes
    // and asks for no alignment.
    let result = unsafe {
        match end {
            End::Local => libc::getsockname(fd, buffer, &mut length),
            End::Peer => libc::getpeername(fd, buffer, &mut length),
        }
    };
    Errno::result(result)?;
    bytes.truncate(length as usize);
    Ok(bytes)
}

/// The value of an extended attribute, at most 64 bytes; see getxattr(2).
pub(crate) fn attribute(path: &CStr, name: &CStr) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; 64];
    // SAFETY: both strings are terminated, and the buffer lives across the call and has the length.
    let result = unsafe {
        libc::getxattr(path.as_ptr(), name.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len())
    };
    let length = Errno::result(result)?;
    bytes.truncate(length.unsigned_abs());
    Ok(bytes)
}
