//! The settings, one a row.

use std::path::PathBuf;
use std::time::Duration;

use sentrace_schema::address::AddressError;

use super::Config;

/// Something that can be set; docs/configuration.md says what it means.
#[derive(Debug)]
pub struct Setting {
    /// Its place in the file, dotted.
    pub key: &'static str,
    /// Sets it to what a text says, or tells what is wrong with that.
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

/// All settings.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "runtime_security_config.ebpfless.enabled",
        set: |config, text| bool(text, &mut config.security.ebpfless.enabled),
    },
    Setting {
        key: "runtime_security_config.ebpfless.socket",
        set: |config, text| {
            let address = text.parse().map_err(|error: AddressError| error.to_string())?;
            config.security.ebpfless.socket = address;
            Ok(())
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.container.enabled",
        set: |config, text| bool(text, &mut config.security.enforcement.disarmer.container.enabled),
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.container.max_allowed",
        set: |config, text| {
            count(text, &mut config.security.enforcement.disarmer.container.max_allowed)
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.container.period",
        set: |config, text| {
            period(text, &mut config.security.enforcement.disarmer.container.period)
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.executable.enabled",
        set: |config, text| {
            bool(text, &mut config.security.enforcement.disarmer.executable.enabled)
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.executable.max_allowed",
        set: |config, text| {
            count(text, &mut config.security.enforcement.disarmer.executable.max_allowed)
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.disarmer.executable.period",
        set: |config, text| {
            period(text, &mut config.security.enforcement.disarmer.executable.period)
        },
    },
    Setting {
        key: "runtime_security_config.enforcement.dry_run",
        set: |config, text| bool(text, &mut config.security.enforcement.dry_run),
    },
    Setting {
        key: "runtime_security_config.enforcement.enabled",
        set: |config, text| bool(text, &mut config.security.enforcement.enabled),
    },
    Setting {
        key: "runtime_security_config.enforcement.exclude_binaries",
        set: |config, text| list(text, &mut config.security.enforcement.exclude_binaries),
    },
    Setting {
        key: "runtime_security_config.enforcement.rule_source_allowed",
        set: |config, text| list(text, &mut config.security.enforcement.rule_source_allowed),
    },
    Setting {
        key: "runtime_security_config.policies.dir",
        set: |config, text| path(text, &mut config.security.policies.dir),
    },
    Setting {
        key: "sentrace.output.events",
        set: |config, text| bool(text, &mut config.sentrace.output.events),
    },
    Setting {
        key: "sentrace.output.json",
        set: |config, text| path(text, &mut config.sentrace.output.json),
    },
    Setting {
        key: "sentrace.server.insecure",
        set: |config, text| bool(text, &mut config.sentrace.server.insecure),
    },
    Setting {
        key: "sentrace.server.mode",
        set: |config, text| {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777);
            config.sentrace.server.mode = mode.ok_or("expected permission bits such as 0o600")?;
            Ok(())
        },
    },
    Setting {
        key: "sentrace.server.token_file",
        set: |config, text| path(text, &mut config.sentrace.server.token_file),
    },
    Setting { key: "sentrace.strict", set: |config, text| bool(text, &mut config.sentrace.strict) },
];

/// Keys of the reference that say nothing here, with all that is below them.
pub(super) const INERT: &[&str] = &[
    "runtime_security_config.enabled",
    "runtime_security_config.enforcement.raw_syscall",
    "runtime_security_config.envs_with_value",
    "runtime_security_config.event_server",
    "runtime_security_config.hash_resolver",
    "runtime_security_config.remote_configuration",
    "runtime_security_config.socket",
];

/// Settings that are a list in the file; elsewhere, commas separate the elements.
pub(super) const LISTS: &[&str] = &[
    "runtime_security_config.enforcement.exclude_binaries",
    "runtime_security_config.enforcement.rule_source_allowed",
];

impl Setting {
    /// Its environment variable: `SENTRACE_` and the key in capitals, without its first part.
    pub fn env(&self) -> String {
        let (_, name) = self.key.split_once('.').unwrap_or(("", self.key));
        format!("SENTRACE_{}", name.replace('.', "_").to_uppercase())
    }
}

fn bool(text: &str, to: &mut bool) -> Result<(), String> {
    *to = match text.to_ascii_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => return Err(format!("expected `true` or `false`, found `{text}`")),
    };
    Ok(())
}

fn count(text: &str, to: &mut u64) -> Result<(), String> {
    *to = text.parse().map_err(|_| format!("expected a number, found `{text}`"))?;
    Ok(())
}

/// Seconds, minutes or hours: `90s`, `1m`.
fn period(text: &str, to: &mut Duration) -> Result<(), String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let found = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    *to = Duration::from_secs(found.ok_or("expected a time such as `90s` or `1m`")?);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as the other kinds of settings")]
fn list(text: &str, to: &mut Vec<String>) -> Result<(), String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    *to = words.map(str::to_owned).collect();
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as the other kinds of settings")]
fn path(text: &str, to: &mut PathBuf) -> Result<(), String> {
    *to = text.into();
    Ok(())
}
