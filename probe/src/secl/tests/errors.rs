use super::*;

/// Expressions, the message of their error, and the part that it points at.
#[test]
fn errors() {
    let cases = [
        ("e.nme == \"x\"", "unknown name `e.nme` (did you mean `e.name`?)", "e.nme"),
        ("e.on && SHELS in e.args", "unknown name `SHELS` (did you mean `SHELLS`?)", "SHELS"),
        ("quite.unlike == 1", "unknown name `quite.unlike`", "quite.unlike"),
        ("e.host.root_domain == \"x\"", "unknown name `e.host.root_domain`", "e.host.root_domain"),
        ("${nope} == 1", "unknown variable `nope`", "${nope}"),
        ("\"a ${nope}\" == \"x\"", "unknown variable `nope`", "\"a ${nope}\""),
        ("\"a %{nope}\" == \"x\"", "unknown name `nope`", "\"a %{nope}\""),
        ("\"a %{e.on}\" == \"x\"", "expected a string or int, found bool", "\"a %{e.on}\""),
        ("%{SHELLS} == \"x\"", "unknown name `SHELLS`", "%{SHELLS}"),
        ("e.flags", "expected a condition, found int (compare it: `… > 0`)", "e.flags"),
        ("e.on && e.name", "expected a condition, found string", "e.name"),
        ("!e.flags", "expected a condition, found int", "e.flags"),
        ("e.flags == \"x\"", "cannot compare int with string", "e.flags == \"x\""),
        ("e.name == 1", "cannot compare string with int", "e.name == 1"),
        ("e.on == 1", "cannot compare bool with int", "e.on == 1"),
        ("e.ip == \"10.1.2.3\"", "cannot compare IP address with string", "e.ip == \"10.1.2.3\""),
        ("e.name in [1, 2]", "cannot compare string with int", "e.name in [1, 2]"),
        ("e.name in e.numbers", "cannot compare string with int", "e.name in e.numbers"),
        ("e.flags == 5s", "cannot compare int with duration", "e.flags == 5s"),
        ("e.at != 5s", "operator `!=` does not apply to timestamp", "e.at"),
        ("e.on > true", "operator `>` does not apply to bool", "e.on"),
        ("e.name > \"x\"", "operator `>` does not apply to string", "e.name"),
        ("e.flags =~ 1", "operator `=~` does not apply to int", "e.flags"),
        ("e.flags !~ 1", "operator `!~` does not apply to int", "e.flags"),
        ("e.ip =~ 1.2.3.4", "operator `=~` does not apply to IP address", "e.ip"),
        ("e.ip < 1.2.3.4", "operator `<` does not apply to IP address", "e.ip"),
        ("e.name + 1 == 2", "operator `+` does not apply to string", "e.name"),
        ("e.on & 1 > 0", "operator `&` does not apply to bool", "e.on"),
        ("-e.name == 1", "operator `-` does not apply to string", "e.name"),
        ("^\"x\" == 1", "operator `^` does not apply to string", "\"x\""),
        ("e.name =~ common.name", "expected a pattern, found a value of the event", "common.name"),
        ("\"x\" =~ e.name", "expected a pattern, found a value of the event", "e.name"),
        ("~\"x*\" =~ ~\"y*\"", "cannot compare patterns with patterns", "~\"x*\" =~ ~\"y*\""),
        ("e.name =~ ~\"a**\"", "bad pattern: `**` has a meaning in paths only", "~\"a**\""),
        ("e.path =~ \"/**/a/**\"", "bad pattern: `**` may occur once", "\"/**/a/**\""),
        ("e.name in [\"a\", r\"(\"]", "bad regexp: unclosed group", "r\"(\""),
        ("e.name =~ r\"(a{999}){999}\"", "bad regexp", "r\"(a{999}){999}\""),
        ("e.path =~ r\"/etc\"", "bad regexp: paths are matched by patterns only", "r\"/etc\""),
        ("e.path == \"etc/passwd\"", "bad path: it must start with `/` or `*`", "\"etc/passwd\""),
        ("e.path == \"/etc/\"", "bad path: it ends with `/`", "\"/etc/\""),
        ("e.path in [\"/a\", \"/b//c\"]", "bad path: it has `//` in it", "\"/b//c\""),
        ("e.path =~ \"~/x\"", "bad path: `~` is not replaced by a home directory", "\"~/x\""),
        ("e.path in RELATIVE", "bad path: it must start with `/` or `*`", "RELATIVE"),
        (
            "e.flags == 1 && f.flags == 1",
            "a rule is about one type of event, not `e` and `f`",
            "f.flags",
        ),
        ("e.ip == 1.2.3.400", "bad address: 1.2.3.400", "1.2.3.400"),
        ("e.ip in 1.2.3.4/33", "bad address: 1.2.3.4/33", "1.2.3.4/33"),
        ("e.ip6 in fe80::1::/10", "bad address: fe80::1::/10", "fe80::1::/10"),
        ("e.flags in [O_CREAT, true]", "a list holds values of one kind", "true"),
        ("e.flags in [O_CREAT, e.zero]", "expected a constant, found int", "e.zero"),
        ("e.name in [\"a\", \"${n}\"]", "expected a constant, found string", "\"${n}\""),
        ("e.name[0] == \"x\"", "bad index: `e.name` is no array", "e.name[0]"),
        ("e.args[A] == \"x\"", "bad index: `e.args` is no field of an iterator", "e.args[A]"),
        ("e[0].args == \"x\"", "bad index: `e.args` is no array", "e[0].args"),
        ("up[A1].name == \"x\"", "bad index: a register is named by letters", "up[A1].name"),
        (
            "up[A].name == \"x\" && none[A].name == \"x\"",
            "bad index: `A` is a register of `up` already",
            "none[A].name",
        ),
        (
            "up[A].pid == 1 && up[B].pid == 1 && up[C].pid == 1",
            "bad index: more than 2 registers",
            "up[C].pid",
        ),
        ("e.args.length[0] == 1", "bad index: `e.args` is no array", "e.args.length[0]"),
        ("e.flags.length == 1", "unknown name `e.flags.length`", "e.flags.length"),
        ("BROKEN", "in macro `BROKEN`: cannot compare string with int", "BROKEN"),
        ("SHELLS", "expected a condition, found string", "SHELLS"),
    ];
    for (text, message, place) in cases {
        let world = World::default();
        let checked = parse(text).and_then(|expr| Condition::new(&expr, &world, &world.macros));
        match checked {
            Ok(_) => panic!("{text} is fine"),
            Err(error) => {
                assert!(error.to_string().starts_with(message), "{text}: {error}");
                assert_eq!(&text[error.span.range()], place, "{text}: {error}");
            }
        }
    }
}
