//! Nothing in a file makes the loader panic, hang or grow without bound.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use sentrace_codegen::load;

const ABI: &str = "abis: {amd64: {id: 0, audit: 1, word: 64, machine: x, number: a, args: [a, b, c, d, e, f], result: a}}\n";

/// A file with the entries that `entry` gives for 0, 1, 2, … under `before`.
fn file(before: &str, count: usize, entry: impl Fn(usize) -> String) -> String {
    let mut text = format!("{ABI}{before}\n");
    for index in 0..count {
        writeln!(text, "{}", entry(index)).expect("text");
    }
    text
}

fn refused(text: &str, expect: &str) {
    let errors = load("bad.yaml", text).expect_err("errors").to_string();
    assert!(errors.contains(expect), "{errors:.2000}");
}

#[test]
fn too_much_of_anything() {
    let group = |fields: usize| {
        let fields = (0..fields).map(|id| format!("{id}: {{name: f{id}, type: int}}"));
        fields.collect::<Vec<_>>().join(", ")
    };
    refused(&file("flags:", 1025, |i| format!("  f{i}: {{values: {{A{i}: 1}}}}")), "1024 sets");
    refused(&format!("groups: {{a: {{fields: {{{}}}}}}}", group(256)), "more than 255 fields");
    refused(&file("syscalls:", 4097, |i| format!("  c{i:05}: {{nr: {i}}}")), "4096 system calls");
    let abi = |i| {
        format!(
            "  a{i}: {{id: {i}, audit: {i}, word: 64, machine: x, number: a, args: [], result: a}}"
        )
    };
    refused(&file("", 0, abi).replace(ABI, &file("abis:", 17, abi)[ABI.len()..]), "16 ABIs");
    // Every group holds the next one several times.
    let inner = |i| {
        let fields = (0..60).map(|id| format!("{id}: {{name: f{id}, type: g{}}}", i + 1));
        format!("  g{i}: {{fields: {{{}}}}}", fields.collect::<Vec<_>>().join(", "))
    };
    let last = "  g7: {fields: {0: {name: x, type: int}}}\n";
    refused(&(file("groups:", 7, inner) + last), "more than 4096 fields");
    // A chain of groups that is longer than any stack.
    let chain = |i| format!("  g{i}: {{fields: {{0: {{name: x, type: g{}}}}}}}", i + 1);
    refused(&file("groups:", 200, chain), "more than 8 groups inside each other");
}

#[test]
fn many_errors_are_counted() {
    let text = file("flags:", 1000, |i| format!("  f{i}: {{values: {{A: x, B: y, C: z}}}}"));
    let errors = load("bad.yaml", &text).expect_err("errors");
    assert_eq!((errors.len(), errors.iter().count()), (3000, 1000));
    assert!(errors.to_string().ends_with("\nbad.yaml: and 2000 more errors"));
}

fn real() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../syscalls.yaml");
    std::fs::read_to_string(path).expect("syscalls.yaml")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The real file with pieces of it moved, removed or replaced: it loads or is refused.
    #[test]
    fn damaged(damages in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..40_usize, 0..5_u8), 1..6)) {
        let mut words: Vec<String> = pieces(&real());
        for (at, from, count, kind) in damages {
            let at = at.index(words.len());
            let end = (at + count).min(words.len());
            let from = from.index(words.len());
            let source: Vec<String> = words[from..(from + count).min(words.len())].to_vec();
            match kind {
                0 => { words.drain(at..end); }
                1 => { words.splice(at..at, source); }
                2 => { words.splice(at..end, source); }
                3 => words.swap(at, from),
                _ => words[at] = ["[", "}", "-1", "*", "(", "\"", "0x", "é", ": "][count % 9].into(),
            }
        }
        let text = words.concat();
        if let Err(errors) = load("bad.yaml", &text) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| error.place.line >= 1 && !error.message.is_empty()));
        }
    }
}

/// Words and what is between them.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for letter in text.chars() {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let last = pieces.last_mut().expect("a piece");
        if last.is_empty() || is_word(letter) && last.ends_with(is_word) {
            last.push(letter);
        } else {
            pieces.push(letter.into());
        }
    }
    pieces
}
