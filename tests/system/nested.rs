//! Applications that use what an engine uses, too: debuggers, seccomp filters and listeners.

use crate::both::{ENGINES, Program};

/// Filters that fail calls with an error, send a signal, or kill: also at calls of interest.
#[test]
fn filters_of_the_application() {
    Program::fixture("stops", &["filter"]).everywhere(|_, events| {
        assert!(events.any("exit", |event| event["exit"]["cause"] != "EXITED"), "killed at last");
    });
}

/// The application answers a call of interest itself. No tracer sees the call, as of any that a
/// filter answers. There is one listener in a chain of filters.
#[test]
fn a_listener_of_the_application() {
    let program = Program::fixture("life", &["listener"]);
    let untraced = program.untraced().stdout;
    for engine in ENGINES {
        let expected = if engine.is_listener { "listener: EBUSY\n" } else { &untraced };
        assert_eq!(program.traced_by(engine).stdout, expected, "under {}", engine.name);
    }
}

/// A process has one tracer: debuggers say the same as below strace(1), and fail.
#[test]
fn debuggers() {
    let commands: [&[&str]; 3] = [
        &["strace", "-o", "log", "true"],
        &["gdb", "--quiet", "--batch", "--nx", "-ex", "run", "true"],
        &["strace", "-o", "log", "-p", "1"],
    ];
    for command in commands {
        let program = Program::new(command.iter().copied());
        for engine in ENGINES {
            let traced = program.traced_by(engine);
            let reference = if engine.is_tracer {
                let words = ["strace", "-f", "-qq", "-o", "/dev/null"];
                Program::new(words.into_iter().chain(command.iter().copied())).untraced()
            } else {
                program.untraced()
            };
            assert_eq!(traced.status, reference.status, "{command:?} under {}", engine.name);
            assert_eq!(traced.stdout, reference.stdout, "{command:?} under {}", engine.name);
        }
    }
}
