//! Programs of languages that bring threads, signals and children of their own.

use std::process::Command;

use crate::both::Program;
use crate::fixtures::source;

/// It opened a file that all of them open, and executed a program that all of them execute.
fn same(program: &Program) {
    program.everywhere(|_, events| {
        assert!(events.any("open", |event| event["file"]["path"] == "/etc/group"));
        assert!(events.executed("echo"));
    });
}

#[test]
fn go() {
    let program = Program::new(["./program"]).prepare(|dir| {
        let mut go = Command::new("go");
        go.args(["build", "-o", "program"]).arg(source("runtime.go")).current_dir(dir);
        assert!(go.status().expect("go, a package of packaging/apt-packages.sh").success());
    });
    same(&program);
}

/// The virtual machine, with the compiler.
#[test]
fn java() {
    same(&Program::new(["java".into(), source("Runtime.java")]));
}

#[test]
fn node() {
    same(&Program::new(["node".into(), source("runtime.js")]));
}

#[test]
fn python() {
    same(&Program::new(["python3".into(), source("runtime.py")]));
}
