//! Who we are.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use sentrace_schema::wire::{Hello, Mode, PROTOCOL};

use super::TraceArgs;
use crate::launch::Engine;
use crate::resolve::Resolver;
use crate::transport::random;

/// Bytes and number of the application's arguments that are told.
const ARGV: (usize, usize) = (16 << 10, 256);

/// The hello of this process, which runs an application.
pub(super) fn hello(
    args: &TraceArgs,
    engine: Engine,
    resolver: &Resolver,
    token: Vec<u8>,
) -> Hello {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let container = match &args.container_id {
        Some(id) => id.as_bytes().to_vec(),
        None => resolver.cgroup(own).container,
    };
    let hostname = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        tracer: random(),
        mode: Mode::Wrapped,
        engine: engine.name().into(),
        pid_namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino()),
        hostname: hostname.trim_ascii_end().to_vec(),
        container,
        argv: beginning(args.command.iter().map(|arg| arg.as_bytes())),
        token,
    }
}

/// The first arguments, as many as fit.
fn beginning<'a>(argv: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
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
