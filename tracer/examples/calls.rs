//! Runs a command and writes all its calls: `calls [--log FILE] CMD…`. Lines of processes and
//! threads other than the first begin with their number.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::exit;

use sentrace_tracer::calls::{Calls, filter};
use sentrace_tracer::decode::render::Style;
use sentrace_tracer::engine::Task;
use sentrace_tracer::launch::{Engine, Launch};

fn main() {
    let mut to: Box<dyn Write> = Box::new(std::io::stderr());
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|arg| arg == "--log").is_some() {
        let path = args.next().expect("a path");
        to = Box::new(BufWriter::new(File::create(path).expect("a log")));
    }
    let mut first = None;
    let mut write = |task: Task, line: &str| {
        let first = first.get_or_insert(task);
        // Nobody may be there to read it.
        let _ = match task == *first {
            true => writeln!(to, "{line}"),
            false => writeln!(to, "[{}] {line}", task.tid),
        };
    };
    let mut launch = Launch::new(args.collect(), filter());
    // Only this engine tells of all calls.
    launch.engine = Engine::Ptrace;
    let ended = launch.run(&mut Calls::new(Style::default(), &mut write));
    let _ = to.flush();
    match ended {
        Ok(ended) => exit(ended.code()),
        Err(error) => {
            eprintln!("calls: {error}");
            exit(error.code());
        }
    }
}
