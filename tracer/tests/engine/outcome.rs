//! Exit statuses, and what a launch says.

use crate::wrap::{Engine, on_every_engine, text};

on_every_engine!(
    the_exit_status_is_the_applications,
    a_program_that_cannot_run_is_said_so,
    a_script_without_a_first_line_is_the_shells,
    the_first_call_told_is_the_execution_of_the_program,
    ids_and_directory_are_taken,
);

fn the_exit_status_is_the_applications(engine: Engine) {
    let check = |command: &[&str], expect| {
        let status = engine.wrap(&[]).args(command).status().expect("a process");
        assert_eq!(status.code(), Some(expect), "{command:?}");
    };
    check(&["true"], 0);
    check(&["sh", "-c", "exit 7"], 7);
    check(&["sh", "-c", "exit 255"], 255);
    check(&["sh", "-c", "kill -TERM $$"], 143);
    check(&["sh", "-c", "kill -KILL $$"], 137);
    check(&["sh", "-c", "ulimit -c 0; kill -SEGV $$"], 139);
    check(&["sh", "-c", "ls / | sort -r | grep -q etc"], 0);
}

fn a_program_that_cannot_run_is_said_so(engine: Engine) {
    let check = |command: &str, code, message: &str| {
        let output = engine.wrap(&[]).arg(command).output().expect("a process");
        assert_eq!(output.status.code(), Some(code), "{command}");
        assert_eq!(text(&output.stderr), format!("wrap: {command}: {message}\n"));
        assert_eq!(text(&output.stdout), "");
    };
    check("no-such-program", 127, "not found");
    check("/no/such/program", 127, "not found");
    check("/etc/passwd/program", 127, "not found");
    check("/etc/passwd", 126, "cannot be executed: Permission denied");
    check("/etc", 126, "cannot be executed: Permission denied");
}

fn a_script_without_a_first_line_is_the_shells(engine: Engine) {
    let place = tempfile::tempdir().expect("a directory");
    let script = place.path().join("script");
    std::fs::write(&script, "echo \"$0 $1\"; exit 3\n").expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("a file");
    let output =
        engine.wrap(&["--cwd=/"]).arg(&script).arg("argument").output().expect("a process");
    assert_eq!(text(&output.stdout), format!("{} argument\n", script.display()));
    assert_eq!(output.status.code(), Some(3));
}

fn the_first_call_told_is_the_execution_of_the_program(engine: Engine) {
    let (lines, _) = engine.logged(&["--exit", "--cwd=/tmp"], &["true"]);
    let words: Vec<_> = lines.iter().map(|line| line.split(' ').next().expect("a word")).collect();
    assert_eq!(words[..3], ["entry", "exec", "exit"], "{lines:?}");
    assert!(lines[0].contains("true"), "{lines:?}");
    assert_eq!(words.last(), Some(&"exited"));
    assert!(lines.last().expect("a line").ends_with(" 0 true"), "{lines:?}");
}

fn ids_and_directory_are_taken(engine: Engine) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let options = ["--uid=1000", "--gid=1001", "--cwd=/usr"];
    let script = "id -u; id -g; id -G; pwd; grep NoNewPrivs /proc/self/status";
    let output = engine.wrap(&options).args(["sh", "-c", script]).output().expect("a process");
    assert_eq!(text(&output.stdout), "1000\n1001\n1001\n/usr\nNoNewPrivs:\t0\n");
}
