//! The built-in policy: for each rule what it is about, and what looks like it and is not.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{World, alerts};
use super::*;

/// A line with the id of a rule; below it, with `+`, what it alerts on, and with `-`, what it does
/// not. Below `quiet`, what no rule alerts on. Behind the processes (see [`world`]) stand events;
/// a number repeats one.
const CASES: &str = include_str!("builtin.cases");

fn builtin() -> RuleSet {
    let (rules, diagnostics) = load(&[default_policy()], &host());
    let shown: Vec<_> = diagnostics.iter().map(|d| d.to_string()).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    rules
}

/// Ids of the rules that alert on a case.
fn run(world: &mut World, case: &str) -> BTreeSet<String> {
    world.renew();
    let mut parts = case.split(" :: ");
    let (pid, matches) = world.start(parts.next().unwrap());
    let ids =
        |matches: &[Match]| alerts(matches).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut found = BTreeSet::from_iter(ids(&matches));
    for event in parts {
        let (times, event) = match event.split_once(' ') {
            Some((times, event)) if times.parse::<u32>().is_ok() => (times.parse().unwrap(), event),
            _ => (1, event),
        };
        for _ in 0..times {
            found.extend(ids(&world.event(pid, event)));
        }
    }
    found
}

#[test]
fn cases() {
    let mut world = World::of(builtin());
    let mut seen: BTreeMap<&str, BTreeSet<char>> = BTreeMap::new();
    let mut wrong = String::new();
    let mut rule = "";
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((sign, case)) = line.split_once(' ') else {
            rule = line;
            continue;
        };
        let sign = sign.chars().next().unwrap();
        seen.entry(rule).or_default().insert(sign);
        let found = run(&mut world, case);
        let is_right = match (rule, sign) {
            ("quiet", _) => found.is_empty(),
            (_, '+') => found.contains(rule),
            (_, _) => !found.contains(rule),
        };
        if !is_right {
            wrong += &format!("{rule}: {line}: {found:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    seen.remove("quiet");
    let rules = builtin();
    let loud = rules.rules().iter().filter(|rule| !rule.silent);
    let ids: BTreeSet<&str> = loud.map(|rule| rule.id.as_str()).collect();
    assert!(ids.len() >= 40);
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), ids);
    for (rule, signs) in seen {
        assert_eq!(signs, ['+', '-'].into(), "{rule}");
    }
}

/// Whoever gets an alert is told what it means.
#[test]
fn rules_are_described() {
    for rule in builtin().rules() {
        assert!(rule.description.len() > 20, "{}", rule.id);
        let technique = &rule.tags["technique"];
        let is_id = technique.starts_with('T') && technique[1..5].parse::<u32>().is_ok();
        assert!(is_id && !rule.tags["tactic"].is_empty(), "{}", rule.id);
    }
}
