//! Signals to the tracer, which stands in front of the application, and terminals.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wrap::{Engine, on_every_engine, text};

on_every_engine!(
    a_signal_to_the_tracer_is_the_applications,
    a_signal_to_the_group_arrives_once,
    a_signal_ends_an_application_that_does_not_handle_it,
    a_shell_with_a_terminal_stops_and_continues_its_job,
);

fn script(name: &str) -> String {
    format!("{}/tests/fixtures/{name}.py", env!("CARGO_MANIFEST_DIR"))
}

fn kill(pid: i32, signal: i32) {
    let mut kill = Command::new("kill");
    kill.args([format!("-{signal}"), "--".into(), pid.to_string()]);
    assert!(kill.status().expect("kill(1)").success());
}

/// Runs the fixture in a process group of its own, sends it signals, and answers what it got.
fn got(engine: Engine, options: &[&str], send: impl Fn(&Child, i32)) -> String {
    let mut child = engine
        .wrap(&["--exit"])
        .args(["python3", &script("signals")])
        .args(options)
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a process");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    let pid = line.trim_start_matches("ready ").trim().parse().expect("a pid");
    send(&child, pid);
    std::thread::sleep(Duration::from_millis(60));
    kill(pid, libc::SIGUSR2);
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("its output");
    assert!(child.wait().expect("its end").success());
    rest.trim().to_owned()
}

fn a_signal_to_the_tracer_is_the_applications(engine: Engine) {
    let pause = || std::thread::sleep(Duration::from_millis(40));
    let send = |child: &Child, _| {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGWINCH] {
            kill(child.id() as i32, signal);
            pause();
        }
    };
    assert_eq!(got(engine, &[], send), "SIGTERM SIGINT SIGHUP SIGWINCH");
    assert_eq!(got(engine, &["block"], send), "SIGTERM SIGINT SIGHUP SIGWINCH");
}

fn a_signal_to_the_group_arrives_once(engine: Engine) {
    let send = |child: &Child, _| {
        for signal in [libc::SIGTERM, libc::SIGUSR1] {
            kill(-(child.id() as i32), signal);
            std::thread::sleep(Duration::from_millis(40));
        }
    };
    assert_eq!(got(engine, &[], send), "SIGTERM SIGUSR1");
}

fn a_signal_ends_an_application_that_does_not_handle_it(engine: Engine) {
    let mut wrap = engine.wrap(&[]);
    wrap.args(["sh", "-c", "echo ready; exec sleep 60"]).stdout(Stdio::piped());
    let mut child = wrap.spawn().expect("a process");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    output.read_line(&mut String::new()).expect("a line");
    kill(child.id() as i32, libc::SIGTERM);
    assert_eq!(child.wait().expect("its end").code(), Some(143));
}

fn a_shell_with_a_terminal_stops_and_continues_its_job(engine: Engine) {
    let wrap = engine.wrap(&["--exit"]);
    let run = |words: &[&str]| {
        let mut python = Command::new("python3");
        python.arg(script("terminal")).args(words);
        text(&python.output().expect("a process").stdout)
    };
    let program = wrap.get_program().to_str().expect("a path");
    let options: Vec<_> = wrap.get_args().filter_map(|arg| arg.to_str()).collect();
    let plain = run(&[]);
    assert!(plain.contains("stopped") && plain.contains("interrupted"), "{plain}");
    assert_eq!(run(&[&[program], options.as_slice()].concat()), plain);
}
