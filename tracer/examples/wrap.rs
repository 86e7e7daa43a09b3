//! The least that uses the engine: runs a command with some calls trapped and logs what the
//! engine tells. The engine's tests run it, so that no test waits for another's children.
//!
//! `wrap [--engine=notify|ptrace] [--trap=NR,… | --events=NAME,…] [--every] [--exit] [--panic]
//! [--first] [--log=FILE] [--uid=N] [--gid=N] [--cwd=DIR] CMD…`: what `--trap` does not name is not
//! logged, also where every call stops. `wrap [--trap=NR,…] [--exit] [--panic] [--log=FILE]
//! --pid=N,…` attaches.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::process::exit;

use clap::ValueEnum;
use sentrace_bpf::action;
use sentrace_schema::event;
use sentrace_tracer::attach::{Attach, Follow, Targets};
use sentrace_tracer::engine::{Call, Ended, Fork, Observer, Task, Want};
use sentrace_tracer::filter::program;
use sentrace_tracer::launch::{CallStops, Engine, Instruction, Launch, Until};
use sentrace_tracer::memory::Memory;

fn main() {
    let mut launch = Launch::new(Vec::new(), Vec::new());
    let mut log = Log { file: None, trapped: Vec::new(), want: Want::Nothing, panic: false };
    let mut attach = Attach { targets: Targets::default(), follow: Follow::Once };
    let mut args = std::env::args_os().skip(1);
    for arg in args.by_ref() {
        let text = arg.to_string_lossy().into_owned();
        match text.split_once('=') {
            Some(("--trap", numbers)) => {
                let numbers = numbers.split(',').map(|nr| nr.parse().expect("a number"));
                log.trapped = numbers.collect();
                launch.filter = filter(&log.trapped);
            }
            Some(("--events", names)) => launch.filter = filter_of(names),
            Some(("--engine", name)) => {
                launch.engine = Engine::from_str(name, false).expect("an engine");
            }
            Some(("--log", path)) => log.file = Some(File::create(path).expect("a log")),
            Some(("--uid", id)) => launch.uid = id.parse().ok(),
            Some(("--gid", id)) => launch.gid = id.parse().ok(),
            Some(("--cwd", path)) => launch.cwd = Some(path.into()),
            Some(("--pid", pids)) => {
                attach.targets.pids =
                    pids.split(',').map(|pid| pid.parse().expect("a number")).collect();
            }
            _ if text == "--every" => launch.stops = CallStops::Every,
            _ if text == "--exit" => log.want = Want::Exit,
            _ if text == "--panic" => log.panic = true,
            _ if text == "--first" => launch.until = Until::FirstEnds,
            _ => {
                launch.argv = std::iter::once(arg).chain(args).collect::<Vec<OsString>>();
                break;
            }
        }
    }
    if !attach.targets.pids.is_empty() {
        let ended = attach.run(&mut log);
        exit(ended.map_or_else(
            |error| {
                eprintln!("wrap: {error}");
                125
            },
            |()| 0,
        ));
    }
    match launch.run(&mut log) {
        Ok(ended) => exit(ended.code()),
        Err(error) => {
            eprintln!("wrap: {error}");
            exit(error.code());
        }
    }
}

/// Traps the numbers, whatever the ABI.
fn filter(numbers: &[u32]) -> Vec<Instruction> {
    let load_number = Instruction { code: 0x20, jt: 0, jf: 0, k: 0 };
    let returns = |k| Instruction { code: 0x06, jt: 0, jf: 0, k };
    let mut filter = vec![load_number];
    for nr in numbers {
        filter.push(Instruction { code: 0x15, jt: 0, jf: 1, k: *nr });
        filter.push(returns(libc::SECCOMP_RET_TRACE));
    }
    filter.push(returns(libc::SECCOMP_RET_ALLOW));
    filter
}

/// Traps the calls of events.
fn filter_of(names: &str) -> Vec<Instruction> {
    let ids = names.split(',').map(|name| event(name).expect("an event").id);
    let ids: Vec<u16> = ids.collect();
    let program = program(&|id| ids.contains(&id), action::TRACE).expect("a filter");
    program.into()
}

/// One line for everything that is told.
struct Log {
    file: Option<File>,
    /// Numbers of `--trap`.
    trapped: Vec<u32>,
    want: Want,
    /// Fail when a program is executed.
    panic: bool,
}

impl Log {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        if let Some(file) = &mut self.file {
            writeln!(file, "{line}").expect("the log can be written");
        }
    }
}

impl Observer for Log {
    fn entry(&mut self, task: Task, call: &Call, memory: &dyn Memory) -> Want {
        if !self.trapped.is_empty() && !self.trapped.contains(&call.nr) {
            return Want::Nothing;
        }
        if self.file.is_some() {
            let text = [call.args[0], call.args[1]].map(|addr| text(addr, memory));
            self.line(format_args!("entry {} {} {} {text:?}", task.tid, call.abi.0, call.nr));
        }
        self.want
    }

    fn exit(&mut self, task: Task, result: i64, _: &dyn Memory) {
        self.line(format_args!("exit {} {result}", task.tid));
    }

    fn found(&mut self, task: Task) {
        assert!(!self.panic, "told to fail");
        self.line(format_args!("found {}", task.tgid));
    }

    fn fork(&mut self, parent: Task, child: Task, how: Fork) {
        self.line(format_args!("fork {} {} {how:?}", parent.tgid, child.tgid));
    }

    fn thread(&mut self, parent: Task, child: Task) {
        self.line(format_args!("thread {} {}", parent.tgid, child.tid));
    }

    fn exec(&mut self, task: Task, former: i32, _: &dyn Memory) {
        assert!(!self.panic, "told to fail");
        let exe = std::fs::read_link(format!("/proc/{}/exe", task.tgid)).unwrap_or_default();
        self.line(format_args!("exec {} {former} {}", task.tgid, exe.display()));
    }

    fn thread_exit(&mut self, task: Task) {
        self.line(format_args!("thread_exit {}", task.tid));
    }

    fn exited(&mut self, task: Task, how: Ended) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", task.tgid));
        self.line(format_args!("exited {} {} {}", task.tgid, how.code(), stat.is_ok()));
    }
}

/// The text at an address, if that is what is there.
fn text(addr: u64, memory: &dyn Memory) -> String {
    let mut buf = [0; 64];
    let read = memory.read(addr, &mut buf);
    let text = buf[..read].split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).into_owned();
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { text } else { String::new() }
}
