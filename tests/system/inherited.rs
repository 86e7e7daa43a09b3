//! What a program inherits, and sees of itself, is the same whether it is watched or not: its
//! environment, descriptors, signals, process group, limits, and the rest of /proc/self/status.

use crate::both::Program;

/// Everything but, in /proc/self/status, `TracerPid`, `Seccomp` and `Seccomp_filters`.
#[test]
fn what_a_program_inherits() {
    let program = Program::fixture("inherited", &["an argument", "", "--"]);
    program.within(["./inherited", "prepare"]).everywhere(|_, _| ());
}
