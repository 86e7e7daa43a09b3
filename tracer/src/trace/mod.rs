//! The commands `trace` and `attach`: run an application, or attach to processes, and report what
//! they do to a probe.
//!
//! Flags and variables have the names that users of other agents of this kind know.

mod attach;
mod hello;
mod verbose;

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args};
use sentrace_bpf::{CompileError, action};
use sentrace_schema::address::{Address, AddressError};
use sentrace_schema::wire::{Event, Hello, Mode};
use tracing::level_filters::LevelFilter;

use crate::attach::{Attach, AttachError, Follow, Targets};
use crate::launch::{CallStops, Engine, Launch, LaunchError, Until};
use crate::resolve::{self, Resolver};
use crate::session::{Session, Sink, Wanted};
use crate::transport::{Client, Config, Limits, Outcome, QueueSink};
pub use attach::{AttachArgs, TargetArgs, attach};
use verbose::Verbose;

/// How long the application's start waits for the answer of a probe that is there.
const WELCOME: Duration = Duration::from_secs(1);
/// How long the end waits for the probe to take what is queued.
const FLUSH: Duration = Duration::from_secs(1);
/// Variable with the token. The application does not get it.
const TOKEN: &str = "SENTRACE_TOKEN";

/// Options of `trace`.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// Which probe.
    #[command(flatten)]
    pub probe: ProbeArgs,
    /// Attach to this running process, with its threads and children, instead of running one
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub pid: Vec<i32>,
    /// Run the application as this user; -1: as the tracer's
    #[arg(long, value_name = "UID", default_value = "-1", allow_negative_numbers = true)]
    #[arg(hide_default_value = true)]
    pub uid: Id,
    /// Run the application as this group; -1: as the tracer's
    #[arg(long, value_name = "GID", default_value = "-1", allow_negative_numbers = true)]
    #[arg(hide_default_value = true)]
    pub gid: Id,
    /// How system calls are caught
    #[arg(long, value_enum, default_value_t, conflicts_with = "pid")]
    pub engine: Engine,
    /// Install no seccomp filter: every call of the application stops, which takes long
    #[arg(long, action = ArgAction::SetTrue, value_parser = switch)]
    #[arg(env = "DD_CWS_INSTRUMENTATION_SECCOMP_DISABLED")]
    pub disable_seccomp: bool,
    /// Accepted; attributes of files are always reported
    #[arg(long, action = ArgAction::SetTrue, value_parser = switch)]
    #[arg(env = "DD_CWS_INSTRUMENTATION_STATS_DISABLED")]
    pub disable_stats: bool,
    /// Accepted; there is no scan of other processes yet
    #[arg(long, action = ArgAction::SetTrue, value_parser = switch)]
    #[arg(env = "DD_CWS_INSTRUMENTATION_PROC_SCAN_DISABLED")]
    pub disable_proc_scan: bool,
    /// Accepted; there is no scan of other processes yet
    #[arg(long, value_name = "DURATION", env = "DD_CWS_INSTRUMENTATION_PROC_SCAN_RATE")]
    pub proc_scan_rate: Option<String>,
    /// The application and its arguments
    #[arg(required_unless_present = "pid", conflicts_with = "pid")]
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Which probe, and what it is told about this tracer.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// Where the probe listens; empty: events are not sent
    #[arg(long, value_name = "HOST:PORT|unix:PATH", default_value = "localhost:5678")]
    pub probe_addr: Destination,
    /// Begin without waiting for the probe's answer
    ///
    /// All events are reported then, also those that no rule of the probe needs.
    #[arg(long = "async")]
    pub is_async: bool,
    /// File with the token that the probe wants to see; else $SENTRACE_TOKEN is the token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Log events
    #[arg(long)]
    pub verbose: bool,
    /// Log more
    #[arg(long)]
    pub debug: bool,
    /// Id of the container, if it is not to be found out
    #[arg(long, value_name = "ID", env = "DD_CONTAINER_ID")]
    pub container_id: Option<OsString>,
}

/// Where events go, if anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(pub Option<Address>);

impl FromStr for Destination {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = Some(text).filter(|text| !text.is_empty());
        Ok(Self(address.map(str::parse).transpose()?))
    }
}

/// A user or group id; `None` is written -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub Option<u32>);

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<i64>() {
            Ok(-1) => Ok(Self(None)),
            // The largest number stands for "unchanged" in the kernel's calls.
            Ok(id) if (0..i64::from(u32::MAX)).contains(&id) => Ok(Self(Some(id as u32))),
            _ => Err("expected a number from 0 to 4294967294, or -1"),
        }
    }
}

/// Why an application was not traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It was not launched.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The processes were not watched.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Nothing can be found out about it.
    #[error(transparent)]
    Resolve(#[from] resolve::Error),
    /// There is nothing to follow.
    #[error("--follow needs --exe or --name: a process id is not used again")]
    Follow,
    /// There is no filter for what is wanted.
    #[error("cannot make a seccomp filter: {0}")]
    Filter(#[from] CompileError),
    /// The token cannot be read.
    #[error("cannot read the token from {}: {}", .0.display(), .1)]
    Token(PathBuf, #[source] io::Error),
}

impl TraceError {
    /// Exit status to end with: 127 not found, 126 not executable, 125 otherwise.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Launch(error) => error.code(),
            _ => 125,
        }
    }
}

impl TraceArgs {
    /// What is to be logged.
    #[must_use]
    pub fn level(&self) -> LevelFilter {
        self.probe.level()
    }
}

impl ProbeArgs {
    /// What is to be logged.
    #[must_use]
    pub fn level(&self) -> LevelFilter {
        match (self.debug, self.verbose) {
            (true, _) => LevelFilter::DEBUG,
            (false, true) => LevelFilter::INFO,
            (false, false) => LevelFilter::WARN,
        }
    }
}

/// Runs the application to its end, or watches the processes to theirs; the exit status.
///
/// # Errors
/// It did not begin, or was not watched to its end.
pub fn trace(args: &TraceArgs) -> Result<i32, TraceError> {
    tell_idle_options(args);
    if !args.pid.is_empty() {
        let targets = Targets { pids: args.pid.clone(), ..Targets::default() };
        return attach::report(&Attach { targets, follow: Follow::Once }, &args.probe);
    }
    let resolver = Resolver::new()?;
    // Only ptrace needs no filter.
    let engine = if args.disable_seccomp { Engine::Ptrace } else { args.engine.choose().engine };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let argv = hello::beginning(args.command.iter().map(|arg| arg.as_bytes()));
    let hello = Hello { mode: Mode::Wrapped, argv, ..hello::hello(own, engine, &resolver) };
    let reporter = Reporter::start(&args.probe, hello)?;
    let launch = launch(args, engine, &reporter.wanted)?;
    let ended = reporter.watch(resolver, |session| launch.run(session))?;
    Ok(ended.code())
}

/// Takes what a session reports to the probe, if there is one.
struct Reporter {
    client: Option<Client>,
    wanted: Wanted,
    is_verbose: bool,
}

impl Reporter {
    /// Connects. That there is no probe does not keep the application from running.
    fn start(args: &ProbeArgs, hello: Hello) -> Result<Self, TraceError> {
        let container = args.container_id.as_ref().map(|id| id.as_bytes().to_vec());
        let container = container.unwrap_or(hello.container);
        let hello = Hello { container, token: token(args)?, ..hello };
        let client = args.probe_addr.0.clone().and_then(|address| {
            let client = Client::start(Config { address, hello, limits: Limits::default() });
            client.inspect_err(|error| tracing::error!("cannot send events: {error}")).ok()
        });
        let answer = client.as_ref().filter(|_| !args.is_async);
        let answer = answer.and_then(|client| client.wanted(WELCOME));
        let wanted = answer.unwrap_or_else(Wanted::all);
        Ok(Self { client, wanted, is_verbose: args.verbose })
    }

    /// Reports what `watch` tells the session.
    fn watch<T>(self, resolver: Resolver, watch: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let Self { client, wanted, is_verbose } = self;
        let output = client.as_ref().map(|client| Output::Probe(client.sink()));
        let mut output = output.unwrap_or(Output::Nowhere);
        let mut verbose = Verbose(&mut output);
        let sink: &mut (dyn Sink + Send) = if is_verbose { &mut verbose } else { verbose.0 };
        let mut session = Session::new(resolver, sink).wanting(wanted);
        if let Some(client) = &client {
            client.observe(session.counters());
        }
        let result = watch(&mut session);
        if let Some(client) = client {
            let Outcome { undelivered, dropped } = client.finish(FLUSH);
            if undelivered + dropped > 0 {
                tracing::warn!(undelivered, dropped, "the probe has not got all events");
            }
        }
        result
    }
}

/// The application, with a filter for what is wanted.
fn launch(args: &TraceArgs, engine: Engine, wanted: &Wanted) -> Result<Launch, TraceError> {
    let filter = wanted.filter(action::TRACE)?.into();
    let mut launch = Launch::new(args.command.clone(), filter);
    launch.engine = engine;
    if args.disable_seccomp {
        launch.stops = CallStops::Every;
    }
    (launch.uid, launch.gid) = (args.uid.0, args.gid.0);
    if std::env::var_os(TOKEN).is_some() {
        launch.env = Some(std::env::vars_os().filter(|(name, _)| name != TOKEN).collect());
    }
    if std::process::id() == 1 {
        launch.until = Until::FirstEnds;
    }
    Ok(launch)
}

/// Where events go.
enum Output {
    Nowhere,
    Probe(QueueSink),
}

impl Sink for Output {
    fn event(&mut self, event: Event) {
        match self {
            Self::Nowhere => {}
            Self::Probe(queue) => queue.event(event),
        }
    }
}

/// The token to show to the probe; empty when there is none.
fn token(args: &ProbeArgs) -> Result<Vec<u8>, TraceError> {
    use std::os::unix::ffi::OsStringExt;
    let Some(path) = &args.token_file else {
        return Ok(std::env::var_os(TOKEN).unwrap_or_default().into_vec());
    };
    let text = fs::read(path).map_err(|error| TraceError::Token(path.clone(), error))?;
    Ok(text.trim_ascii_end().to_vec())
}

/// Says which options are accepted only.
fn tell_idle_options(args: &TraceArgs) {
    let options = [
        (args.disable_stats, "--disable-stats"),
        (args.disable_proc_scan, "--disable-proc-scan"),
        (args.proc_scan_rate.is_some(), "--proc-scan-rate"),
    ];
    for (_, option) in options.iter().filter(|(given, _)| *given) {
        tracing::info!("{option} has no effect");
    }
}

/// A variable that switches something on: `true`, in any case.
fn switch(text: &str) -> Result<bool, Infallible> {
    Ok(text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: TraceArgs,
    }

    fn parse(line: &str) -> Result<TraceArgs, clap::Error> {
        let words = std::iter::once("trace").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args)
    }

    #[test]
    fn the_command_is_taken_as_it_is() {
        for line in ["--async -- ls -l --async", "--async ls -l --async"] {
            let args = parse(line).unwrap();
            assert_eq!(args.command, ["ls", "-l", "--async"]);
            assert!(args.probe.is_async);
        }
        assert!(parse("").is_err());
        assert!(parse("--async").is_err());
        assert!(parse("--asynk -- ls").is_err());
    }

    #[test]
    fn ids_and_addresses() {
        let args = parse("-- ls").unwrap();
        assert_eq!((args.uid, args.gid), (Id(None), Id(None)));
        assert_eq!(args.probe.probe_addr, "localhost:5678".parse().unwrap());
        let args = parse("--uid 0 --gid=-1 --probe-addr unix:/run/probe ls").unwrap();
        assert_eq!((args.uid, args.gid), (Id(Some(0)), Id(None)));
        assert_eq!(args.probe.probe_addr, Destination(Some(Address::Unix("/run/probe".into()))));
        assert_eq!(parse("--probe-addr= ls").unwrap().probe.probe_addr, Destination(None));
        for line in ["--uid x ls", "--uid -2 ls", "--gid 4294967295 ls", "--probe-addr x ls"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
