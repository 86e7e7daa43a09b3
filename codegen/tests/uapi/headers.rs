//! The headers that Debian installs for each architecture (`packaging/apt-packages.sh`). Nothing
//! is compiled for another machine: the compiler of this one reads their headers, with the macros
//! that tell it which machine it is set to theirs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Verdict;
use super::table::Entry;

/// Headers of the kernel that define what system calls take.
const KERNEL: &str = "
asm/errno.h asm/mman.h asm/poll.h asm/prctl.h asm/ptrace.h asm/signal.h asm/socket.h linux/audit.h
linux/bpf.h linux/capability.h linux/close_range.h linux/dqblk_xfs.h linux/eventfd.h
linux/eventpoll.h linux/fadvise.h linux/falloc.h linux/fanotify.h linux/fcntl.h linux/fs.h
linux/futex.h linux/if_ether.h linux/in.h linux/in6.h linux/inotify.h linux/io_uring.h
linux/ioprio.h linux/ipc.h linux/kcmp.h linux/kexec.h linux/keyctl.h linux/landlock.h linux/lsm.h
linux/membarrier.h linux/memfd.h linux/mempolicy.h linux/mman.h linux/module.h linux/mount.h
linux/msg.h linux/net.h linux/openat2.h linux/perf_event.h linux/personality.h linux/pidfd.h
linux/prctl.h linux/ptrace.h linux/quota.h linux/random.h linux/reboot.h linux/resource.h
linux/rseq.h linux/sched.h linux/seccomp.h linux/sem.h linux/shm.h linux/signalfd.h linux/stat.h
linux/tcp.h linux/time.h linux/timerfd.h linux/udp.h linux/userfaultfd.h linux/version.h
linux/wait.h linux/watch_queue.h linux/xattr.h";

/// Headers of the C library, for names that the kernel keeps to itself.
const LIBRARY: &str = "
errno.h fcntl.h netinet/in.h netinet/tcp.h signal.h sys/eventfd.h sys/mman.h sys/mount.h
sys/signalfd.h sys/socket.h sys/swap.h sys/timerfd.h unistd.h";

/// Macros by which headers know the machine.
const MACHINE: [&str; 10] = [
    "__ILP32__",
    "__LP64__",
    "_LP64",
    "__SIZEOF_LONG__",
    "__aarch64__",
    "__arm__",
    "__i386",
    "__i386__",
    "__x86_64",
    "__x86_64__",
];

/// A way to ask the headers of one ABI.
pub(super) struct Headers {
    options: Vec<String>,
    includes: String,
    /// Keeps the directory of `options`.
    _empty: Option<tempfile::TempDir>,
}

/// The kernel's headers for an ABI.
pub(super) fn of(abi: &str) -> Headers {
    let (triple, macros): (&str, &[&str]) = match abi {
        "amd64" => ("x86_64-linux-gnu", &["__x86_64__=1", "__SIZEOF_LONG__=8"]),
        "x32" => ("x86_64-linux-gnu", &["__x86_64__=1", "__ILP32__=1", "__SIZEOF_LONG__=4"]),
        "i386" => ("x86_64-linux-gnu", &["__i386__=1", "__SIZEOF_LONG__=4"]),
        "arm64" => ("aarch64-linux-gnu", &["__aarch64__=1", "__SIZEOF_LONG__=8"]),
        "arm" => ("arm-linux-gnueabihf", &["__arm__=1", "__ARM_EABI__=1", "__SIZEOF_LONG__=4"]),
        _ => panic!("no headers of `{abi}` are known"),
    };
    // linux/shm.h wants this header of the C library for a function.
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("unistd.h"), "").unwrap();
    let mut options = vec!["-nostdinc".to_owned()];
    options.extend(MACHINE.iter().map(|name| format!("-U{name}")));
    options.extend(macros.iter().map(|value| format!("-D{value}")));
    for folder in [empty.path(), &folder(triple)] {
        options.extend(["-isystem".to_owned(), folder.display().to_string()]);
    }
    Headers { options, includes: includes(KERNEL), _empty: Some(empty) }
}

/// The headers of the C library, which are there for this machine only.
pub(super) fn of_the_library(abi: &str) -> Option<Headers> {
    let this = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => panic!("the tests do not run on {arch}"),
    };
    let options = vec!["-D_GNU_SOURCE".to_owned()];
    (abi == this).then(|| Headers { options, includes: includes(LIBRARY), _empty: None })
}

/// Where the headers of an architecture are.
fn folder(triple: &str) -> PathBuf {
    let folder = Path::new("/usr").join(triple).join("include");
    let is_there = folder.join("asm/unistd.h").exists();
    assert!(is_there, "no kernel headers in {}: run packaging/apt-packages.sh", folder.display());
    folder
}

fn includes(headers: &str) -> String {
    let include = |header| format!("#if __has_include(<{header}>)\n#include <{header}>\n#endif\n");
    headers.split_whitespace().map(include).collect()
}

impl Headers {
    /// The macros of asm/unistd.h, as `#define` lines.
    pub(super) fn syscalls(&self) -> String {
        let (macros, errors) = self.run(&["-E", "-dM", "-undef"], "#include <asm/unistd.h>\n");
        assert_eq!(errors, "");
        macros
    }

    /// What a compiler for this ABI, by an option of the machine's own, says against a text.
    pub(super) fn errors(&self, option: &str, source: &str) -> String {
        self.run(&["-fsyntax-only", option], source).1
    }

    /// The version of Linux that they are of.
    pub(super) fn version(&self) -> String {
        let code = format!("{}version LINUX_VERSION_CODE\n", self.includes);
        let (output, errors) = self.run(&["-E", "-P"], &code);
        let line = output.lines().rfind(|line| line.starts_with("version "));
        let line = line.unwrap_or_else(|| panic!("{errors}"));
        let code: u32 = line["version ".len()..].trim().parse().unwrap();
        format!("{}.{}.{}", code >> 16, code >> 8 & 0xff, code & 0xff)
    }

    /// The values of one ABI against these headers.
    pub(super) fn compare(&self, abi: usize, table: &[&Entry]) -> Verdict {
        let there = table.iter().copied().filter_map(|entry| {
            let value = entry.values[abi]?;
            let c = &entry.c;
            // `1 << 31` is negative in C.
            let is = format!("({c}) == {value}LL || (({c}) < 0 && (unsigned)({c}) == {value}LL)");
            Some((entry, format!("_Static_assert({is}, \"\");\n")))
        });
        let mut verdict = Verdict::default();
        let mut rest: Vec<(&Entry, String)> = there.collect();
        // A name that is not declared is reported at its first use only.
        loop {
            let unknown = self.complaints(&rest, |message| !is_value(message));
            if unknown.is_empty() {
                break;
            }
            let mut line = 0;
            rest.retain(|(entry, _)| {
                line += 1;
                let is_known = !unknown.contains(&line);
                if !is_known {
                    verdict.lacking.insert(entry.name.clone());
                }
                is_known
            });
        }
        let wrong = self.complaints(&rest, is_value);
        for line in &wrong {
            let entry = rest[line - 1].0;
            verdict.wrong.push(format!("{} is not {:?}", entry.c, entry.values[abi].unwrap()));
        }
        verdict.agreed = rest.len() - wrong.len();
        verdict.wrong.extend(self.unexpected(abi, table));
        verdict
    }

    /// Names that the headers have, although the table says that the ABI has no such thing.
    fn unexpected(&self, abi: usize, table: &[&Entry]) -> Vec<String> {
        let absent = table.iter().copied().filter(|entry| entry.values[abi].is_none());
        let lines: Vec<_> = absent
            .map(|entry| (entry, format!("_Static_assert(({}) || 1, \"\");\n", entry.c)))
            .collect();
        let unknown = self.complaints(&lines, |_| true);
        let known = lines.iter().zip(1..).filter(|(_, line)| !unknown.contains(line));
        known.map(|((entry, _), _)| format!("{} is there", entry.name)).collect()
    }

    /// The lines about which the compiler complains in this way.
    fn complaints(
        &self,
        lines: &[(&Entry, String)],
        is_meant: impl Fn(&str) -> bool,
    ) -> BTreeSet<usize> {
        let mut source = self.includes.clone();
        source += "#line 1 \"table\"\n";
        source.extend(lines.iter().map(|(_, line)| line.as_str()));
        let (_, errors) = self.run(&["-fsyntax-only", "-fmax-errors=0"], &source);
        let mut complaints = BTreeSet::new();
        for line in errors.lines().filter(|line| line.contains("error: ")) {
            // A header that does not compile would hide what comes after it.
            let place = line.strip_prefix("table:").and_then(|rest| rest.split_once(':'));
            let (number, message) = place.unwrap_or_else(|| panic!("{errors}"));
            if is_meant(message) {
                complaints.insert(number.parse().unwrap());
            }
        }
        complaints
    }

    /// Output and errors of the compiler.
    fn run(&self, action: &[&str], source: &str) -> (String, String) {
        let mut compiler = Command::new("cc")
            .args(["-x", "c", "-w"])
            .args(action)
            .args(&self.options)
            .arg("-")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cc: {error}: run packaging/apt-packages.sh"));
        compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let output = compiler.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }
}

/// Whether the compiler complains about a value, not about a name.
fn is_value(message: &str) -> bool {
    message.contains("static assertion failed")
}
