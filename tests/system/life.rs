//! Threads and processes live, execute programs and end as they do untraced.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use serde_json::Value;

use crate::both::{ENGINES, Program};

fn is_exit(event: &Value, code: i64) -> bool {
    event["exit"]["cause"] == "EXITED" && event["exit"]["code"] == code
}

/// Among them a program that a thread executes while 20 others block, and a leader that ends
/// before its threads.
#[test]
fn threads() {
    Program::fixture("threads", &[]).everywhere(|_, events| {
        assert_eq!(events.count("exec"), 2);
        assert_eq!(events.count("exit"), 1);
        assert!(events.any("exit", |event| is_exit(event, 5)));
    });
}

#[test]
fn tasks_killed_at_any_moment() {
    Program::fixture("stops", &["killed"]).everywhere(|_, events| {
        let killed = events.find("exit", |event| event["exit"]["cause"] == "SIGNALED");
        assert_eq!(killed.filter(|event| event["exit"]["code"] == 9).count(), 100);
    });
}

/// A child that is made with `CLONE_UNTRACED` is traced, and its calls do not fail.
#[test]
fn a_child_that_asks_not_to_be_traced() {
    Program::fixture("stops", &["untraced"]).everywhere(|_, events| {
        assert_eq!((events.count("fork"), events.count("exit")), (1, 2));
    });
}

/// Each is made before it executes.
#[test]
fn programs_spawned() {
    Program::fixture("life", &["spawn"]).everywhere(|_, events| {
        assert_eq!(events.find("exec", |event| event["process"]["argv0"] == "true").count(), 200);
        assert!(events.count("fork") >= 200);
        assert_eq!(events.count("exit"), events.count("fork") + 1);
    });
}

#[test]
fn five_thousand_threads() {
    Program::fixture("life", &["threads"]).everywhere(|_, events| {
        let opens = events.find("open", |event| event["file"]["path"] == "/etc/passwd");
        assert_eq!(opens.count(), 5000);
        assert_eq!((events.count("fork"), events.count("exit")), (0, 1));
    });
}

/// It is stopped, continued and signalled all the while. Without optimization that takes long.
#[test]
fn executions_under_a_storm_of_signals() {
    let count = if cfg!(debug_assertions) { 200 } else { 10_000 };
    let program = Program::fixture("life", &["execs", &count.to_string()]);
    program.everywhere(|_, events| assert_eq!(events.count("exec"), count + 1));
}

/// It forks twice, and opens a file when the first process has ended.
#[test]
fn a_daemon() {
    let made = |dir: &Path| dir.join("daemon").exists().to_string();
    Program::fixture("life", &["daemon"]).check(made).everywhere(|_, events| {
        let mut exits = events.find("exit", |_| true);
        assert!(exits.next().is_some_and(|event| is_exit(event, 4)));
        let made = |event: &Value| text(&event["file"]["path"]).ends_with("/daemon");
        assert!(events.any("open", made));
        assert_eq!(events.count("exit"), 3);
    });
}

#[test]
fn a_process_in_a_namespace_of_its_own() {
    let unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let script = "echo $$; (exit 3) & wait $!; exit $(($? + 1))";
    let program = Program::new(unshare.into_iter().chain(["sh", "-c", script]));
    program.everywhere(|_, events| {
        let of_shell = events.find("exit", |event| event["process"]["comm"] == "sh");
        assert!(of_shell.last().is_some_and(|event| is_exit(event, 4)));
    });
}

/// The limit counts all processes of a user.
#[test]
fn a_limit_of_processes() {
    if is_root() {
        Program::fixture("life", &["limited"]).everywhere(|_, events| {
            assert_eq!(events.count("fork"), 9);
        });
    }
}

#[test]
fn a_program_that_closes_all_descriptors() {
    let written = |dir: &Path| fs::read_to_string(dir.join("closed")).unwrap();
    Program::fixture("life", &["closed"]).check(written).everywhere(|_, events| {
        let made = |event: &Value| text(&event["file"]["path"]).ends_with("/closed");
        assert!(events.any("open", made));
    });
}

/// Nobody but root may look into it.
#[test]
fn a_program_that_cannot_be_dumped() {
    let program = Program::fixture("life", &["hidden"]);
    program.everywhere(|_, events| {
        assert!(events.any("open", |event| event["file"]["path"] == "/etc/group"));
        assert!(events.executed("echo"));
    });
    // Somebody else's tracer learns less, and says so.
    as_nobody(program).everywhere(|_, events| assert!(events.executed("echo")));
}

/// The tracer has the privileges that the kernel demands of the tracer of such a program.
#[test]
fn a_program_that_gains_privileges() {
    if !is_root() {
        return;
    }
    let install = |dir: &Path| {
        let mode = fs::Permissions::from_mode(0o4755);
        fs::set_permissions(dir.join("life"), mode).unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let program = || {
        let command = drop.into_iter().chain(["./life", "setuid"]);
        Program::new(command).with("life").prepare(install)
    };
    assert_eq!(program().untraced().stdout, "uid 65534 0, gid 65534 65534\n");
    program().everywhere(|_, events| {
        let gained = |event: &Value| {
            event["process"]["argv0"] == "./life" && event["process"]["credentials"]["euid"] == 0
        };
        assert!(events.any("exec", gained));
    });
    // A tracer without privileges has to set no_new_privs, so there is nothing to gain.
    for engine in ENGINES {
        let within = Program::fixture("life", &["setuid"]).prepare(install).within(drop);
        let outcome = within.traced_by(engine);
        assert_eq!(outcome.stdout, "uid 65534 65534, gid 65534 65534\n");
    }
}

/// 64-bit programs are dynamically linked in all other tests.
#[test]
fn static_and_32_bit_programs() {
    Program::fixture("static", &[]).everywhere(|_, events| {
        assert!(events.any("open", |event| event["file"]["path"] == "/etc/group"));
    });
    #[cfg(target_arch = "x86_64")]
    Program::fixture("narrow", &[]).everywhere(|_, events| {
        let narrow = |event: &Value| event["sentrace"]["abi"] == "i386";
        for name in ["open", "connect", "unlink"] {
            assert!(events.any(name, narrow), "{name}");
        }
    });
}

/// As user and group 65534, if this is run by root.
fn as_nobody(program: Program) -> Program {
    if !is_root() {
        return program;
    }
    let give = |dir: &Path| chown(dir, Some(65534), Some(65534)).unwrap();
    program.prepare(give).within(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
