//! What rules remember.

use super::world::{SECOND, World, alerts};
use crate::secl::Owned;

/// Rules `a`, `b`, … on opening the file of that name set a variable; `got` reads it.
fn world(sets: &[&str], got: &str) -> World {
    let mut policy = "rules:\n".to_owned();
    for (name, set) in ["a", "b", "c"].iter().zip(sets) {
        policy += &format!("  - id: {name}\n    expression: open.file.path == \"/{name}\"\n");
        policy += &format!("    silent: true\n    actions: [{{set: {{name: v, {set}}}}}]\n");
    }
    policy += &format!("  - id: got\n    expression: open.file.path == \"/got\" && {got}\n");
    World::new(&policy)
}

fn open(world: &mut World, pid: i32, file: &str) {
    assert!(world.event(pid, &format!("open file.path=/{file}")).is_empty());
}

fn got(world: &mut World, pid: i32) -> bool {
    !world.event(pid, "open file.path=/got").is_empty()
}

#[test]
fn scopes() {
    let cases = [
        ("value: 5", "${v} == 5", [true, true, true]),
        ("value: 5, scope: process", "${process.v} == 5", [true, false, false]),
        ("value: 5, scope: container", "${container.v} == 5", [true, true, false]),
        ("value: 5, scope: cgroup", "${cgroup.v} == 5", [true, false, true]),
        ("field: process.file.path", "${v} == \"/bin/one\"", [true, true, true]),
        ("expression: '\"x${v}\"', default_value: w", "${v} == \"xw\"", [true, true, true]),
        ("value: true", "${v}", [true, true, true]),
    ];
    for (set, read, expected) in cases {
        let mut world = world(&[set], read);
        let pids = [
            "container.id=c1 cgroup.id=g1 /bin/one",
            "container.id=c1 cgroup.id=g2 /bin/two",
            "container.id=c2 cgroup.id=g1 /bin/three",
        ]
        .map(|process| world.start(process).0);
        assert_eq!(pids.map(|pid| got(&mut world, pid)), [false; 3], "{set}");
        open(&mut world, pids[0], "a");
        assert_eq!(pids.map(|pid| got(&mut world, pid)), expected, "{set}");
    }
    // Without a container there is no variable of it.
    let mut world = world(&["value: 5, scope: container"], "${container.v} == 5");
    let (pid, _) = world.start("/bin/one");
    open(&mut world, pid, "a");
    assert!(!got(&mut world, pid));
}

#[test]
fn values_add_up_and_expire() {
    let cases = [
        // What is set, opened files with the seconds before each, and what is true then.
        (
            &["value: x, append: true", "value: y, append: true"][..],
            "0a 0b",
            "\"x\" in ${v} && \"y\" in ${v}",
        ),
        (&["value: [x, y], append: true"], "0a 0a", "${v.length} == 2"),
        (&["value: [x, y]", "value: [z]"], "0a 0b", "${v.length} == 1"),
        (&["value: [1, 2]", "value: 3, append: true"], "0a 0b", "3 in ${v} && ${v.length} == 3"),
        (
            &["value: x, append: true, size: 1", "value: y, append: true, size: 1"],
            "0a 0b",
            "\"x\" not in ${v}",
        ),
        (
            &["value: x, append: true, ttl: 10s", "value: y, append: true, ttl: 10s"],
            "0a 6b 6",
            "\"x\" not in ${v} && \"y\" in ${v}",
        ),
        (
            &["value: x, append: true, ttl: 10s", "value: y, append: true, ttl: 10s"],
            "0a 6a 6b",
            "${v.length} == 2",
        ),
        (&["value: 7, ttl: 10s"], "0a 9", "${v} == 7"),
        (&["value: 7, ttl: 10000000000"], "0a 10", "${v} == 0"),
        (&["value: 7, ttl: 10s, default_value: 3"], "0a 10", "${v} == 3"),
        (&["value: 7, default_value: 3"], "", "${v} == 3"),
        (&["expression: '${v} + 2', default_value: 0"], "0a 0a 0a", "${v} == 6"),
        (&["expression: '2', default_value: 0, append: true"], "0a 0a 0a", "${v} == 6"),
        (&["expression: '\"ab\"', default_value: '', append: true"], "0a 0a", "${v} == \"abab\""),
        (&["field: process.pid, append: true"], "0a", "process.pid in ${v}"),
        (&["field: process.argv"], "0a", "\"-x\" in ${v}"),
        (&["field: process.ancestors.pid"], "0a", "process.parent.pid in ${v}"),
    ];
    for (sets, steps, read) in cases {
        let mut world = world(sets, read);
        let (pid, _) = world.start("/bin/init > /bin/one -x");
        for step in steps.split_whitespace() {
            let (wait, file) = step.split_at(step.trim_end_matches(char::is_alphabetic).len());
            world.now += wait.parse::<u64>().unwrap() * SECOND;
            if !file.is_empty() {
                open(&mut world, pid, file);
            }
        }
        assert!(got(&mut world, pid), "{sets:?} {steps}: {read}");
    }
}

/// Children see what was set for their maker, whatever becomes of that.
#[test]
fn inheritance() {
    for (set, is_inherited) in [("inherited: true", true), ("inherited: false", false)] {
        let set = format!("value: 5, scope: process, {set}");
        let mut world = world(&[&set], "${process.v} == 5");
        let (shell, _) = world.start("/bin/init > /bin/sh");
        let before = world.fork(shell);
        open(&mut world, shell, "a");
        let child = world.fork(shell);
        world.exec(child, "/bin/ls");
        let grandchild = world.fork(child);
        world.exec(grandchild, "/bin/cat");
        let unrelated = world.start("/bin/other").0;
        for (pid, expected) in [
            (shell, true),
            (before, is_inherited),
            (child, is_inherited),
            (grandchild, is_inherited),
            (unrelated, false),
        ] {
            assert_eq!(got(&mut world, pid), expected, "{set} {pid}");
        }
        // The shell becomes another program, and ends.
        world.exec(shell, "/bin/python3");
        assert_eq!(got(&mut world, shell), is_inherited, "{set}");
        world.event(shell, "exit");
        assert_eq!(got(&mut world, grandchild), is_inherited, "{set}");
        // Its number is given to another process.
        world.now += 10 * SECOND;
        world.exec(shell, "/bin/stranger");
        assert!(!got(&mut world, shell), "{set}");
    }
}

#[test]
fn later_rules_see_what_earlier_ones_set() {
    let mut world = World::new(
        r#"
rules:
  - id: early
    expression: exec.file.name == "x" && ${n} == 1
  - id: count
    expression: exec.file.name == "x"
    actions:
      - filter: ${n} == 0
        set: {name: n, value: 1}
      - filter: ${n} == 0
        set: {name: n, value: 2}
      - set: {name: hidden, value: secret, private: true}
  - id: late
    expression: exec.file.name == "x" && ${n} == 1
"#,
    );
    let (_, matches) = world.start("/bin/x");
    assert_eq!(alerts(&matches), ["count", "late"]);
    assert_eq!(matches[0].variables, [("n".to_owned(), Owned::Int(1))]);
    assert_eq!(alerts(&world.start("/bin/x").1), ["early", "count", "late"]);
}

#[test]
fn a_variable_of_another_process() {
    let set = "value: 5, scope: process, scope_field: process.ppid";
    let mut world = world(&[set], "${process.v} == 5");
    let (parent, _) = world.start("/bin/sh");
    let child = world.fork(parent);
    open(&mut world, child, "a");
    assert_eq!((got(&mut world, parent), got(&mut world, child)), (true, false));
}
