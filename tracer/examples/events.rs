//! Runs a command and prints its events, one a line: `events CMD…`

use std::io::Write;
use std::process::exit;

use sentrace_schema::Payload;
use sentrace_schema::wire::Event;
use sentrace_tracer::launch::Launch;
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::session::{Session, Sink};

fn main() {
    let launch = Launch::new(std::env::args_os().skip(1).collect(), Vec::new());
    let resolver = Resolver::new().expect("a /proc");
    let mut print = Print;
    match launch.run(&mut Session::new(resolver, &mut print)) {
        Ok(ended) => exit(ended.code()),
        Err(error) => {
            eprintln!("events: {error}");
            exit(error.code());
        }
    }
}

struct Print;

impl Sink for Print {
    fn event(&mut self, Event { header, payload }: Event) {
        let name = payload.event().name;
        let what = match &payload {
            Payload::Fork(fork) => format!("child {}", fork.child),
            Payload::Exec(exec) => {
                let [path, file] = [&exec.syscall_path, &exec.process.file.path];
                format!("{} {}", String::from_utf8_lossy(path), String::from_utf8_lossy(file))
            }
            Payload::Exit(exit) => format!(
                "{} cause {} code {}",
                String::from_utf8_lossy(&exit.process.file.path),
                exit.cause,
                exit.code
            ),
            _ => String::new(),
        };
        let line = format!("{} {} {name} {what}", header.sequence, header.pid);
        // Nobody may be there to read it.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
