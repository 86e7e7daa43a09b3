//! What watching costs: runs workloads untraced and under every engine, in turns, and prints the
//! least times, which other load disturbs least. `cost [ROUNDS]`; build it with `--release`.
//!
//! The observer reads the path of each file that is opened, and wants the results or not.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use sentrace_bpf::action;
use sentrace_schema::event;
use sentrace_tracer::engine::{Call, Observer, Task, Want};
use sentrace_tracer::filter::program;
use sentrace_tracer::launch::{Engine, Launch};
use sentrace_tracer::memory::Memory;

/// A workload, and how many times it does what is measured.
struct Work {
    name: &'static str,
    argv: &'static [&'static str],
    /// 0: it is measured as a whole.
    times: u32,
}

/// `cost` itself does those without a path.
const WORKS: &[Work] = &[
    Work { name: "open, close", argv: &["open", "2000"], times: 2000 },
    Work { name: "fork, exec, wait", argv: &["exec", "30"], times: 30 },
    Work { name: "thread", argv: &["thread", "300"], times: 300 },
    Work { name: "find /usr/lib", argv: &["/usr/bin/find", "/usr/lib"], times: 0 },
];

const WAYS: &[(&str, Option<(Engine, Want)>)] = &[
    ("untraced", None),
    ("notify", Some((Engine::Notify, Want::Nothing))),
    ("ptrace", Some((Engine::Ptrace, Want::Nothing))),
    ("notify, results", Some((Engine::Notify, Want::Exit))),
    ("ptrace, results", Some((Engine::Ptrace, Want::Exit))),
];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, work, times, result] = args.as_slice() {
        return do_work(work, times.parse().expect("a number"), result);
    }
    let rounds = args.get(1).map_or(15, |rounds| rounds.parse().expect("a number of rounds"));
    let result = std::env::temp_dir().join(format!("cost-{}", std::process::id()));
    for work in WORKS {
        let mut least = vec![Duration::MAX; WAYS.len()];
        for _ in 0..rounds {
            for (way, least) in WAYS.iter().zip(&mut least) {
                *least = time(work, way.1, &result).min(*least);
            }
        }
        eprintln!("{}", work.name);
        for ((name, _), took) in WAYS.iter().zip(&least) {
            let ratio = took.as_secs_f64() / least[0].as_secs_f64();
            let each = took.as_secs_f64() / f64::from(work.times.max(1)) * 1e6;
            eprintln!("  {name:16} {each:10.2} µs {ratio:6.2}");
        }
    }
    let _ = std::fs::remove_file(result);
}

/// Runs a workload once. It writes to `result` how long it took; others are timed from outside.
fn time(work: &Work, way: Option<(Engine, Want)>, result: &Path) -> Duration {
    let mut argv: Vec<OsString> = work.argv.iter().map(OsString::from).collect();
    if !work.argv[0].starts_with('/') {
        argv.insert(0, std::env::current_exe().expect("a path").into());
        argv.push(result.into());
    }
    // The output of find(1).
    let (shell, script) = ("/bin/sh".into(), "exec \"$0\" \"$@\" >/dev/null".into());
    argv.splice(0..0, [shell, "-c".into(), script]);
    let begin = Instant::now();
    match way {
        None => {
            let status = Command::new(&argv[0]).args(&argv[1..]).status();
            assert!(status.is_ok_and(|status| status.success()));
        }
        Some((engine, want)) => {
            let open = event("open").expect("an event").id;
            let filter = program(&|id| id == open, action::TRACE).expect("a filter");
            let mut launch = Launch::new(argv, filter.into());
            launch.engine = engine;
            match launch.run(&mut Reads(want)) {
                Ok(ended) => assert_eq!(ended.code(), 0),
                Err(error) => {
                    eprintln!("cost: {error}");
                    exit(error.code());
                }
            }
        }
    }
    let all = begin.elapsed();
    if work.times == 0 {
        return all;
    }
    let nanos = std::fs::read_to_string(result).expect("a result");
    Duration::from_nanos(nanos.parse().expect("a number"))
}

fn do_work(work: &str, times: u32, result: &str) {
    let begin = Instant::now();
    for _ in 0..times {
        match work {
            "open" => drop(File::open("/etc/hostname")),
            "exec" => assert!(Command::new("/bin/true").status().is_ok()),
            _ => assert!(std::thread::spawn(|| ()).join().is_ok()),
        }
    }
    let took = begin.elapsed().as_nanos().to_string();
    std::fs::write(result, took).expect("a file");
}

/// An observer that reads paths.
struct Reads(Want);

impl Observer for Reads {
    fn entry(&mut self, _: Task, call: &Call, memory: &dyn Memory) -> Want {
        let mut path = [0; 256];
        memory.read(call.args[1], &mut path);
        self.0
    }
}
