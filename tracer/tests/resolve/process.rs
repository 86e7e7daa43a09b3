//! Snapshots of processes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sentrace_tracer::resolve::{ProcessFacts, Resolver};

use crate::actor::Actor;

struct Victim(Child);

impl Victim {
    /// Returns when the process shows `last` as its last argument: after its exec.
    fn new(command: &mut Command, last: &[u8]) -> Self {
        let victim = Self(command.spawn().unwrap());
        let end = [last, b"\0"].concat();
        let cmdline = format!("/proc/{}/cmdline", victim.pid());
        while !fs::read(&cmdline).unwrap().ends_with(&end) {
            std::thread::sleep(Duration::from_millis(1));
        }
        victim
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    fn facts(&self) -> ProcessFacts {
        Resolver::new().unwrap().process(self.pid()).unwrap()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

#[test]
fn a_program() {
    let root = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let mut command = Command::new("sleep");
    command.arg0("some name").args(["100"]).current_dir(&base).env_clear();
    command.env("A", "1").env("B", OsStr::from_bytes(b"\xff\n"));
    let before = now();
    let victim = Victim::new(&mut command, b"100");
    let facts = victim.facts();
    let pid = victim.pid();
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!((facts.pid, facts.tid, facts.nspid), (pid, pid, pid));
    assert_eq!(facts.ppid, std::process::id().cast_signed());
    assert_eq!(facts.comm, b"sleep");
    assert_eq!(facts.argv, [&b"some name"[..], b"100"]);
    assert_eq!(facts.envp, [&b"A=1"[..], b"B=\xff\n"]);
    assert!(!facts.args_truncated && !facts.envs_truncated);
    assert_eq!(facts.file.path, exe.as_os_str().as_bytes());
    assert_eq!(facts.file.inode, fs::metadata(&exe).unwrap().ino());
    assert_eq!(facts.interpreter, None);
    assert_eq!(facts.cwd, base.as_os_str().as_bytes());
    let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
    let ids = &facts.credentials;
    assert_eq!([ids.user.number, ids.euser.number, ids.fsuser.number], [uid; 3]);
    assert_eq!([ids.group.number, ids.egroup.number, ids.fsgroup.number], [gid; 3]);
    let owner = Resolver::new().unwrap().user(pid, uid);
    assert_eq!([&ids.user.name, &ids.euser.name, &ids.fsuser.name], [&owner; 3]);
    assert!(!facts.is_thread && !facts.is_kworker);
    for (kind, inode) in [("net", facts.netns), ("mnt", facts.mntns)] {
        assert_eq!(fs::metadata(format!("/proc/self/ns/{kind}")).unwrap().ino(), inode);
    }
    let slack = 50_000_000;
    assert!(facts.created_at > before - slack && facts.created_at < now() + slack);
    let cgroup = fs::read_to_string("/proc/self/cgroup").unwrap();
    let id = String::from_utf8(facts.cgroup.id).unwrap();
    assert!(cgroup.lines().any(|line| line.ends_with(&format!(":{id}"))));
}

#[test]
fn credentials_of_another_user() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let victim = Victim::new(Command::new("sleep").arg("101").uid(54321).gid(12345), b"101");
    let ids = victim.facts().credentials;
    assert_eq!(Resolver::new().unwrap().credentials(victim.pid()).as_ref(), Some(&ids));
    assert_eq!([ids.user.number, ids.euser.number, ids.fsuser.number], [54321; 3]);
    assert_eq!([ids.group.number, ids.egroup.number, ids.fsgroup.number], [12345; 3]);
    assert_eq!((ids.user.name.as_slice(), ids.cap_effective, ids.cap_permitted), (&b""[..], 0, 0));
}

#[test]
fn scripts() {
    let root = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(root.path()).unwrap();
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let write = |name: &str, text: &str| {
        let path = base.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let check = |command: &mut Command, file: &[u8], interpreter: Option<&OsStr>| {
        let facts = Victim::new(command, b"end").facts();
        let got = facts.interpreter.map(|file| file.path);
        assert_eq!(facts.file.path, file, "{command:?}");
        assert_eq!(got.as_deref(), interpreter.map(OsStrExt::as_bytes), "{command:?}");
    };
    let body = "while :; do read line < fifo; done\n";
    nix::unistd::mkfifo(&base.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let plain = write("plain", &format!("#!/bin/sh\n{body}"));
    let option = write("option", &format!("#! /bin/sh -u \n{body}"));
    let none = write("none", body);
    let sh = Some(shell.as_os_str());
    for script in [&plain, &option] {
        let path = script.as_os_str().as_bytes();
        check(Command::new(script).arg("end").current_dir(&base), path, sh);
    }
    check(Command::new("./plain").arg("end").current_dir(&base), plain.as_os_str().as_bytes(), sh);
    let shell = shell.as_os_str().as_bytes();
    check(Command::new("sh").arg(&none).arg("end").current_dir(&base), shell, None);
    check(Command::new("sh").arg(&plain).arg("end").current_dir(&base), shell, None);
    // A program that names a script among its arguments is not its interpreter.
    let path = plain.to_str().unwrap();
    let mut command = Command::new("tail");
    command.arg0("/bin/sh").args([path, "-f", "end"]).current_dir(&base);
    fs::write(base.join("end"), "").unwrap();
    command.stdout(std::process::Stdio::null());
    check(&mut command, fs::canonicalize("/usr/bin/tail").unwrap().as_os_str().as_bytes(), None);
}

/// A name may hold anything but NUL.
#[test]
fn hostile_comm() {
    let actor = Actor::new(nix::sched::CloneFlags::empty());
    let resolver = Resolver::new().unwrap();
    for name in ["a\nUid:\t1", ") S 1 1 1 1 1", "\n\n", "", "(deleted)", "x\n"] {
        let text = std::ffi::CString::new(name).unwrap();
        actor.run(move || nix::sys::prctl::set_name(&text).unwrap());
        let facts = resolver.process(actor.tid).unwrap();
        assert_eq!(facts.comm, &name.as_bytes()[..name.len().min(15)]);
        assert_eq!(facts.pid, std::process::id().cast_signed());
        assert_eq!(facts.tid, actor.tid);
        assert_eq!(facts.credentials.user.number, nix::unistd::getuid().as_raw());
    }
}

#[test]
fn arguments_without_end() {
    let mut command = Command::new("sleep");
    command.arg("100");
    command.args((0..2000).map(|number| format!("0.{number}"))).arg("0");
    let victim = Victim::new(&mut command, b"0");
    let facts = victim.facts();
    assert_eq!((facts.argv.len(), facts.args_truncated), (1024, true));
    let big = format!("0.{}", "0".repeat(100_000));
    let victim = Victim::new(Command::new("sleep").args(["100", &big, &big, "0"]), b"0");
    let facts = victim.facts();
    assert_eq!((facts.argv.len(), facts.args_truncated), (4, true));
    assert_eq!(facts.argv.iter().map(Vec::len).sum::<usize>(), 128 << 10);
}

#[test]
fn zombies_and_nobody() {
    let resolver = Resolver::new().unwrap();
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().cast_signed();
    let stat = format!("/proc/{pid}/stat");
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(1));
    }
    let facts = resolver.process(pid).unwrap();
    assert_eq!((facts.pid, facts.comm.as_slice()), (pid, &b"true"[..]));
    assert_eq!((facts.file.path.as_slice(), facts.argv.len()), (&b""[..], 0));
    child.wait().unwrap();
    for nobody in [pid, 0, -1, i32::MIN, i32::MAX] {
        assert_eq!(resolver.process(nobody), None);
    }
    if let Some(kthreadd) = resolver.process(2).filter(|facts| facts.comm == b"kthreadd") {
        assert!(kthreadd.is_kworker);
        assert_eq!((kthreadd.file.path.as_slice(), kthreadd.argv.len()), (&b""[..], 0));
    }
}
