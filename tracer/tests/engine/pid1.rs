//! The tracer as PID 1 of a container.

use std::process::Command;

use crate::wrap::{Engine, on_every_engine, text};

on_every_engine!(orphans_are_reaped, the_container_ends_with_its_application,);

/// Runs `script` under a `wrap` that is PID 1 of a new PID namespace, if that may be made here.
fn contained(engine: Engine, options: &[&str], script: &str) -> Option<(String, Option<i32>)> {
    let wrap = engine.wrap(options);
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--mount-proc", "--fork"]);
    if !unshare.arg("true").status().is_ok_and(|status| status.success()) {
        return None;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--mount-proc", "--fork"]).arg(wrap.get_program());
    let output = unshare.args(wrap.get_args()).args(["sh", "-c", script]).output().ok()?;
    assert_eq!(text(&output.stderr), "");
    Some((text(&output.stdout), output.status.code()))
}

fn orphans_are_reaped(engine: Engine) {
    // 20 orphans end while the application still runs; none may be left as a zombie.
    let script = "for i in $(seq 20); do (sleep 0.1 &) ; done; sleep 0.5; \
        cat /proc/[0-9]*/stat | grep -c ' Z '; grep PPid /proc/self/status; exit 6";
    let Some((output, code)) = contained(engine, &["--exit"], script) else { return };
    assert_eq!(output.lines().next(), Some("0"), "{output}");
    assert_eq!(code, Some(6));
}

fn the_container_ends_with_its_application(engine: Engine) {
    let begin = std::time::Instant::now();
    let Some((_, code)) = contained(engine, &["--first"], "(sleep 30 >/dev/null 2>&1 &); exit 9")
    else {
        return;
    };
    assert_eq!(code, Some(9));
    assert!(begin.elapsed().as_secs() < 20);
}
