//! Names and places that are made to confuse.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::stat::Mode;
use sentrace_tracer::resolve::{Follow, Resolver, Start};

use crate::actor::Actor;

#[test]
fn names() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let actor = Actor::within(root.path());
    let long = "n".repeat(255);
    let names: [&[u8]; 10] = [
        b"new\nline",
        b"\xff\xfe\x80",
        b"x (deleted)",
        b"pipe:[1]",
        b" ",
        b"...",
        b"\\040",
        b"-",
        b"\x01\x7f\x1b[31m",
        long.as_bytes(),
    ];
    for name in names {
        let file = root.path().join(OsStr::from_bytes(name));
        fs::write(&file, "").unwrap();
        let expect = fs::canonicalize(&file).unwrap();
        for path in [name, file.as_os_str().as_bytes()] {
            let got = actor.check(&resolver, path, Follow::Last);
            assert_eq!(OsStr::from_bytes(&got), expect.as_os_str());
        }
    }
}

/// ` (deleted)` is the kernel's remark or part of the name; both at once, too.
#[test]
fn deleted_files() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let actor = Actor::within(root.path());
    let base = fs::canonicalize(root.path()).unwrap();
    let check = |name: &str, decoy: Option<&str>| {
        let path = base.join(name);
        let file = fs::File::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if let Some(decoy) = decoy {
            fs::write(base.join(decoy), "").unwrap();
        }
        let got = resolver.resolve_fd(actor.tid, std::os::fd::AsRawFd::as_raw_fd(&file));
        assert_eq!(OsStr::from_bytes(&got.path), path.as_os_str(), "{name}");
        assert_eq!(got.found.unwrap().stat.links, 0);
    };
    check("gone", None);
    check("gone (deleted)", None);
    check("x", Some("x (deleted)"));
    check("y (deleted)", Some("y"));
    // One of two hard links is gone: the file lives on, its name does not.
    let first = base.join("first");
    let file = fs::File::create(&first).unwrap();
    fs::hard_link(&first, base.join("second")).unwrap();
    fs::remove_file(&first).unwrap();
    let got = resolver.resolve_fd(actor.tid, std::os::fd::AsRawFd::as_raw_fd(&file));
    assert_eq!(OsStr::from_bytes(&got.path), first.as_os_str());
}

#[test]
fn deleted_working_directory() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let gone = base.join("gone");
    fs::create_dir(&gone).unwrap();
    let actor = Actor::within(&gone);
    fs::remove_dir(&gone).unwrap();
    actor.check(&resolver, b"x", Follow::Last);
    actor.check(&resolver, b"x/y", Follow::Last);
    actor.check(&resolver, b"..", Follow::Last);
    actor.check(&resolver, b"../gone", Follow::Last);
    let path = |path: &[u8]| resolver.resolve(actor.tid, Start::Cwd, path, Follow::Last).path;
    assert_eq!(OsStr::from_bytes(&path(b"")), gone.as_os_str());
    assert_eq!(OsStr::from_bytes(&path(b"x")), gone.join("x").as_os_str());
    // A new directory of that name is another one.
    fs::create_dir(&gone).unwrap();
    fs::write(gone.join("x"), "").unwrap();
    actor.check(&resolver, b"x", Follow::Last);
}

#[test]
fn long_paths() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let actor = Actor::within(root.path());
    let base = fs::canonicalize(root.path()).unwrap();
    // 2,000 components in one path, back and forth.
    fs::create_dir(base.join("d")).unwrap();
    actor.check(&resolver, "d/../".repeat(800).as_bytes(), Follow::Last);
    actor.check(&resolver, "./".repeat(2047).as_bytes(), Follow::Last);
    // Down to the limit of what the kernel can name, and beyond.
    let name = "n".repeat(250);
    let step = move || {
        nix::unistd::mkdir(name.as_str(), Mode::S_IRWXU).unwrap();
        nix::unistd::chdir(name.as_str()).unwrap();
    };
    let mut length = base.as_os_str().len();
    while length + 251 < 4096 {
        actor.run(step.clone());
        length += 251;
    }
    let got = actor.check(&resolver, b".", Follow::Last);
    assert_eq!(got.len(), length);
    let got = resolver.resolve(actor.tid, Start::Cwd, b"new", Follow::Last);
    assert!(got.path.starts_with(base.as_os_str().as_bytes()) && got.path.ends_with(b"/new"));
    for _ in 0..8 {
        actor.run(step.clone());
    }
    // Nobody can name this place, so the path stays relative; the file is found all the same.
    let got = resolver.resolve(actor.tid, Start::Cwd, b"..", Follow::Last);
    assert_eq!(got.path, b"..");
    assert!(got.found.is_ok());
    let got = resolver.resolve(actor.tid, Start::Cwd, b"a/new", Follow::Last);
    assert_eq!(got.path, b"a/new");
    actor.chdir(Path::new("/"));
}

/// Opening these for real would wait, or do something.
#[test]
fn fifos_and_devices() {
    let root = tempfile::tempdir().unwrap();
    let resolver = Resolver::new().unwrap();
    let actor = Actor::within(root.path());
    nix::unistd::mkfifo(&root.path().join("fifo"), Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    for path in ["fifo", "socket", "/dev/null", "/dev/tty", "/dev/zero", "fifo/x", "socket/.."] {
        actor.check(&resolver, path.as_bytes(), Follow::Last);
    }
}
