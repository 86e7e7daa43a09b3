use proptest::prelude::*;

use super::*;

/// The expression with all its parentheses.
fn show(expr: &Expr) -> String {
    let list = |parts: &[Expr], by: &str| parts.iter().map(show).collect::<Vec<_>>().join(by);
    match &expr.kind {
        ExprKind::Ident(name) => name.clone(),
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Duration(value) => format!("{value}ns"),
        ExprKind::Str(text) => format!("{text:?}"),
        ExprKind::Pattern(text) => format!("~{text:?}"),
        ExprKind::Regexp(text) => format!("r{text:?}"),
        ExprKind::Ip(text) | ExprKind::Cidr(text) => text.clone(),
        ExprKind::Variable(name) => format!("${{{name}}}"),
        ExprKind::FieldRef(name) => format!("%{{{name}}}"),
        ExprKind::List(parts) => format!("[{}]", list(parts, ", ")),
        ExprKind::Unary(op, part) => format!("({}{})", op.text(), show(part)),
        ExprKind::Binary(left, op, right) => {
            format!("({} {} {})", show(left), op.text(), show(right))
        }
        ExprKind::Compare(left, op, right) => {
            format!("({} {} {})", show(left), op.text(), show(right))
        }
        ExprKind::Logic(LogicOp::And, parts) => format!("({})", list(parts, " && ")),
        ExprKind::Logic(LogicOp::Or, parts) => format!("({})", list(parts, " || ")),
    }
}

#[test]
fn expressions() {
    let cases = [
        ("a", "a"),
        ("a && b", "(a && b)"),
        ("a and b and c", "(a && b && c)"),
        ("a or b || c", "(a || b || c)"),
        ("a && (b || c)", "(a && (b || c))"),
        ("!a && b", "((!a) && b)"),
        ("not (a || b)", "(!(a || b))"),
        ("!x == y", "((!x) == y)"),
        ("! !x", "(!(!x))"),
        ("a == b == c", "(a == (b == c))"),
        ("f & A > 0", "((f & A) > 0)"),
        ("f & (A | B) > 0", "((f & (A | B)) > 0)"),
        ("f == A | B", "(f == (A | B))"),
        ("a & b | c", "(a & (b | c))"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a + b & c", "(a + (b & c))"),
        ("x-1", "(x - 1)"),
        ("x -1 == 2", "((x - 1) == 2)"),
        ("x == -1", "(x == -1)"),
        ("x == - y", "(x == (-y))"),
        ("x == -9223372036854775808", "(x == -9223372036854775808)"),
        ("^x & 3", "((^x) & 3)"),
        ("a in b", "(a in b)"),
        ("a in [A, B]", "(a in [A, B])"),
        ("a in[A]", "(a in [A])"),
        ("a.b[0] == c[A].d[12]", "(a.b[0] == c[A].d[12])"),
        ("a not in [1, -2]", "(a not in [1, -2])"),
        ("a allin [1.2.3.4, 10.0.0.0/8]", "(a allin [1.2.3.4, 10.0.0.0/8])"),
        ("a in fe80::/10", "(a in fe80::/10)"),
        ("a == ::1", "(a == ::1)"),
        ("a in ${process.x}", "(a in ${process.x})"),
        ("a in %{b.c[0]}", "(a in %{b.c[0]})"),
        ("a in [\"x\", ~\"y*\", r\"z$\"]", "(a in [\"x\", ~\"y*\", r\"z$\"])"),
        ("a =~ \"b\" && c !~ ~\"d\"", "((a =~ \"b\") && (c !~ ~\"d\"))"),
        ("a =~\"b\"", "(a =~ \"b\")"),
        ("process.ancestors[A].comm == \"x\"", "(process.ancestors[A].comm == \"x\")"),
        ("a < 5s && b > 1h", "((a < 5000000000ns) && (b > 3600000000000ns))"),
        ("a == 90ms || b == 2m", "((a == 90000000ns) || (b == 120000000000ns))"),
        ("a # one\n== // two\n b", "(a == b)"),
        ("a == \"#no //comment\"", "(a == \"#no //comment\")"),
        (r#"a =~ r"\"\\""#, r#"(a =~ r"\\\"\\\\")"#),
        ("a == \"é\u{1F980}\"", "(a == \"é\u{1F980}\")"),
    ];
    for (text, expected) in cases {
        match parse(text) {
            Ok(expr) => assert_eq!(show(&expr), expected, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn errors() {
    let cases = [
        ("", "expected a value, found the end", ""),
        ("a &&", "expected a value, found the end", ""),
        ("a && b || c", "`&&` and `||` are mixed without parentheses", "||"),
        ("a || (b && c) && d", "`&&` and `||` are mixed without parentheses", "&&"),
        ("a = b", "expected an operator or the end, found `=`", "="),
        ("a == = b", "expected a value, found `=` (did you mean `==`?)", "="),
        ("(a", "expected `)`, found the end", ""),
        ("a)", "expected an operator or the end, found `)`", ")"),
        ("a b", "expected an operator or the end, found `b`", "b"),
        ("a in []", "a list cannot be empty", "[]"),
        ("a in [1,]", "expected a value, found `]`", "]"),
        ("a in [1 2]", "expected `,` or `]`, found `2`", "2"),
        ("a in [1, \"x\"]", "a list holds values of one kind, not numbers and strings", "\"x\""),
        ("a in 1.2.3.4", "expected a list, found `1.2.3.4` (did you mean `[1.2.3.4]`?)", "1.2.3.4"),
        ("a in \"x\"", "expected a list, found a string", "\"x\""),
        (
            "a == [1]",
            "expected a value, found `[` (lists stand behind `in`, `not in` and `allin`)",
            "[",
        ),
        ("~a", "expected a value, found `~`", "~"),
        ("a == \"x", "string without an end", "\"x"),
        ("a == ~\"x\\\"", "pattern without an end", "~\"x\\\""),
        ("a == ${x", "variable without an end", "${x"),
        ("a == ${}", "variable without an end", "${"),
        ("a == 5min", "bad number: unknown unit (units are ms, s, m and h)", "5min"),
        ("a == 0x1F", "bad number: unknown unit (units are ms, s, m and h)", "0x1F"),
        ("a == 9223372036854775808", "bad number: more than 63 bits", "9223372036854775808"),
        ("a == 99999999999999999999", "bad number: more than 64 bits", "99999999999999999999"),
        ("a < 9999999999h", "bad number: the duration is longer than 292 years", "9999999999h"),
        ("a ? b", "unexpected character `?`", "?"),
        ("a == é", "unexpected character `é`", "é"),
        ("in", "expected a value, found `in`", "in"),
        ("a in and", "expected a list, found `and`", "and"),
    ];
    for (text, message, place) in cases {
        match parse(text) {
            Ok(expr) => panic!("{text}: {}", show(&expr)),
            Err(error) => {
                assert!(error.to_string().starts_with(message), "{text}: {error}");
                assert_eq!(&text[error.span.range()], place, "{text}");
            }
        }
    }
}

#[test]
fn macros_may_be_lists() {
    assert_eq!(show(&parse_macro("[\"a\", \"b\"]").unwrap()), "[\"a\", \"b\"]");
    assert_eq!(show(&parse_macro("A|B").unwrap()), "(A | B)");
    assert!(parse_macro("[1] in x").is_err());
}

#[test]
fn depth_and_length_are_limited() {
    let deep = [
        "(".repeat(100_000),
        "!".repeat(100_000),
        "-".repeat(100_000),
        "a == ".repeat(20_000),
        format!("a{}", " + a".repeat(20_000)),
        format!("a{}", " | a".repeat(20_000)),
        format!("{}a{}", "(".repeat(60), format!("{})", " + a".repeat(60)).repeat(60)),
    ];
    for text in deep {
        let error = parse(&text).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::TooDeep(_)), "{error}");
    }
    let error = parse(&" ".repeat(200_000)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLong(..)), "{error}");
    assert!(parse(&format!("a{}", " && a".repeat(20_000))).is_ok(), "a chain is not deep");
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".*") {
        let _ = parse(&text);
        let _ = parse_macro(&text);
    }

    #[test]
    fn any_tokens_are_parsed_or_refused(tokens in prop::collection::vec(token(), 0..60)) {
        let text = tokens.join(" ");
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.range()).is_some());
        }
    }
}

fn token() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "1", "-", "+", "&", "|", "^", "!", "not", "in", "allin", "(", ")", "[", "]", ",",
        "&&", "||", "==", "=~", "\"x\"", "~\"y\"", "r\"z\"", "${v}", "%{f}", "5s", "1.2.3.4",
        "::/0", "\"", "é",
    ])
    .prop_map(str::to_owned)
}
