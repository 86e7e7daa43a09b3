//! Spellings of paths, symlinks, what is missing, and descriptors.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use sentrace_tracer::resolve::{Follow, Miss, Resolver, Start};

use crate::actor::Actor;

fn resolver() -> Resolver {
    Resolver::new().unwrap()
}

fn both() -> [Resolver; 2] {
    [resolver(), Resolver::stepwise().unwrap()]
}

/// usr/lib/real.txt, lib -> usr/lib, and links of all sorts.
fn tree(root: &Path) {
    fs::create_dir_all(root.join("usr/lib/deep/er")).unwrap();
    fs::create_dir_all(root.join("home/user")).unwrap();
    fs::write(root.join("usr/lib/real.txt"), "x").unwrap();
    let links = [
        ("usr/lib", "lib"),
        ("/usr/lib", "abs"),
        ("real.txt", "usr/lib/link.txt"),
        ("/lib/link.txt", "home/user/far"),
        ("../../lib/deep/../link.txt", "home/user/dots"),
        ("../../../../../../../../../../usr/lib/real.txt", "home/user/above"),
        ("usr/lib/", "slashed"),
        (".", "dot"),
        ("nowhere", "dangling"),
        ("nowhere/deeper", "dangling2"),
        ("/nowhere/../usr", "dangling3"),
        ("loop2", "loop1"),
        ("loop1", "loop2"),
        ("self/x", "self"),
        ("usr/lib/real.txt/", "notdir"),
        ("chain1", "chain0"),
    ];
    for (target, link) in links {
        symlink(target, root.join(link)).unwrap();
    }
    for number in 1..60 {
        let target = format!("chain{}", number + 1);
        symlink(target, root.join(format!("chain{number}"))).unwrap();
    }
    symlink("usr/lib/real.txt", root.join("chain60")).unwrap();
}

/// Ways to write paths, for a task whose root is the tree and which stands in /home/user.
const SPELLINGS: &[&str] = &[
    "/usr/lib/real.txt",
    "//usr///lib//real.txt",
    "/usr/./lib/./real.txt",
    "/usr/../usr/lib/real.txt",
    "/../../usr/lib/real.txt",
    "/lib/real.txt",
    "/lib/link.txt",
    "/abs/real.txt",
    "/abs/deep/../real.txt",
    "/abs/deep/er/../../link.txt",
    "/slashed/real.txt",
    "/slashed//link.txt",
    "/dot/dot/dot/usr/lib/real.txt",
    "/home/user/far",
    "/home/user/dots",
    "/home/user/above",
    "../../usr/lib/real.txt",
    "../../../../../../lib/link.txt",
    "far",
    "./dots",
    "./above",
    "../user/./../user/far",
    "/chain21",
];

/// Other questions to the same tree.
const OTHERS: &[&str] = &[
    "/",
    "//",
    "/..",
    "/../..",
    ".",
    "..",
    "./",
    "../",
    "../..",
    "../../..",
    "/lib",
    "/lib/",
    "/lib/.",
    "/lib/..",
    "/abs/..",
    "/slashed",
    "/slashed/",
    "/dot",
    "/dot/",
    "/dot/..",
    "/usr/lib/real.txt/",
    "/usr/lib/real.txt/.",
    "/usr/lib/real.txt/..",
    "/usr/lib/real.txt/x",
    "/usr/lib/link.txt/",
    "/notdir",
    "/dangling",
    "/dangling/",
    "/dangling2",
    "/dangling3",
    "/dangling/x",
    "/loop1",
    "/loop1/",
    "/loop1/x",
    "/self",
    "/self/",
    "/chain20",
    "/chain22",
    "/chain0",
    "/chain40/",
    "/missing",
    "/missing/",
    "/missing/a/b",
    "/missing/../usr",
    "missing",
    "missing/../far",
];

#[test]
fn every_spelling_is_one_path() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let Some(actor) = Actor::jailed(root.path()) else { return };
    actor.chdir(Path::new("/home/user"));
    for resolver in both() {
        for spelling in SPELLINGS {
            let path = actor.check(&resolver, spelling.as_bytes(), Follow::Last);
            assert_eq!(String::from_utf8_lossy(&path), "/usr/lib/real.txt", "{spelling}");
        }
    }
}

#[test]
fn as_the_kernel_does() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let free = Actor::within(&root.path().join("home/user"));
    let jailed = Actor::jailed(root.path());
    if let Some(jailed) = &jailed {
        jailed.chdir(Path::new("/home/user"));
    }
    for (resolver, path) in both()
        .iter()
        .flat_map(|resolver| SPELLINGS.iter().chain(OTHERS).map(move |path| (resolver, path)))
    {
        for follow in [Follow::Last, Follow::Never] {
            if let Some(jailed) = &jailed {
                jailed.check(resolver, path.as_bytes(), follow);
            }
            if !path.starts_with('/') {
                free.check(resolver, path.as_bytes(), follow);
            }
            let below = root.path().join(path.trim_start_matches('/'));
            free.check(resolver, below.as_os_str().as_bytes(), follow);
        }
    }
}

/// What is missing is appended as it was given.
#[test]
fn missing_parts() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let Some(actor) = Actor::jailed(root.path()) else { return };
    actor.chdir(Path::new("/home/user"));
    let resolvers = both();
    let check = |path: &str, expect: &str, errno: Errno| {
        for resolver in &resolvers {
            let got = resolver.resolve(actor.tid, Start::Cwd, path.as_bytes(), Follow::Last);
            assert_eq!(String::from_utf8_lossy(&got.path), expect, "{path}");
            assert_eq!(got.found.err(), Some(Miss::Kernel(errno)), "{path}");
        }
    };
    check("new", "/home/user/new", Errno::ENOENT);
    check("new/", "/home/user/new", Errno::ENOENT);
    check("/abs/new", "/usr/lib/new", Errno::ENOENT);
    check("/lib/new/./er//file", "/usr/lib/new/er/file", Errno::ENOENT);
    check("/lib/new/../real.txt", "/usr/lib/real.txt", Errno::ENOENT);
    check("/lib/new/../../../../x", "/x", Errno::ENOENT);
    // A dangling symlink is created at its target.
    check("/dangling", "/nowhere", Errno::ENOENT);
    check("/dangling2", "/nowhere/deeper", Errno::ENOENT);
    check("/dangling2/x/y", "/nowhere/deeper/x/y", Errno::ENOENT);
    check("/lib/real.txt/x", "/usr/lib/real.txt/x", Errno::ENOTDIR);
    check("/loop1/x", "/loop1/x", Errno::ELOOP);
    let long = "n".repeat(256);
    check(&format!("/lib/{long}/x"), &format!("/usr/lib/{long}/x"), Errno::ENAMETOOLONG);
}

#[test]
fn descriptors() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path());
    let Some(actor) = Actor::jailed(root.path()) else { return };
    let resolver = resolver();
    let directory = fs::File::open(root.path().join("usr")).unwrap();
    let file = fs::File::open(root.path().join("usr/lib/real.txt")).unwrap();
    let outside = fs::File::open("/").unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    let check = |fd: &dyn std::os::fd::AsRawFd, path: &str, expect: &str, miss: Option<Miss>| {
        let start = Start::Fd(fd.as_raw_fd());
        let got = resolver.resolve(actor.tid, start, path.as_bytes(), Follow::Last);
        assert_eq!(String::from_utf8_lossy(&got.path), expect, "{path}");
        assert_eq!(got.found.err(), miss, "{path}");
    };
    let not_dir = Some(Miss::Kernel(Errno::ENOTDIR));
    check(&directory, "", "/usr", None);
    check(&directory, "lib/link.txt", "/usr/lib/real.txt", None);
    check(&directory, "../lib/link.txt", "/usr/lib/real.txt", None);
    check(&directory, "../../../abs", "/usr/lib", None);
    check(&directory, "/lib", "/usr/lib", None);
    check(&file, "", "/usr/lib/real.txt", None);
    check(&file, "x", "/usr/lib/real.txt/x", not_dir);
    // A directory outside of the root: the task escapes, and `..` ends at the real root.
    check(&outside, "", "/", None);
    check(&outside, "etc/../../etc", "/etc", None);
    check(&-1, "lib/x", "lib/x", Some(Miss::Kernel(Errno::EBADF)));
    check(&999_999, "/lib/real.txt", "/usr/lib/real.txt", None);
    let got = resolver.resolve_fd(actor.tid, std::os::fd::AsRawFd::as_raw_fd(&reader));
    assert!(got.path.starts_with(b"pipe:["), "{:?}", got.path);
}

#[test]
fn gone_or_unknown_tasks() {
    let resolver = resolver();
    for tid in [0, -1, i32::MAX, i32::MIN] {
        let got = resolver.resolve(tid, Start::Cwd, b"/a/../b/./c", Follow::Last);
        assert_eq!((got.path.as_slice(), got.found.err()), (&b"/b/c"[..], Some(Miss::Unseen)));
        let got = resolver.resolve(tid, Start::Cwd, b"a/../b", Follow::Last);
        assert_eq!((got.path.as_slice(), got.found.err()), (&b"a/../b"[..], Some(Miss::Unseen)));
    }
}
