//! `sentrace probe`: the server for many tracers.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use sentrace_probe::config::Config;
use sentrace_probe::pipeline::Pipeline;
use sentrace_probe::rules::HostModel;
use sentrace_probe::server::{self, ServerConfig};
use sentrace_schema::address::Address;

use super::config;
use super::log::Verbosity;
use super::outputs::Outputs;
use super::policies::Policies;

/// Receive events of tracers, and raise alerts
///
/// Listens for tracers (`sentrace trace`), keeps the processes of each, evaluates the rules, and
/// writes alerts, with --events all events, to stderr, or as JSON to where --json says. It runs
/// until it gets SIGTERM or SIGINT.
///
/// Flags override the environment (SENTRACE_*), which overrides the configuration file; `sentrace
/// config` shows what they come to.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Probe {
    #[command(flatten)]
    from: config::From,
    /// Where tracers connect: HOST:PORT or unix:PATH
    #[arg(long, value_name = "ADDR")]
    listen: Option<Address>,
    #[command(flatten)]
    policies: Policies,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
}

const EXAMPLES: &str = "\
Examples:
  Alerts of all tracers of this machine, as JSON lines:
    sentrace probe --policy /etc/sentrace/policies.d --json /var/log/sentrace.json
  On a socket in a volume that containers share:
    sentrace probe --listen unix:/run/sentrace/probe.sock";

impl Probe {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.configuration()?;
        if !config.security.ebpfless.enabled {
            bail!("the probe is disabled: runtime_security_config.ebpfless.enabled is false");
        }
        // Before any other thread is started, so that they are blocked in all of them.
        let end = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
        end.thread_block().context("cannot block signals")?;
        let host = HostModel::detect();
        let rules = self.policies(&config).load(&host)?;
        let own = &config.sentrace.output;
        let json = Some(own.json.clone()).filter(|path| !path.as_os_str().is_empty());
        let outputs = Outputs { events: own.events, json };
        let pipeline = Pipeline::new(rules).enforcing(config.security.enforcement.clone());
        let pipeline = pipeline.to(outputs.open(&host)?);
        let listen = server_config(&config)?;
        let address = listen.listen.clone();
        let server = server::start(listen, pipeline);
        let server = server.with_context(|| format!("cannot listen on {address}"))?;
        let signal = end.wait().context("cannot wait for signals")?;
        tracing::info!("ending for {signal}");
        server.shutdown();
        Ok(ExitCode::SUCCESS)
    }

    /// The configuration with what flags say.
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = self.from.load()?;
        if let Some(listen) = &self.listen {
            config.security.ebpfless.socket = listen.clone();
        }
        if let Some(json) = &self.outputs.json {
            config.sentrace.output.json = json.clone();
        }
        config.sentrace.output.events |= self.outputs.events;
        config.sentrace.strict |= self.policies.strict;
        Ok(config)
    }

    /// The policies that flags name, or else those of the directory, if it is there.
    fn policies(&self, config: &Config) -> Policies {
        let mut paths = self.policies.paths.clone();
        let directory = &config.security.policies.dir;
        if paths.is_empty() && directory.exists() {
            paths.push(directory.clone());
        }
        Policies { paths, strict: config.sentrace.strict }
    }
}

fn server_config(config: &Config) -> anyhow::Result<ServerConfig> {
    let own = &config.sentrace.server;
    let mut server = ServerConfig::new(config.security.ebpfless.socket.clone());
    (server.mode, server.insecure) = (own.mode, own.insecure);
    if own.token_file != Path::new("") {
        let token = fs::read(&own.token_file);
        let token = token.with_context(|| own.token_file.display().to_string())?;
        server.token = Some(token.trim_ascii_end().to_vec());
    }
    Ok(server)
}
