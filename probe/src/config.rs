//! The configuration: what a file, the environment and flags say, resolved to one [`Config`].
//!
//! A file is YAML. Keys below `runtime_security_config` are those of the reference, so that its
//! files can be used; ours are below `sentrace`. All settings stand in one table
//! (`settings::SETTINGS`), from which the file and the environment are read.

mod file;
mod settings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sentrace_schema::address::Address;
use sentrace_yaml::Errors;
use serde::{Serialize, Serializer};
use thiserror::Error;

pub use settings::{SETTINGS, Setting};

/// Where the configuration is when nothing else is said; it need not be there.
pub const DEFAULT_FILE: &str = "/etc/sentrace/sentrace.yaml";

/// What counts. Serialized, it is a configuration file that says the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Config {
    /// What the reference has, too.
    #[serde(rename = "runtime_security_config")]
    pub security: Security,
    /// What only we have.
    pub sentrace: Own,
}

/// `runtime_security_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Security {
    /// `ebpfless`.
    pub ebpfless: Ebpfless,
    /// `enforcement`.
    pub enforcement: Enforcement,
    /// `policies`.
    pub policies: Policies,
}

/// `runtime_security_config.ebpfless`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ebpfless {
    /// Whether the probe may run.
    pub enabled: bool,
    /// Where tracers connect.
    #[serde(serialize_with = "address")]
    pub socket: Address,
}

/// `runtime_security_config.enforcement`: what rules may do to processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enforcement {
    /// Whether they may kill at all.
    pub enabled: bool,
    /// Whether nothing is killed, but reported as if.
    pub dry_run: bool,
    /// Paths of executables whose processes are never killed.
    pub exclude_binaries: Vec<String>,
    /// Whose rules may kill; all of ours are `file`.
    pub rule_source_allowed: Vec<String>,
    /// `disarmer`.
    pub disarmer: Disarmers,
}

/// `runtime_security_config.enforcement.disarmer`: when a rule has killed so widely that it may
/// kill no more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Disarmers {
    /// Counts different containers.
    pub container: Guard,
    /// Counts different executables.
    pub executable: Guard,
}

/// A bound on how widely a rule kills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Whether there is a bound.
    pub enabled: bool,
    /// So many different ones may be hit within the period.
    pub max_allowed: u64,
    /// The period, and how long the rule is disarmed then.
    #[serde(serialize_with = "seconds")]
    pub period: Duration,
}

/// `runtime_security_config.policies`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policies {
    /// Directory with the `*.policy` files.
    pub dir: PathBuf,
}

/// `sentrace`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Own {
    /// `output`.
    pub output: Output,
    /// `server`.
    pub server: Server,
    /// Whether a policy with errors is a reason not to start.
    pub strict: bool,
}

/// `sentrace.output`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Output {
    /// Whether all events are written, not only alerts.
    pub events: bool,
    /// File for JSON lines, `-` for stdout; text goes to stderr when it is empty.
    pub json: PathBuf,
}

/// `sentrace.server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Whether to listen on addresses that other machines reach, without encryption.
    pub insecure: bool,
    /// Permission bits of a Unix socket.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// File with the token that tracers have to know; none when it is empty.
    pub token_file: PathBuf,
}

impl Default for Ebpfless {
    fn default() -> Self {
        let socket = Address::Tcp { host: "localhost".into(), port: 5678 };
        Self { enabled: true, socket }
    }
}

impl Default for Enforcement {
    fn default() -> Self {
        Self {
            enabled: true,
            dry_run: false,
            exclude_binaries: Vec::new(),
            rule_source_allowed: vec!["file".into(), "remote-config".into()],
            disarmer: Disarmers::default(),
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self { enabled: true, max_allowed: 5, period: Duration::from_secs(60) }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self { dir: "/etc/sentrace/policies.d".into() }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { insecure: false, mode: 0o600, token_file: PathBuf::new() }
    }
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It says something wrong: one line for each error.
    #[error("{0}")]
    File(Errors),
    /// A variable of the environment has a value that it cannot have.
    #[error("{name}: {message}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// The defaults, overridden by a file, overridden by the environment (`SENTRACE_*`).
    ///
    /// # Errors
    /// The file does not exist (unless it is the default one), or it or the environment says
    /// something wrong.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => config.read(&path.to_string_lossy(), &text).map_err(ConfigError::File)?,
            Err(error) if error.kind() == ErrorKind::NotFound && file.is_none() => {}
            Err(error) => return Err(ConfigError::Read { path: path.into(), error }),
        }
        config.take(environment)?;
        Ok(config)
    }

    /// Takes what the environment says.
    fn take(
        &mut self,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let Some(setting) = SETTINGS.iter().find(|setting| setting.env() == name) else {
                continue;
            };
            let value = value.to_str().ok_or_else(|| "expected text in UTF-8".to_owned());
            let set = value.and_then(|value| (setting.set)(self, value));
            set.map_err(|message| ConfigError::Variable { name: name.to_owned(), message })?;
        }
        Ok(())
    }
}

fn address<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:#o}"))
}

fn seconds<S: Serializer>(period: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", period.as_secs()))
}
