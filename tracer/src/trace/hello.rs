//! Who we are.

use std::fs;
use std::os::unix::fs::MetadataExt;

use sentrace_schema::wire::{Hello, PROTOCOL};

use crate::launch::Engine;
use crate::resolve::Resolver;
use crate::transport::random;

/// Bytes and number of the application's arguments that are told.
const ARGV: (usize, usize) = (16 << 10, 256);

/// The hello of a tracer of process `pid`, or that is the process; how it came to be traced is to
/// be added.
pub(super) fn hello(pid: i32, engine: Engine, resolver: &Resolver) -> Hello {
    let hostname = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        tracer: random(),
        engine: engine.name().into(),
        pid_namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino()),
        hostname: hostname.trim_ascii_end().to_vec(),
        container: resolver.cgroup(pid).container,
        ..Hello::default()
    }
}

/// The first arguments, as many as fit.
pub(super) fn beginning<'a>(argv: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut room, count) = ARGV;
    let mut fitting = Vec::new();
    for arg in argv.take(count) {
        let kept = arg.len().min(room);
        fitting.push(arg[..kept].to_vec());
        room -= kept;
        if room == 0 {
            break;
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_command_lines_are_cut() {
        let many = vec![&b"x"[..]; 1000];
        assert_eq!(beginning(many.into_iter()).len(), ARGV.1);
        let long = vec![b'x'; ARGV.0 - 1];
        let argv = beginning([&long[..], b"yz", b"z"].into_iter());
        assert_eq!(argv, [&long[..], b"y"]);
    }
}
