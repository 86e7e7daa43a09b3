//! Expressions and what they give, over a small world of fields.

mod errors;
mod values;
mod world;

use proptest::prelude::*;

use super::*;
use world::World;

/// What a condition gives, or the message of its error.
fn check(text: &str) -> Result<bool, String> {
    let world = World::default();
    let condition = parse(text)
        .and_then(|expr| Condition::new(&expr, &world, &world.macros))
        .map_err(|error| error.to_string())?;
    Ok(condition.matches(&world))
}

fn check_all(cases: &[(&str, bool)]) {
    for (text, expected) in cases {
        assert_eq!(check(text), Ok(*expected), "{text}");
    }
}

/// Evaluation in any order gives the same, so only the cost tells.
#[test]
fn cheap_operands_come_first() {
    let world = World::default();
    let cost =
        |text: &str| Condition::new(&parse(text).unwrap(), &world, &world.macros).unwrap().cost();
    let ordered = [
        "e.flags == 1",
        "e.flags in [1, 2]",
        "e.name =~ \"a*\"",
        "e.name =~ r\"a\"",
        "e.name in [~\"a*\", ~\"b*\"]",
        "up.name == \"a\"",
        "up.name in [~\"a*\", ~\"b*\"]",
    ];
    assert!(ordered.windows(2).all(|pair| cost(pair[0]) < cost(pair[1])));
}

#[test]
fn uses() {
    let world = World::default();
    let text = "e.args[0] == \"x\" && up[A].name.length > 1 && \"${process.s} %{up.name}\" != \"\"";
    let condition = Condition::new(&parse(text).unwrap(), &world, &world.macros).unwrap();
    let uses = condition.uses();
    assert_eq!(uses.event.as_deref(), Some("e"));
    assert_eq!(uses.fields, ["e.args", "up.name"].map(str::to_owned).into());
    assert_eq!(uses.variables, ["process.s".to_owned()].into());
}

#[test]
fn macros_in_macros_stay_within_limits() {
    let world = World::default();
    let mut macros = world.macros.clone();
    let mut add = |name: String, body: String| macros.insert(name, parse_macro(&body).unwrap());
    add("A0".into(), "e.on".into());
    add("B0".into(), "e.on".into());
    add("L0".into(), "[1, 2]".into());
    for level in 1..200 {
        add(format!("A{level}"), format!("(!(A{} == e.on))", level - 1));
        add(format!("B{level}"), format!("B{0} && B{0}", level - 1));
        add(format!("L{level}"), format!("[L{0}, L{0}]", level - 1));
    }
    let check = |text: &str| Condition::new(&parse(text).unwrap(), &world, &macros);
    for text in ["A10", "B10", "e.flags in L10"] {
        assert!(check(text).is_ok(), "{text}");
    }
    for text in ["A199", "B60", "B199", "e.flags in L60", "e.flags in L199"] {
        check(text).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is checked can be evaluated, and errors point into the text.
    #[test]
    fn any_expression_is_evaluated_or_refused(parts in prop::collection::vec(part(), 1..25)) {
        let text = parts.join(" ");
        let world = World::default();
        match parse(&text).and_then(|expr| Condition::new(&expr, &world, &world.macros)) {
            Ok(condition) => drop(condition.matches(&world)),
            Err(error) => prop_assert!(text.get(error.span.range()).is_some(), "{}", text),
        }
        if let Ok(program) = parse(&text).and_then(|expr| Program::new(&expr, &world, &world.macros)) {
            program.value(&world);
        }
    }

    #[test]
    fn any_regexp_is_compiled_or_refused(regexp in "[a-z(){}\\[\\]|*+?^$.,0-9\\\\]{0,40}") {
        let _ = check(&format!("e.name =~ r\"{regexp}\""));
    }

    /// A pattern and the regexp that means the same agree.
    #[test]
    fn patterns_are_regexps(pattern in "[ab*]{0,8}", value in "[ab]{0,12}") {
        let pattern = pattern.replace("***", "*").replace("**", "*").replace("**", "*");
        let pattern = pattern.replace("**", "*");
        let regexp = format!("^{}$", pattern.replace('*', ".*"));
        let expected = regex::Regex::new(&regexp).unwrap().is_match(&value);
        let found = check(&format!("\"{value}\" =~ ~\"{pattern}\""));
        prop_assert_eq!(found, Ok(expected));
    }
}

fn part() -> impl Strategy<Value = String> {
    let parts = vec![
        "e.flags",
        "e.name",
        "e.on",
        "e.args",
        "up.name",
        "up[A].name",
        "up[B].pid",
        "up[C].on",
        "e.path",
        "e.ip",
        "e.at",
        "${n}",
        "${process.s}",
        "%{e.name}",
        "SHELLS",
        "O_CREAT",
        "true",
        "1",
        "-",
        "+",
        "&",
        "|",
        "^",
        "!",
        "in",
        "not in",
        "allin",
        "(",
        ")",
        "[",
        "]",
        ",",
        "&&",
        "||",
        "==",
        "!=",
        "=~",
        "<",
        ">",
        "\"x\"",
        "\"a ${n} %{e.args}\"",
        "~\"/y*\"",
        "r\"z\"",
        "5s",
        "1.2.3.4",
        "10.0.0.0/8",
        "::/0",
        "e.args[0]",
        "e.args.length",
        "f.flags",
    ];
    prop::sample::select(parts).prop_map(str::to_owned)
}
