//! Mount and pid namespaces, and the links of procfs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use sentrace_tracer::resolve::{Follow, Miss, Resolver, Start};
use sentrace_tracer::world::World;

use crate::actor::Actor;

/// A task in a mount namespace of its own, where nothing it mounts reaches ours. None without the
/// privilege.
fn mounter() -> Option<Actor> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let actor = Actor::new(CloneFlags::CLONE_NEWNS);
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    actor.run(move || mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)).ok()?;
    Some(actor)
}

fn mount_at(actor: &Actor, fstype: &'static str, at: &Path, data: String) -> Result<(), Errno> {
    let at = at.to_owned();
    let flags = MsFlags::empty();
    actor.run(move || mount(Some("none"), &at, Some(fstype), flags, Some(data.as_str())))
}

#[test]
fn mounts_of_the_task() {
    let root = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let Some(mut actor) = mounter() else { return };
    for resolver in [Resolver::new().unwrap(), Resolver::stepwise().unwrap()] {
        let _ = fs::remove_dir_all(base.join("a"));
        fs::create_dir_all(base.join("a/under")).unwrap();
        fs::write(base.join("a/below"), "").unwrap();
        let (stand, hidden) = (base.join("a"), base.join("a/below"));
        actor.chdir(&stand);
        mount_at(&actor, "tmpfs", &stand, String::new()).unwrap();
        actor.run({
            let stand = stand.clone();
            move || {
                fs::write(stand.join("above"), "").unwrap();
                std::os::unix::fs::symlink("../a/above", stand.join("link")).unwrap();
            }
        });
        // The working directory lies below the mount that covers it.
        for path in ["below", "above", "../a/above", "../a/below", ".", "..", "under/../below"] {
            actor.check(&resolver, path.as_bytes(), Follow::Last);
        }
        for name in ["above", "below", "link", "", "link/", ".."] {
            let path = stand.join(name).into_os_string().into_encoded_bytes();
            actor.check(&resolver, &path, Follow::Last);
        }
        assert!(hidden.exists(), "our own namespace has no such mount");
        actor.run(move || umount2(&stand, MntFlags::MNT_DETACH)).unwrap();
    }
    // The same with a root on a mount that only the task has.
    let stand = base.join("a");
    mount_at(&actor, "tmpfs", &stand, String::new()).unwrap();
    assert!(actor.enter(&stand));
    actor.run(|| {
        fs::create_dir("/etc").unwrap();
        fs::write("/etc/file", "").unwrap();
        std::os::unix::fs::symlink("/etc/file", "/link").unwrap();
    });
    for resolver in [Resolver::new().unwrap(), Resolver::stepwise().unwrap()] {
        for path in ["/", "/etc/file", "/link", "etc/../link", "/etc/../../etc/no", "/..", "/no"] {
            actor.check(&resolver, path.as_bytes(), Follow::Last);
        }
    }
}

/// A FUSE file system whose process never answers: whoever looks anything up there waits.
#[test]
fn fuse_is_never_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let Some(actor) = mounter() else { return };
    let Ok(device) = fs::File::options().read(true).write(true).open("/dev/fuse") else { return };
    let (point, bound) = (base.join("fuse"), base.join("bound"));
    fs::create_dir(&point).unwrap();
    fs::create_dir(&bound).unwrap();
    let data = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    if mount_at(&actor, "fuse", &point, data).is_err() {
        return;
    }
    actor.run({
        let (point, bound) = (point.clone(), bound.clone());
        let flags = MsFlags::MS_BIND;
        move || mount(Some(&point), &bound, None::<&str>, flags, None::<&str>).unwrap()
    });
    for resolver in [Resolver::new().unwrap(), Resolver::stepwise().unwrap()] {
        for base in [&point, &bound] {
            let check = |name: &str, expect: &str, miss: Option<Miss>| {
                let path = base.join(name).into_os_string().into_encoded_bytes();
                let got = resolver.resolve(actor.tid, Start::Cwd, &path, Follow::Last);
                let expect = match expect.strip_prefix("../bound") {
                    Some(rest) => format!("{}{rest}", bound.display()).into_bytes(),
                    None => base.join(expect).into_os_string().into_encoded_bytes(),
                };
                assert_eq!(got.path, expect, "{name}");
                assert_eq!(got.found.err(), miss, "{name}");
            };
            check("x", "x", Some(Miss::Unseen));
            check("x/../y", "y", Some(Miss::Unseen));
            check("../bound/./z/", "../bound/z", Some(Miss::Unseen));
        }
    }
    drop(device);
}

/// A process that waits to be asked about.
struct Victim(Child);

impl Victim {
    fn new(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check(pid: i32, path: &str, expect: &str) {
    for resolver in [Resolver::new().unwrap(), Resolver::stepwise().unwrap()] {
        let got = resolver.resolve(pid, Start::Cwd, path.as_bytes(), Follow::Last);
        assert_eq!(String::from_utf8_lossy(&got.path), expect, "{path}: {got:?}");
    }
}

#[test]
fn self_is_the_task() {
    let root = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let base = base.to_str().unwrap();
    let input = format!("{base}/input");
    fs::write(&input, "").unwrap();
    let mut command = Command::new("sleep");
    command.arg("100").current_dir(base).stdin(fs::File::open(&input).unwrap());
    let victim = Victim::new(&mut command);
    let pid = victim.pid();
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    let exe = exe.to_str().unwrap();
    let me = std::process::id();
    check(pid, "/proc/self/exe", exe);
    check(pid, "/proc/thread-self/exe", exe);
    check(pid, &format!("/proc/{pid}/exe"), exe);
    check(pid, "/proc/self/cwd/input", &input);
    check(
        pid,
        "/proc/self/cwd/../x",
        &format!("{}/x", Path::new(base).parent().unwrap().display()),
    );
    check(pid, "/proc/self/root/etc/..", "/");
    check(pid, "/proc/self/fd/0", &input);
    check(pid, "/dev/fd/0", &input);
    check(pid, "/dev/stdin", &input);
    check(pid, "/proc/self", &format!("/proc/{pid}"));
    check(pid, "/proc/self/status", &format!("/proc/{pid}/status"));
    check(pid, "/proc/self/../self/status", &format!("/proc/{pid}/status"));
    check(pid, "/proc/thread-self/comm", &format!("/proc/{pid}/task/{pid}/comm"));
    check(pid, "/proc/self/nothing", &format!("/proc/{pid}/nothing"));
    check(pid, &format!("/proc/self/task/{me}/comm"), &format!("/proc/{pid}/task/{me}/comm"));
    check(pid, &format!("/proc/self/task/{pid}/comm"), &format!("/proc/{pid}/task/{pid}/comm"));
    check(pid, "/proc/net/dev", &format!("/proc/{pid}/net/dev"));
    check(pid, "/proc/mounts", &format!("/proc/{pid}/mounts"));
    check(pid, "/proc/self/fd/99", &format!("/proc/{pid}/fd/99"));
    check(pid, &format!("/proc/{me}/exe"), std::env::current_exe().unwrap().to_str().unwrap());
    check(pid, "/proc/self/../uptime", "/proc/uptime");
    check(pid, "/proc/self/../../etc/.", "/etc");
    let got = Resolver::new().unwrap().resolve(pid, Start::Cwd, b"/proc/self", Follow::Never);
    assert_eq!(got.path, b"/proc/self");
}

/// Its /proc is another one, with other numbers.
#[test]
fn pid_namespace() {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]);
    command.arg("sleep 100 & echo $!; wait");
    let mut victim = Victim::new(&mut command);
    let mut line = String::new();
    BufReader::new(victim.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Ok(inner) = line.trim().parse::<i32>() else { return };
    let child_of = |pid: i32| {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        children.split_whitespace().next().unwrap().parse::<i32>().unwrap()
    };
    let shell = child_of(victim.pid());
    let sleep = child_of(shell);
    let exe = |pid: i32| fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    check(shell, "/proc/self/exe", exe(shell).to_str().unwrap());
    check(shell, "/proc/self/comm", "/proc/1/comm");
    check(shell, "/proc/thread-self/comm", "/proc/1/task/1/comm");
    // The order of fork and exec in the child does not matter to these.
    check(sleep, "/proc/self/comm", &format!("/proc/{inner}/comm"));
    check(sleep, "/proc/1/exe", exe(shell).to_str().unwrap());
    check(sleep, "/proc/mounts", &format!("/proc/{inner}/mounts"));
    check(sleep, &format!("/proc/{inner}/comm"), &format!("/proc/{inner}/comm"));
    // What the one calls 1 is the other.
    let resolver = Resolver::new().unwrap();
    assert_eq!(resolver.pid_seen_by(sleep, 1), Some(shell));
    assert_eq!(resolver.pid_seen_by(shell, inner), Some(sleep));
    assert_eq!(resolver.pid_seen_by(victim.pid(), shell), Some(shell));
    for nobody in [0, -1, -inner, i32::MAX, i32::MIN] {
        assert_eq!(resolver.pid_seen_by(sleep, nobody), None);
    }
    assert_eq!(resolver.process(sleep).unwrap().nspid, inner);
    let task = sentrace_tracer::engine::Task::leader(sleep);
    let first = World::process(&resolver, task, 1);
    assert_eq!((first.pid, first.nspid, first.comm), (shell.into(), 1, b"sh".to_vec()));
    // A task outside has no self on that procfs.
    let procfs = fs::File::open(format!("/proc/{shell}/root/proc")).unwrap();
    let actor = Actor::new(CloneFlags::empty());
    let start = Start::Fd(procfs.as_raw_fd());
    let got = resolver.resolve(actor.tid, start, b"self/comm", Follow::Last);
    assert!(got.found.is_err());
    assert_eq!(got.path, b"/proc/self/comm");
}
