use std::collections::HashSet;

use super::*;

/// What a file says, and the errors in it.
fn read(text: &str) -> Result<Config, String> {
    let mut config = Config::default();
    config.read("a.yaml", text).map(|()| config).map_err(|errors| errors.to_string())
}

/// A file in which each wrong line has the message behind `###`.
fn check(text: &str) {
    let expected: Vec<_> = text
        .lines()
        .zip(1..)
        .filter_map(|(line, number)| {
            let (_, message) = line.split_once("### ")?;
            Some(format!("a.yaml:{number}:{message}"))
        })
        .collect();
    assert_eq!(read(text).expect_err("errors").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_of_the_reference() {
    let text = "
runtime_security_config:
  enabled: true
  ebpfless:
    enabled: true
    socket: 127.0.0.1:7777
  policies: {dir: /etc/datadog-agent/runtime-security.d}
  event_server: {rate: 10, burst: 40}
  enforcement:
    exclude_binaries: [/usr/sbin/sshd, /usr/bin/containerd]
    raw_syscall: {enabled: false}
    disarmer: {container: {max_allowed: 7}, executable: {period: 2m}}
";
    let config = read(text).expect("a configuration");
    assert_eq!(config.security.ebpfless.socket.to_string(), "127.0.0.1:7777");
    assert_eq!(config.security.policies.dir, Path::new("/etc/datadog-agent/runtime-security.d"));
    let enforcement = config.security.enforcement;
    assert_eq!(enforcement.exclude_binaries, ["/usr/sbin/sshd", "/usr/bin/containerd"]);
    assert_eq!(enforcement.disarmer.container.max_allowed, 7);
    assert_eq!(enforcement.disarmer.executable.period.as_secs(), 120);
    assert!(enforcement.enabled && !enforcement.dry_run);
}

#[test]
fn all_errors_at_once() {
    check(
        "
runtime_security_config:
  ebpfless:
    enabld: true ### 5: unknown key `enabld` (did you mean `enabled`?)
    socket: nowhere ### 13: expected HOST:PORT or unix:PATH
  enforcement:
    disarmer: {container: {period: soon}} ### 36: expected a time such as `90s` or `1m`
    exclude_binaries: {a: b} ### 23: expected a list of texts without commas, found a map
  polices: {} ### 3: unknown key `polices` (did you mean `policies`?)
sentrace:
  strict: perhaps ### 11: expected `true` or `false`, found `perhaps`
  output: [] ### 11: expected a map, found a list
  server:
    mode: 999 ### 11: expected permission bits such as 0o600
    token_file: {a: b} ### 17: expected a single value, found a map
system_probe: 1 ### 1: unknown key `system_probe`
",
    );
}

#[test]
fn values() {
    let mode = |text: &str| {
        let config = read(&format!("sentrace: {{server: {{mode: {text}}}}}"));
        config.expect("a configuration").sentrace.server.mode
    };
    for text in ["0o660", "660", "0660", "'660'"] {
        assert_eq!(mode(text), 0o660, "{text}");
    }
    assert_eq!(read("").expect("nothing"), Config::default());
}

#[test]
fn the_environment_overrides_the_file() {
    let mut config = read("runtime_security_config: {ebpfless: {socket: a:1}}").expect("valid");
    let pair = |name: &str, value: &str| (name.into(), value.into());
    let set = [pair("SENTRACE_EBPFLESS_SOCKET", "unix:/run/s"), pair("SENTRACE_OTHER", "x")];
    config.take(set.into_iter()).expect("valid");
    assert_eq!(config.security.ebpfless.socket, Address::Unix("/run/s".into()));
    let wrong = config.take([pair("SENTRACE_STRICT", "maybe")].into_iter());
    let message = wrong.expect_err("wrong").to_string();
    assert_eq!(message, "SENTRACE_STRICT: expected `true` or `false`, found `maybe`");
}

/// What is printed is a file that says the same, and names everything that can be set.
#[test]
fn the_printed_configuration_can_be_read() {
    let mut config = Config::default();
    config.sentrace.server.mode = 0o640;
    config.sentrace.output.json = "-".into();
    config.security.enforcement.exclude_binaries = vec!["/bin/a b".into(), "/bin/c".into()];
    let text = serde_yaml::to_string(&config).expect("YAML");
    assert_eq!(read(&text), Ok(config));
    assert!(text.contains("  ebpfless:\n    enabled: true\n"), "{text}");
    for setting in SETTINGS {
        let last = setting.key.rsplit('.').next().unwrap_or_default();
        assert!(text.contains(&format!("{last}:")), "{}", setting.key);
    }
}

#[test]
fn every_setting_has_its_own_key_and_variable_and_is_documented() {
    let manual = include_str!("../../../docs/configuration.md");
    let mut names = HashSet::new();
    for setting in SETTINGS {
        assert!(names.insert(setting.key.to_owned()) && names.insert(setting.env()));
        assert!(manual.contains(&format!("| `{}` | `{}` |", setting.key, setting.env())));
    }
}

#[test]
fn a_missing_file() {
    let missing = Path::new("/nonexistent/sentrace.yaml");
    let error = Config::load(Some(missing), std::iter::empty()).expect_err("no file");
    assert!(error.to_string().starts_with("/nonexistent/sentrace.yaml: "), "{error}");
}
