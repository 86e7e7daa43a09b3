//! The settings, one a row.

use std::path::PathBuf;

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
    "runtime_security_config.enforcement",
    "runtime_security_config.envs_with_value",
    "runtime_security_config.event_server",
    "runtime_security_config.hash_resolver",
    "runtime_security_config.remote_configuration",
    "runtime_security_config.socket",
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

#[expect(clippy::unnecessary_wraps, reason = "as the other kinds of settings")]
fn path(text: &str, to: &mut PathBuf) -> Result<(), String> {
    *to = text.into();
    Ok(())
}
