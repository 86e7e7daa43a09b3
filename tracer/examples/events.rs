//! Runs a command and prints its events, one a line: number, process, name, ABI and result of the
//! call, marks; after a colon the fields that are not empty.
//!
//! `events [--engine=NAME] [--every] [--only=NAME,…] [--entry] [--log=FILE] [--count] CMD…`:
//! `--every` stops every call, `--entry` does without results, `--count` prints counters at the end
//! instead of events.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::exit;

use clap::ValueEnum;
use sentrace_bpf::action;
use sentrace_schema::record::{Record, Value};
use sentrace_schema::wire::{Capture, Event, EventInterest, Interest, MARKS, NO_SYSCALL};
use sentrace_schema::{EVENTS, event};
use sentrace_tracer::launch::{CallStops, Engine, Launch};
use sentrace_tracer::resolve::Resolver;
use sentrace_tracer::session::{Counters, Session, Sink, Wanted};

fn main() {
    let mut only = EVENTS.iter().map(|event| event.id).collect::<Vec<_>>();
    let mut capture = Capture::EntryAndExit;
    let mut print = Print { to: Box::new(std::io::stderr()), events: true };
    let (mut engine, mut stops) = (Engine::default(), CallStops::default());
    let mut args = std::env::args_os().skip(1).peekable();
    while let Some(arg) = args.next_if(|arg| arg.as_encoded_bytes().starts_with(b"--")) {
        let text = arg.to_string_lossy();
        match text.split_once('=') {
            Some(("--only", names)) => {
                only = names.split(',').map(|name| event(name).expect("an event").id).collect();
            }
            Some(("--engine", name)) => engine = Engine::from_str(name, false).expect("an engine"),
            Some(("--log", path)) => {
                print.to = Box::new(BufWriter::new(File::create(path).expect("a log")));
            }
            _ if text == "--every" => stops = CallStops::Every,
            _ if text == "--entry" => capture = Capture::Entry,
            _ if text == "--count" => print.events = false,
            _ => panic!("{text}: no such option"),
        }
    }
    let only = only.into_iter().map(|event| EventInterest { event, capture });
    let wanted = Wanted::from(&Interest::Events(only.collect()));
    let filter = wanted.filter(action::TRACE).expect("a filter");
    let mut launch = Launch::new(args.collect(), filter.into());
    (launch.engine, launch.stops) = (engine, stops);
    let resolver = Resolver::new().expect("a /proc");
    let mut session = Session::new(resolver, &mut print).wanting(wanted);
    let counters = session.counters();
    let ended = launch.run(&mut session);
    print.end(&counters);
    match ended {
        Ok(ended) => exit(ended.code()),
        Err(error) => {
            eprintln!("events: {error}");
            exit(error.code());
        }
    }
}

struct Print {
    to: Box<dyn Write + Send>,
    events: bool,
}

impl Sink for Print {
    fn event(&mut self, Event { header, payload }: Event) {
        if !self.events {
            return;
        }
        let name = payload.event().name;
        let mut line = format!("{} {} {name}", header.sequence, header.pid);
        if header.nr != NO_SYSCALL {
            line += &format!(
                " {} = {}",
                sentrace_schema::ABIS[usize::from(header.abi)].name,
                header.retval
            );
        }
        let marks = MARKS.iter().filter(|(mark, _)| header.marks & mark != 0);
        let marks: Vec<&str> = marks.map(|(_, name)| *name).collect();
        if !marks.is_empty() {
            line += &format!(" {}", marks.join(","));
        }
        line += " :";
        fields("", payload.record(), &mut line);
        // Nobody may be there to read it.
        let _ = writeln!(self.to, "{line}");
    }
}

impl Print {
    fn end(mut self, counters: &Counters) {
        if !self.events {
            let (stops, unknown) = (counters.stops(), counters.unknown());
            let _ =
                writeln!(self.to, "stops {stops} unknown {unknown} events {}", counters.sequence());
            for (event, count) in
                EVENTS.iter().zip(counters.events()).filter(|(_, count)| *count > 0)
            {
                let _ = writeln!(self.to, "{} {count}", event.name);
            }
        }
        let _ = self.to.flush();
    }
}

/// Fields by name, those of groups below the group's. Environments are left out.
fn fields(prefix: &str, record: &dyn Record, line: &mut String) {
    for (index, field) in record
        .desc()
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| field.name != "envs" && field.name != "envp")
    {
        let dot = if prefix.is_empty() || field.name.is_empty() { "" } else { "." };
        let name = format!("{prefix}{dot}{}", field.name);
        let text = match record.get(index) {
            Value::Record(record) => {
                fields(&name, record, line);
                continue;
            }
            Value::Bool(false)
            | Value::Int(0)
            | Value::Bytes([])
            | Value::List([])
            | Value::Ints([])
            | Value::Ip(None) => continue,
            Value::Bool(true) => "true".into(),
            Value::Int(number) => number.to_string(),
            Value::Bytes(text) => text.escape_ascii().to_string(),
            Value::List(list) => list
                .iter()
                .map(|text| text.escape_ascii().to_string())
                .collect::<Vec<_>>()
                .join(","),
            Value::Ints(list) => format!("{list:?}"),
            Value::Ip(Some(ip)) => ip.to_string(),
        };
        *line += &format!(" {name}={text}");
    }
}
