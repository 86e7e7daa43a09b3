//! The command `trace`: runs an application and reports what it does to a probe.
//!
//! Flags and variables have the names that users of other agents of this kind know.

mod hello;
mod verbose;

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args};
use sentrace_bpf::{CompileError, action};
use sentrace_schema::address::{Address, AddressError};
use sentrace_schema::wire::Event;
use tracing::level_filters::LevelFilter;

use crate::engine::Ended;
use crate::guardian::{self, Guard};
use crate::launch::{Engine, Launch, LaunchError, Until};
use crate::resolve::{self, Resolver};
use crate::session::{Session, Sink, Wanted};
use crate::transport::{Client, Config, Limits, Outcome, QueueSink};
use verbose::Verbose;

/// How long the application's start waits for the answer of a probe that is there.
const WELCOME: Duration = Duration::from_secs(1);
/// How long the end waits for the probe to take what is queued.
const FLUSH: Duration = Duration::from_secs(1);
/// Time for a process to begin and end.
const SLACK: Duration = Duration::from_secs(1);
/// Variable with the token. The application does not get it.
const TOKEN: &str = "SENTRACE_TOKEN";

/// Options of `trace`.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// Where the probe listens; empty: events are not sent
    #[arg(long, value_name = "HOST:PORT|unix:PATH", default_value = "localhost:5678")]
    pub probe_addr: Destination,
    /// Start the application without waiting for the probe's answer
    ///
    /// All events are reported then, also those that no rule of the probe needs.
    #[arg(long = "async")]
    pub is_async: bool,
    /// Run the application as this user; -1: as the tracer's
    #[arg(long, value_name = "UID", default_value = "-1", allow_negative_numbers = true)]
    #[arg(hide_default_value = true)]
    pub uid: Id,
    /// Run the application as this group; -1: as the tracer's
    #[arg(long, value_name = "GID", default_value = "-1", allow_negative_numbers = true)]
    #[arg(hide_default_value = true)]
    pub gid: Id,
    /// File with the token that the probe wants to see; else $SENTRACE_TOKEN is the token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Log events
    #[arg(long)]
    pub verbose: bool,
    /// Log more
    #[arg(long)]
    pub debug: bool,
    /// How system calls are caught
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// What is done about failures of what watches
    #[command(flatten)]
    pub guard: Guard,
    /// Install no seccomp filter: only the life of processes is reported
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
    /// Id of the container, if it is not to be found out
    #[arg(long, value_name = "ID", env = "DD_CONTAINER_ID")]
    pub container_id: Option<OsString>,
    /// The application and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    pub command: Vec<OsString>,
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
    /// Nothing can be found out about it.
    #[error(transparent)]
    Resolve(#[from] resolve::Error),
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
        match (self.debug, self.verbose) {
            (true, _) => LevelFilter::DEBUG,
            (false, true) => LevelFilter::INFO,
            (false, false) => LevelFilter::WARN,
        }
    }
}

/// Runs the application to its end.
///
/// # Errors
/// It did not begin, or was not watched to its end.
pub fn trace(args: &TraceArgs) -> Result<Ended, TraceError> {
    tell_idle_options(args);
    let resolver = Resolver::new()?;
    // Only ptrace needs no filter.
    let engine = if args.disable_seccomp { Engine::Ptrace } else { args.engine.choose().engine };
    let config = config(args, engine, &resolver)?;
    let guard = Guard::is_possible(engine).then_some(args.guard);
    let answer = config.clone().filter(|_| !args.is_async);
    let (client, answer) = match (guard, answer) {
        // The guardian talks to nobody.
        (Some(_), Some(config)) => (None, ask_apart(config)),
        (Some(_), None) => (None, None),
        (None, answer) => {
            let client = config.clone().and_then(client);
            let asked = client.as_ref().filter(|_| answer.is_some());
            let answer = asked.and_then(|client| client.wanted(WELCOME));
            (client, answer)
        }
    };
    let wanted = answer.unwrap_or_else(Wanted::all);
    let mut launch = launch(args, engine, &wanted)?;
    launch.guard = guard;
    launch.run_guarded(|post| {
        let client = client.or_else(|| config.and_then(self::client));
        let resolver = Resolver::new()?;
        let mut output =
            client.as_ref().map_or(Output::Nowhere, |client| Output::Probe(client.sink()));
        let mut verbose = Verbose(&mut output);
        let sink: &mut dyn Sink = if args.verbose { &mut verbose } else { verbose.0 };
        let numbers = post.numbers();
        let mut session = Session::new(resolver, sink).wanting(wanted).numbering(numbers);
        if let Some(client) = &client {
            client.observe(session.counters());
        }
        let ended = post.watch(&mut session);
        if let Some(client) = client {
            let Outcome { undelivered, dropped } = client.finish(FLUSH);
            if undelivered + dropped > 0 {
                tracing::warn!(undelivered, dropped, "the probe has not got all events");
            }
        }
        Ok(ended?)
    })
}

/// Asks the probe from a process of its own what it wants.
fn ask_apart(config: Config) -> Option<Wanted> {
    let ask = || client(config)?.wanted(WELCOME).map(|wanted| wanted.to_bytes());
    let answer = guardian::ask(|| ask().unwrap_or_default(), WELCOME + SLACK)?;
    Some(answer).filter(|answer| !answer.is_empty()).map(|answer| Wanted::from_bytes(&answer))
}

/// The probe to report to, and who we are, if there is one.
fn config(
    args: &TraceArgs,
    engine: Engine,
    resolver: &Resolver,
) -> Result<Option<Config>, TraceError> {
    let Some(address) = args.probe_addr.0.clone() else { return Ok(None) };
    let hello = hello::hello(args, engine, resolver, token(args)?);
    Ok(Some(Config { address, hello, limits: Limits::default() }))
}

/// The way to the probe. That there is none does not keep the application from running.
fn client(config: Config) -> Option<Client> {
    let client = Client::start(config);
    client.inspect_err(|error| tracing::error!("cannot send events: {error}")).ok()
}

/// The application, with a filter for what is wanted.
fn launch(args: &TraceArgs, engine: Engine, wanted: &Wanted) -> Result<Launch, TraceError> {
    let filter = if args.disable_seccomp {
        tracing::warn!("without a seccomp filter, only the life of processes is reported");
        Vec::new()
    } else {
        wanted.filter(action::TRACE)?.into()
    };
    let mut launch = Launch::new(args.command.clone(), filter);
    launch.engine = engine;
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
fn token(args: &TraceArgs) -> Result<Vec<u8>, TraceError> {
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
            assert!(args.is_async);
        }
        assert!(parse("").is_err());
        assert!(parse("--async").is_err());
        assert!(parse("--asynk -- ls").is_err());
    }

    #[test]
    fn ids_and_addresses() {
        let args = parse("-- ls").unwrap();
        assert_eq!((args.uid, args.gid), (Id(None), Id(None)));
        assert_eq!(args.probe_addr, "localhost:5678".parse().unwrap());
        let args = parse("--uid 0 --gid=-1 --probe-addr unix:/run/probe ls").unwrap();
        assert_eq!((args.uid, args.gid), (Id(Some(0)), Id(None)));
        assert_eq!(args.probe_addr, Destination(Some(Address::Unix("/run/probe".into()))));
        assert_eq!(parse("--probe-addr= ls").unwrap().probe_addr, Destination(None));
        for line in ["--uid x ls", "--uid -2 ls", "--gid 4294967295 ls", "--probe-addr x ls"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
