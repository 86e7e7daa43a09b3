//! Policies with what is wrong with them: behind `#~` stand severity, column, rule, and message of
//! each diagnostic of the line. A line `=== NAME` begins another file.

use proptest::prelude::*;

use super::*;

/// File, line, and the rest of a diagnostic.
type Found = (String, usize, String);

fn check(text: &str) {
    let mut sources: Vec<Source> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(name) => sources.push(source(name, "")),
            None => {
                let last = sources.last_mut().unwrap();
                last.text += line;
                last.text.push('\n');
            }
        }
    }
    let mut expected: Vec<Found> = Vec::new();
    for source in &sources {
        for (index, line) in source.text.lines().enumerate() {
            let messages = line.split("#~ ").skip(1);
            let one = |message: &str| (source.name.clone(), index + 1, message.trim().to_owned());
            expected.extend(messages.map(one));
        }
    }
    let (_, diagnostics) = load(&sources, &host());
    let found: Vec<Found> = diagnostics
        .iter()
        .map(|d| {
            let severity = if d.severity == Severity::Error { "error" } else { "warning" };
            let rule = d.rule.as_deref().map(|rule| format!("[{rule}]")).unwrap_or_default();
            let help = d.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
            let text = format!("{severity}{rule} {}: {}{help}", d.column, d.message);
            (d.file.clone(), d.line, text)
        })
        .collect();
    let mut wrong: Vec<String> = Vec::new();
    for (sign, these, those) in [("missing", &expected, &found), ("found", &found, &expected)] {
        let differ = these.iter().filter(|one| !those.contains(one));
        wrong.extend(differ.map(|(file, line, text)| format!("{sign}: {file}:{line}: {text}\n")));
    }
    assert!(wrong.is_empty() && found.len() == expected.len(), "\n{}", wrong.concat());
}

#[test]
fn yaml() {
    check(include_str!("yaml.policy"));
}

#[test]
fn expressions() {
    check(include_str!("expressions.policy"));
}

#[test]
fn macros() {
    check(include_str!("macros.policy"));
}

#[test]
fn actions() {
    check(include_str!("actions.policy"));
}

#[test]
fn overrides() {
    check(include_str!("overrides.policy"));
}

#[test]
fn what_it_looks_like() {
    let text = "rules:\n  - id: r\n    expression: >-\n      exec.file.name == \"é\" &&\n      exec.fil.path in [\"/b\"]\n";
    let (_, diagnostics) = load(&[source("dir/a.policy", text)], &host());
    let expected = "\
error[r]: unknown name `exec.fil.path`
 --> dir/a.policy:5:7
  |
5 |       exec.fil.path in [\"/b\"]
  |       ^^^^^^^^^^^^^
  |
  = help: did you mean `exec.file.path`?";
    assert_eq!(diagnostics[0].to_string(), expected);
    let text = "rules:\n  - {id: r, expresion: exec.pid == 1}\n";
    let (_, misspelt) = load(&[source("a", text)], &host());
    assert_eq!(misspelt[0].help.as_deref(), Some("did you mean `expression`?"));
    assert!(diagnostics[0].coloured().contains("\u{1b}["));
    // A file cannot play tricks on the terminal.
    let text = "rules:\n  - id: r\n    expression: 'exec.x == \"\u{1b}[2J\u{202e}\"'\n";
    let (_, diagnostics) = load(&[source("a", text)], &host());
    let shown = diagnostics[0].to_string();
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
}

/// Whatever a file holds, loading ends, and diagnostics can be shown.
#[test]
fn hostile_files() {
    let rules = |count: usize, rule: &str| {
        format!(
            "rules:\n{}",
            (0..count).map(|i| rule.replace("ID", &i.to_string())).collect::<String>()
        )
    };
    let long = "x".repeat(200_000);
    let files = [
        "\0".to_owned(),
        "rules: [[[[".to_owned(),
        "- rules".to_owned(),
        "rules: {a: b}".to_owned(),
        "rules: [1, x, null, [], {}]".to_owned(),
        format!("rules: [{{id: {long}, expression: {long}}}]"),
        format!("rules: [{{id: a, expression: '{} exec.pid == 1'}}]", "!(".repeat(50_000)),
        format!("{long}: {long}"),
        rules(3000, "  - {id: rID, expression: exec.pdi == 1}\n"),
        rules(3000, "  - {id: r, expression: exec.pid == 1}\n"),
        rules(30_000, "  - {id: rID}\n"),
        "é\r\nrules:\r\n  - id: é\r\n".to_owned(),
    ];
    for text in files {
        let (_, diagnostics) = load(&[source("f", &text)], &host());
        assert!(!diagnostics.is_empty() && diagnostics.len() <= 1001, "{}", diagnostics.len());
        for diagnostic in &diagnostics {
            assert!(diagnostic.to_string().len() < 20_000);
        }
    }
    let (rules, _) =
        load(&[source("f", &rules(3000, "  - {id: rID, expression: exec.pid == 1}\n"))], &host());
    assert_eq!(rules.rules().len(), 3000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A policy that somebody broke somewhere is loaded or refused, and errors lie in the file.
    #[test]
    fn broken_files(
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[a-z:{}\\[\\]'\"|>&#é\\n ]{0,4}"), 1..8),
    ) {
        let mut text = include_str!("actions.policy").split_once('\n').unwrap().1.to_owned();
        for (at, with) in edits {
            let at = at.index(text.len());
            let end = (at..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap();
            text.insert_str(end, &with);
        }
        let (_, diagnostics) = load(&[source("f", &text)], &host());
        for diagnostic in &diagnostics {
            let line = text.split('\n').nth(diagnostic.line - 1).unwrap();
            prop_assert!(diagnostic.column <= line.chars().count() + 1, "{}", diagnostic);
        }
    }
}
