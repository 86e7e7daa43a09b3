//! Attributes of files, and names of users and groups.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use sentrace_tracer::resolve::{FileFacts, Follow, Miss, Resolver, Start};

use crate::actor::Actor;

#[test]
fn attributes() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let actor = Actor::within(root.path());
    fs::write(root.path().join("file"), "x").unwrap();
    std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let check = |path: &str, follow: Follow| {
        let got = resolver.file_at(actor.tid, Start::Cwd, path.as_bytes(), follow);
        let at = root.path().join(path);
        let meta = match follow {
            Follow::Last => fs::metadata(&at),
            Follow::Never => fs::symlink_metadata(&at),
        }
        .unwrap();
        let line = mountinfo.lines().find(|line| line.starts_with(&format!("{} ", got.mount_id)));
        let fstype = line.unwrap().split(" - ").nth(1).unwrap().split(' ').next().unwrap();
        let expect = FileFacts {
            path: got.path.clone(),
            uid: meta.uid(),
            user: name("passwd", meta.uid()),
            gid: meta.gid(),
            group: name("group", meta.gid()),
            mode: meta.mode(),
            inode: meta.ino(),
            change_time: meta.ctime() * 1_000_000_000 + meta.ctime_nsec(),
            modification_time: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
            mount_id: got.mount_id,
            filesystem: fstype.into(),
            miss: None,
        };
        assert_eq!(got, expect, "{path}");
    };
    for path in ["file", "link", ".", "/proc/uptime", "/etc/passwd", "/dev/null", "/"] {
        check(path, Follow::Last);
        check(path, Follow::Never);
    }
    let missing = resolver.file_at(actor.tid, Start::Cwd, b"/no/file", Follow::Last);
    let miss = Some(Miss::Kernel(Errno::ENOENT));
    assert_eq!(missing, FileFacts { path: b"/no/file".to_vec(), miss, ..FileFacts::default() });
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = resolver.file_of_fd(actor.tid, std::os::fd::AsRawFd::as_raw_fd(&reader));
    assert_eq!((pipe.mode & 0o170_000, pipe.filesystem), (0o010_000, vec![]));
}

/// getent(1) asks the C library.
fn name(database: &str, id: u32) -> Vec<u8> {
    let id = id.to_string();
    let output = std::process::Command::new("getent").args([database, &id]).output().unwrap();
    output.stdout.split(|&byte| byte == b':').next().unwrap().to_vec()
}

#[test]
fn names_are_those_of_the_root() {
    let root = tempfile::tempdir().unwrap();
    let Some(actor) = Actor::jailed(root.path()) else { return };
    let resolver = Resolver::new().unwrap();
    let etc = root.path().join("etc");
    fs::create_dir(&etc).unwrap();
    assert_eq!(resolver.user(actor.tid, 0), b"");
    fs::write(etc.join("passwd"), b"chef:x:0:0::/:\n\xffx:x:7:7::/:\n").unwrap();
    fs::write(etc.join("group"), "cooks:x:0:chef\n").unwrap();
    assert_eq!(resolver.user(actor.tid, 0), b"", "looked at most once a second");
    assert_eq!(resolver.group(actor.tid, 0), b"cooks");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(resolver.user(actor.tid, 0), b"chef");
    assert_eq!(resolver.user(actor.tid, 7), b"\xffx");
    assert_eq!(resolver.user(actor.tid, 1), b"");
    assert_ne!(resolver.user(std::process::id().cast_signed(), 0), b"chef");
    let file = resolver.file_at(actor.tid, Start::Cwd, b"/etc", Follow::Last);
    assert_eq!((file.user.as_slice(), file.group.as_slice()), (&b"chef"[..], &b"cooks"[..]));
}

/// Files in the place of /etc/passwd that would make a naive reader wait, fail or swell.
#[test]
fn hostile_passwd() {
    let check = |make: &dyn Fn(&Path), expect: &[u8]| {
        let root = tempfile::tempdir().unwrap();
        let Some(actor) = Actor::jailed(root.path()) else { return };
        fs::create_dir(root.path().join("etc")).unwrap();
        make(&root.path().join("etc/passwd"));
        assert_eq!(Resolver::new().unwrap().user(actor.tid, 5), expect);
    };
    let link =
        |target: &'static str| move |at: &Path| std::os::unix::fs::symlink(target, at).unwrap();
    check(&|at| nix::unistd::mkfifo(at, Mode::S_IRWXU).unwrap(), b"");
    check(&|at| fs::create_dir(at).unwrap(), b"");
    check(&link("passwd"), b"");
    check(&link("/dev/zero"), b"");
    check(&link("../../../../../../../etc/passwd"), b"");
    check(&|at| fs::write(at, b"\0\0\0\n\xff:\xff:\xff\na:x:5:").unwrap(), b"a");
    check(&|at| fs::write(at, "a:x:5:".repeat(1 << 20)).unwrap(), b"a");
    // Beyond the limit, in one long line or after many.
    check(&|at| fs::write(at, format!("{}\na:x:5:\n", "x".repeat(1 << 21))).unwrap(), b"");
    check(&|at| fs::write(at, format!("{}a:x:5:\n", "b:x:6:\n".repeat(1 << 19))).unwrap(), b"");
    // A sparse file of a terabyte.
    check(&|at| fs::File::create(at).unwrap().set_len(1 << 40).unwrap(), b"");
}
