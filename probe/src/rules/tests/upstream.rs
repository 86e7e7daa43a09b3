//! The default policy of the reference agent (tests/policies).

use std::collections::BTreeSet;

use super::world::{World, alerts};
use super::*;
use crate::secl::Owned;

const POLICY: &str = include_str!("../../../../tests/policies/upstream-default.policy");

/// Every rule for Linux, whatever version of the agent it is for, means something here.
#[test]
fn all_rules_compile() {
    let is_version = |line: &&str| line.trim_start().starts_with("agent_version:");
    let text = POLICY.lines().filter(|line| !is_version(line)).collect::<Vec<_>>().join("\n");
    let (rules, diagnostics) = load(&[source("default.policy", &text)], &host());
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{}", errors[0]);
    let ids: BTreeSet<_> = rules.rules().iter().map(|rule| &rule.id).collect();
    assert_eq!(ids.len(), 282);
}

/// As it is, with warnings about types of events that nothing reports, and no others.
#[test]
fn it_loads_unchanged() {
    let (rules, diagnostics) = load(&[source("default.policy", POLICY)], &host());
    let unseen: BTreeSet<&str> = diagnostics
        .iter()
        .map(|d| {
            let event = d.message.strip_prefix("nothing reports events of type `");
            event.and_then(|rest| rest.split('`').next()).unwrap_or_else(|| panic!("{d}"))
        })
        .collect();
    assert_eq!(unseen, ["cgroup_write", "dns", "imds", "packet", "selinux"].into());
    let ids: BTreeSet<_> = rules.rules().iter().map(|rule| &rule.id).collect();
    // Some are for older versions of the agent.
    assert!(ids.len() > 250, "{}", ids.len());
}

/// Rules that hang together by variables: of control groups, and inherited ones of processes.
#[test]
fn its_variables_work() {
    let (rules, _) = load(&[source("default.policy", POLICY)], &host());
    let mut world = World::of(rules);
    let (cat, _) = world.start("cgroup.id=g1 /usr/bin/cat");
    let mut open = |path: &str| {
        let matches = world.event(cat, &format!("open file.path={path}"));
        alerts(&matches).contains(&"bulk_credential_harvesting")
    };
    assert!(!open("/root/.aws/credentials") && !open("/root/.ssh/id_rsa"));
    assert!(open("/root/.docker/config.json"));

    let (_, matches) = world.start("/usr/sbin/nginx > /usr/bin/dash -c whoami > /usr/bin/whoami");
    assert_eq!(alerts(&matches), ["exec_whoami_v2"]);
    let key = matches[0].variables.iter().find(|(name, _)| name == "process.correlation_key");
    let Some((_, Owned::Str(key))) = key else { panic!("{:?}", matches[0].variables) };
    assert!(key.starts_with(b"spawned_shell_"));
}
