//! What is the notify engine's alone.

use std::process::Command;

use crate::wrap::{Engine, fixture, text};

/// `wrap` with options under another `wrap`, and what the outer one logs.
fn nested(engine: &str, inner: &[&str], command: &[&str]) -> (Vec<String>, i32, String) {
    let wrap = Engine::Notify.wrap(inner);
    let mut words = vec![wrap.get_program().to_str().expect("a path")];
    words.push(engine);
    words.extend(wrap.get_args().skip(1).filter_map(|arg| arg.to_str()));
    words.extend(command);
    let (lines, output) = Engine::Notify.logged(&["--exit"], &words);
    let said = text(&output.stdout) + &text(&output.stderr);
    (lines, output.status.code().unwrap_or(-1), said)
}

/// A second listener is not to be had, and who asks for no engine gets the other. Then the outer
/// engine's tasks are tracees of the inner one.
#[test]
fn a_tracer_may_run_inside() {
    let refused = "wrap: cannot use the notify engine: \
        the kernel takes no seccomp filter with a listener: Device or resource busy\n";
    let (_, code, said) = nested("--engine=notify", &[], &["true"]);
    assert_eq!((code, said.as_str()), (125, refused));
    let script = "ls /nope; cat /dev/null | cat; exit 3";
    let (lines, code, said) = nested("--engine=auto", &["--exit"], &["sh", "-c", script]);
    assert_eq!(
        (code, said.as_str()),
        (3, "ls: cannot access '/nope': No such file or directory\n")
    );
    // Programs are told of although the engine could not see them executed.
    for program in ["/ls", "/cat"] {
        let runs = |line: &&String| line.starts_with("exec ") && line.ends_with(program);
        assert!(lines.iter().any(|line| runs(&line)), "{program} {lines:?}");
    }
}

/// A tracee is woken by signals that it ignores; the application must not see that.
#[test]
fn an_ignored_signal_interrupts_nothing() {
    Engine::Notify.same(&[&fixture("stops").program, "ignored"]);
}

/// The parent of an orphan is a process that ran the same program.
#[test]
fn orphans_have_a_parent() {
    let script = "import os, signal, time\n\
        if not os.fork():\n    \
            if not os.fork():\n        \
                time.sleep(0.3); os.execvp('true', ['true'])\n    \
            os.kill(os.getpid(), signal.SIGKILL)\n\
        os.wait(); time.sleep(0.6)";
    let (lines, output) = Engine::Notify.logged(&[], &["python3", "-c", script]);
    assert!(output.status.success());
    let word = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or_default().to_owned();
    let mut known = vec![word(&lines[0], 1)];
    for fork in lines.iter().filter(|line| line.starts_with("fork ")) {
        assert!(known.contains(&word(fork, 1)), "{fork} of {known:?}");
        known.push(word(fork, 2));
    }
    let exec = lines.iter().rfind(|line| line.starts_with("exec ")).expect("a program");
    assert!(exec.ends_with("/true") && known.contains(&word(exec, 1)), "{exec} of {known:?}");
}

/// A signal that comes while notifications queue must not make fork(2) fail.
#[test]
fn shells_do_not_fail_to_fork() {
    let script = "i=0; while [ $i -lt 100 ]; do true | true | true; (exit 3) & i=$((i+1)); done; \
        wait; echo end";
    Engine::Notify.same(&["sh", "-c", script]);
}

/// What a set-user-ID program may do is not less for being watched by root.
#[test]
fn set_user_id_programs_gain_their_privileges() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(place.path(), mode(0o755)).expect("its mode");
    let id = place.path().join("id");
    let copied = Command::new("cp").arg("/usr/bin/id").arg(&id).status();
    assert!(copied.is_ok_and(|status| status.success()));
    std::fs::set_permissions(&id, mode(0o4755)).expect("its mode");
    let mut wrap = Engine::Notify.wrap(&["--exit", "--uid=1000"]);
    let output = wrap.arg(&id).arg("-u").output().expect("a process");
    assert_eq!(text(&output.stdout), "0\n", "{output:?}");
}
