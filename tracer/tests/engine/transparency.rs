//! What an application sees of itself, traced and untraced alike.

use crate::wrap::{Engine, on_every_engine, text};

on_every_engine!(
    pipelines_and_shells_do_the_same,
    state_that_is_inherited_is_the_same,
    an_observer_that_fails_does_not_take_the_application_down,
);

fn pipelines_and_shells_do_the_same(engine: Engine) {
    engine.same(&["sh", "-c", "seq 2000 | sort -rn | uniq | wc -l; ls /nope"]);
    engine.same(&[
        "bash",
        "-c",
        "set -m; (exit 3) & wait $!; echo $?; trap 'echo term' TERM; kill $$",
    ]);
    engine.same(&["bash", "-c", "for i in $(seq 50); do (echo $i) | cat; done"]);
}

fn state_that_is_inherited_is_the_same(engine: Engine) {
    let status = "grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Groups|Umask)' /proc/self/status";
    engine.same(&["sh", "-c", status]);
    engine.same(&["sh", "-c", "ls /proc/self/fd; ulimit -a; env | grep -v ^_ | sort"]);
}

fn an_observer_that_fails_does_not_take_the_application_down(engine: Engine) {
    let mut command = engine.wrap(&["--panic"]);
    let output = command.args(["sh", "-c", "ls /etc | grep passwd; true | cat; exit 3"]).output();
    let output = output.expect("a process");
    assert!(text(&output.stderr).contains("told to fail"));
    assert!(text(&output.stdout).contains("passwd\n"));
    assert_eq!(output.status.code(), Some(3));
}
