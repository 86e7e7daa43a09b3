//! What files mean, and what is wrong with them.

use proptest::prelude::*;
use sentrace_yaml::{Errors, Fields, Node, Value, parse};

/// The tree without its places.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Str(text) => format!("{text:?}"),
        Value::Seq(nodes) => {
            let nodes: Vec<_> = nodes.iter().map(show).collect();
            format!("[{}]", nodes.join(", "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Node, Node)| format!("{}: {}", show(key), show(value));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[test]
fn files() {
    let cases = [
        ("", "null"),
        ("# nothing\n", "null"),
        ("a: 1\nb: [x, 'y', \"z\"]\n", r#"{"a": 1, "b": ["x", "y", "z"]}"#),
        ("b: 1\na: 2\n", r#"{"b": 1, "a": 2}"#),
        ("- 1\n- - 2\n  - 3\n", "[1, [2, 3]]"),
        ("a: '1'\nb: !!x\n".split('!').next().unwrap(), r#"{"a": "1", "b": null}"#),
        ("a: >-\n  one\n  two\n\n  three\n", r#"{"a": "one two\nthree"}"#),
        ("a: |\n  one\n    two\n", r#"{"a": "one\n  two\n"}"#),
        ("a: \"x \\\n  y\"\n", r#"{"a": "x y"}"#),
        ("a: 'it''s'\n", r#"{"a": "it's"}"#),
        ("1: a\n2: b\n", r#"{1: "a", 2: "b"}"#),
        ("a: {b: {c: [1, 0x10, 0o10]}}\n", r#"{"a": {"b": {"c": [1, 16, 8]}}}"#),
        ("a: ${x} != \"\"\n", r#"{"a": "${x} != \"\""}"#),
    ];
    for (text, expected) in cases {
        match parse("f", text) {
            Ok(node) => assert_eq!(show(&node), expected, "{text}"),
            Err(errors) => panic!("{text}: {errors}"),
        }
    }
}

#[test]
fn errors() {
    let cases = [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: `a` comes twice (first in line 1)"),
        (
            "x: {a: 1, a: 2}\ny: &b 1\n",
            "f:1:11: `a` comes twice (first in line 1)\n\
             f:2:4: anchors and aliases are not supported",
        ),
        ("a: !!str 1\n", "f:1:4: tags are not supported"),
        ("[1]: 2\n", "f:1:1: a key must be a scalar"),
        ("a: 1\n---\nb: 2\n", "f:2:1: a file holds one document only"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse("f", text).unwrap_err().to_string(), expected, "{text}");
    }
    for (text, line) in [("a: [1\n", 2), ("a: 1\n b: 2\n", 2), ("a: \"x\n", 1)] {
        let errors = parse("f", text).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().place.line, line, "{text}: {errors}");
    }
    assert!(parse("f", &"{a: ".repeat(100_000)).is_err());
    for text in ["[".repeat(100), "- ".repeat(100), "{a: ".repeat(100)] {
        let errors = parse("f", &text).unwrap_err();
        assert!(errors.to_string().contains("too deeply"), "{errors}");
    }
    assert!(parse("f", &" ".repeat(9 << 20)).is_err());
}

#[test]
fn places() {
    let text = "é: [a, 'b']\nlong:\n  x: >-\n    folded\n    text\n  y: 1\n";
    let root = parse("f", text).unwrap();
    let slice = |node: &Node| &text[node.place.offset..node.place.offset + node.place.len];
    let list = root.get("é").unwrap().as_seq().unwrap();
    assert_eq!((slice(&list[0]), slice(&list[1])), ("a", "'b'"));
    assert_eq!((list[1].place.line, list[1].place.column), (1, 8));
    let long = root.get("long").unwrap();
    // A block begins with its text.
    assert_eq!(slice(long.get("x").unwrap()).trim_end(), "folded\n    text");
    assert_eq!(slice(long.get("y").unwrap()), "1");
    assert_eq!((long.place.line, long.place.column), (3, 3));
}

#[test]
fn typed_access() {
    let text = "text: 1\nbool: [x]\nint: 300\nnumber: x\nlist: {}\nmap: 2\nmax_sise: 3\n4: x\n";
    let root = parse("f", text).unwrap();
    let mut errors = Errors::new("f");
    let mut fields = Fields::of(&root, &mut errors);
    assert_eq!(fields.get("text").unwrap().text(&mut errors), None);
    assert_eq!(fields.get("bool").unwrap().bool(&mut errors), None);
    let int = fields.get("int").unwrap();
    assert_eq!(int.int::<u16>(.., "a number of 16 bits", &mut errors), Some(300));
    assert_eq!(int.int::<u8>(.., "a number of 8 bits", &mut errors), None);
    assert_eq!(int.int(1..=64_i64, "1 to 64", &mut errors), None);
    assert_eq!(fields.get("number").unwrap().int(0..8_u8, "0 to 7", &mut errors), None);
    assert!(fields.get("list").unwrap().seq(&mut errors).is_empty());
    assert!(fields.get("map").unwrap().map(&mut errors).is_empty());
    assert!(fields.get("max_size").is_none());
    assert!(fields.need("min_size", &mut errors).is_none());
    fields.finish(&mut errors);
    let expected = "\
        f:1:1: `min_size` is missing\n\
        f:1:7: expected a string, found an integer\n\
        f:2:7: expected `true` or `false`, found a list\n\
        f:3:6: expected a number of 8 bits, found 300\n\
        f:3:6: expected 1 to 64, found 300\n\
        f:4:9: expected 0 to 7, found a string\n\
        f:5:7: expected a list, found a map\n\
        f:6:6: expected a map, found an integer\n\
        f:7:1: unknown key `max_sise` (did you mean `max_size`?)\n\
        f:8:1: expected a string as key, found an integer";
    assert_eq!(errors.to_string(), expected);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[a-z:\\-\\[\\]{},'\"|>&*!#%@ \n\t0-9é]{0,80}") {
        match parse("f", &text) {
            Ok(node) => check_places(&node, &text),
            Err(errors) => prop_assert!(!errors.to_string().is_empty()),
        }
    }
}

fn check_places(node: &Node, text: &str) {
    let end = node.place.offset + node.place.len;
    assert!(text.get(node.place.offset..end).is_some(), "{:?}", node.place);
    for child in node.as_seq().unwrap_or_default() {
        check_places(child, text);
    }
    for (key, value) in node.as_map().unwrap_or_default() {
        check_places(key, text);
        check_places(value, text);
    }
}
