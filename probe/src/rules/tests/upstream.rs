//! The default policy of the reference agent (tests/policies).

use super::*;

const POLICY: &str = include_str!("../../../../tests/policies/upstream-default.policy");

/// Every rule for Linux, whatever version of the agent it is for, means something here.
#[test]
fn all_rules_compile() {
    let is_version = |line: &&str| line.trim_start().starts_with("agent_version:");
    let text = POLICY.lines().filter(|line| !is_version(line)).collect::<Vec<_>>().join("\n");
    let (rules, diagnostics) = load(&[source("default.policy", &text)], &host());
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    let unknown = |d: &&&Diagnostic| d.message.starts_with("unknown name `");
    assert_eq!(errors.iter().filter(unknown).count(), errors.len(), "{errors:?}");
    let failed = errors.iter().filter(|d| d.rule.is_some()).count();
    assert_eq!(rules.rules().len() + failed, 282);
}
