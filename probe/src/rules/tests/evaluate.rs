//! What matches, how often it alerts, and what it asks others to do.

use super::world::{SECOND, World, alerts};
use super::*;

fn rule(text: &str) -> String {
    format!("rules:\n  - id: r\n    {}\n", text.replace('\n', "\n    "))
}

#[test]
fn rules_match_in_order() {
    let mut world = World::new(
        r#"
version: 1.2.3
macros:
  - id: SHELLS
    values: [sh, bash]
  - id: IS_SHELL
    expression: exec.file.name in SHELLS
rules:
  - {id: low, expression: exec.file.name == "sh", priority: -1}
  - {id: shell, version: 0.1, expression: IS_SHELL, description: A shell, tags: {tactic: TA1, 7: 8}, product_tags: [x]}
  - {id: child, expression: 'IS_SHELL && process.ancestors.comm == "nginx"'}
  - {id: opened, expression: 'open.file.path == "/etc/shadow" && open.retval == 0'}
  - {id: urgent, expression: 'exec.file.name == "sh"', priority: 3}
"#,
    );
    let (pid, matches) = world.start("/usr/sbin/nginx > /bin/sh");
    assert_eq!(alerts(&matches), ["urgent", "shell", "child", "low"]);
    let rule = &matches[1].rule;
    assert_eq!((rule.version.as_str(), rule.description.as_str()), ("0.1", "A shell"));
    assert_eq!(rule.tags.get("7").map(String::as_str), Some("8"));
    assert_eq!(
        (rule.product_tags.as_slice(), rule.event.as_str()),
        (&["x".to_owned()][..], "exec")
    );
    assert_eq!(*rule.policy, PolicyInfo { name: "test.policy".into(), version: "1.2.3".into() });
    assert_eq!(alerts(&world.start("/bin/bash").1), ["shell"]);
    assert_eq!(alerts(&world.event(pid, "open file.path=/etc/shadow")), ["opened"]);
    assert!(world.event(pid, "open file.path=/etc/passwd").is_empty());
    assert!(world.event(pid, "unlink file.path=/etc/shadow").is_empty());
}

#[test]
fn alerts_are_limited() {
    let mut world = World::new(&rule("expression: open.file.path == \"/a\""));
    let (pid, _) = world.start("/bin/cat");
    let hits = |world: &mut World| alerts(&world.event(pid, "open file.path=/a")).len();
    assert_eq!((0..100).map(|_| hits(&mut world)).sum::<usize>(), 40);
    world.now += SECOND / 10;
    assert_eq!(world.event(pid, "open file.path=/a")[0].suppressed, 60);

    let mut world = World::new(&rule("expression: open.file.path =~ \"/*\"\nevery: 5m"));
    let (pid, _) = world.start("/bin/cat");
    let hit =
        |world: &mut World, path| !world.event(pid, &format!("open file.path={path}")).is_empty();
    assert!(hit(&mut world, "/a") && !hit(&mut world, "/b"));
    world.now += 299 * SECOND;
    assert!(!hit(&mut world, "/a"));
    world.now += SECOND;
    assert!(hit(&mut world, "/a"));

    let text = "expression: open.file.path =~ \"/*\"\nevery: 10000000000\n\
                limiter_token: [open.file.path, process.pid]";
    let mut world = World::new(&rule(text));
    let (pid, _) = world.start("/bin/cat");
    let hit =
        |world: &mut World, path| !world.event(pid, &format!("open file.path={path}")).is_empty();
    assert!(hit(&mut world, "/a") && hit(&mut world, "/b") && !hit(&mut world, "/a"));
}

#[test]
fn actions_are_asked_for() {
    let mut world = World::new(
        r#"
rules:
  - id: r
    expression: exec.file.name == "xmrig"
    every: 1h
    actions:
      - kill: {signal: SIGKILL}
      - filter: process.ancestors.comm == "bash"
        kill: {signal: SIGTERM, scope: container, disable_container_disarmer: true}
      - hash: {}
      - hash: {field: process.parent.file, max_file_size: 1024}
      - log: {level: info, message: "miner ${process.pid} %{exec.file.path} \"quoted\""}
      - network_filter: {filter: port 53, policy: drop}
"#,
    );
    let kill = |signal, scope, disable_container_disarmer| {
        ActionRequest::Kill(Kill {
            signal,
            scope,
            disable_container_disarmer,
            disable_executable_disarmer: false,
        })
    };
    let hash =
        |field: &str, max_file_size| ActionRequest::Hash { field: field.into(), max_file_size };
    let log = |pid| ActionRequest::Log {
        level: LogLevel::Info,
        message: format!("miner {pid} /tmp/xmrig \"quoted\""),
    };
    let (pid, matches) = world.start("/tmp/xmrig");
    let mut expected = vec![
        kill(9, KillScope::Process, false),
        hash("exec.file", 5 << 20),
        hash("process.parent.file", 1024),
        log(pid),
    ];
    assert_eq!((matches[0].is_alert, &matches[0].actions), (true, &expected));
    // The rate limit holds back alerts, not actions.
    let (pid, matches) = world.start("/bin/bash > /tmp/xmrig");
    expected.insert(1, kill(15, KillScope::Container, true));
    expected[4] = log(pid);
    assert_eq!((matches[0].is_alert, &matches[0].actions), (false, &expected));
}

#[test]
fn silent_rules_only_act() {
    let mut world = World::new(&rule("expression: exec.file.name == \"a\"\nsilent: true"));
    assert!(world.start("/bin/a").1.is_empty());
    let text = "expression: exec.file.name == \"a\"\nsilent: true\nactions: [{hash: }]";
    let mut world = World::new(&rule(text));
    let (_, matches) = world.start("/bin/a");
    assert_eq!((matches[0].is_alert, matches[0].actions.len()), (false, 1));
}

/// One rule on every way of writing.
#[test]
fn writes() {
    let text = "expression: fim.write.file.path == \"/etc/x\" && process.comm == \"a\"\n\
                actions: [{hash: {}}, {hash: {field: fim.write.file}}]";
    let mut world = World::new(&rule(text));
    assert_eq!(world.rules.rules().len(), 8);
    let (pid, _) = world.start("/bin/a");
    let cases = [
        ("open file.path=/etc/x flags=O_WRONLY", Some("open.file")),
        ("open file.path=/etc/x flags=O_RDONLY", None),
        ("open file.path=/etc/y flags=O_RDWR", None),
        ("chmod file.path=/etc/x file.mode=0100644 file.destination.mode=0755", Some("chmod.file")),
        ("chmod file.path=/etc/x file.mode=0100644 file.destination.mode=0644", None),
        (
            "chown file.path=/etc/x file.destination.uid=5 file.destination.gid=-1",
            Some("chown.file"),
        ),
        ("chown file.path=/etc/x file.destination.uid=-1 file.destination.gid=4294967295", None),
        ("chown file.path=/etc/x file.gid=7 file.destination.uid=-1 file.destination.gid=7", None),
        ("link file.path=/etc/x", Some("link.file")),
        ("link file.destination.path=/etc/x", None),
        ("rename file.path=/etc/x file.destination.path=/etc/y", Some("rename.file")),
        ("rename file.path=/etc/y file.destination.path=/etc/x", Some("rename.file.destination")),
        ("unlink file.path=/etc/x", Some("unlink.file")),
        ("utimes file.path=/etc/x", Some("utimes.file")),
        ("mkdir file.path=/etc/x", None),
    ];
    for (event, file) in cases {
        let matches = world.event(pid, event);
        assert_eq!(matches.len(), usize::from(file.is_some()), "{event}");
        let hashed = matches.iter().flat_map(|found| &found.actions).map(|action| match action {
            ActionRequest::Hash { field, .. } => Some(field.as_str()),
            _ => None,
        });
        assert!(hashed.eq(file.iter().flat_map(|file| [Some(*file); 2])), "{event}: {matches:?}");
    }
}

#[test]
fn interest() {
    use sentrace_schema::wire::{Capture, Interest};
    let (rules, _) = load(&[source("p", &rule("expression: connect.addr.port == 4444"))], &host());
    let Interest::Events(events) = rules.interest() else { panic!("not all events") };
    let names: Vec<_> = events
        .iter()
        .map(|of| (sentrace_schema::EVENTS[usize::from(of.event)].name, of.capture))
        .collect();
    assert!(names.contains(&("connect", Capture::EntryAndExit)));
    assert!(names.contains(&("exec", Capture::Entry)));
    assert!(!names.iter().any(|(name, _)| *name == "open"));
}

#[test]
fn policies_change_each_other() {
    let first = r#"
macros:
  - {id: NAMES, values: [a]}
  - {id: OTHERS, expression: '["x"]'}
  - {id: OTHERS, values: [windows], filters: [os == "windows"]}
rules:
  - {id: list, expression: exec.file.name in NAMES}
  - {id: others, expression: exec.file.name in OTHERS, tags: {k: old}, description: old}
  - {id: gone, expression: exec.file.name == "x"}
  - {id: replaced, expression: exec.file.name == "x", tags: {k: old}, description: old}
  - {id: old_agent, expression: exec.file.name == "x", agent_version: '< 7.50'}
  - {id: old_agent, expression: exec.file.name == "y", agent_version: '>= 7.50'}
"#;
    let second = r#"
version: "2"
macros:
  - {id: NAMES, values: [b, c], combine: merge}
  - {id: OTHERS, values: [y], combine: override}
rules:
  - {id: list, combine: override, expression: 'exec.file.name in NAMES && exec.file.name != "c"'}
  - id: others
    combine: override
    override_options: {fields: [tags, every]}
    tags: {k: new}
    every: 1h
    expression: exec.pid == 0
  - {id: gone, disabled: true}
  - id: replaced
    combine: override
    override_options: {fields: [all]}
    expression: exec.file.name == "y"
    description: new
"#;
    let sources = [source("dir/first.policy", first), source("second.policy", second)];
    let (rules, diagnostics) = load(&sources, &host());
    assert!(diagnostics.is_empty(), "{}", diagnostics[0]);
    let mut world = World::of(rules);
    let mut started = |path: &str| {
        let (_, matches) = world.start(path);
        alerts(&matches).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!([started("/a"), started("/b"), started("/c")], [vec!["list"], vec!["list"], vec![]]);
    assert_eq!(started("/y"), ["others", "replaced", "old_agent"]);
    assert_eq!(started("/y"), ["replaced", "old_agent"]);
    assert!(started("/x").is_empty());
    let rule = |id| world.rules.rules().iter().find(|rule| rule.id == id).unwrap().clone();
    let (others, replaced) = (rule("others"), rule("replaced"));
    assert_eq!((others.tags["k"].as_str(), others.description.as_str()), ("new", "old"));
    assert_eq!((replaced.tags.len(), replaced.description.as_str()), (0, "new"));
    assert_eq!(others.policy.name, "first.policy");
    assert_eq!(replaced.policy.name, "second.policy");
}
