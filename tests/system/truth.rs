//! What is reported is what the kernel did, however it was asked.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::both::{ENGINES, Engine, Program};
use crate::fixtures::fixture;

/// All that open the file by a path of it.
const SPELLINGS: [&str; 29] = [
    "relative",
    "absolute",
    "dot",
    "dots",
    "slashes",
    "link_to_file",
    "link_to_link",
    "link_to_directory",
    "dots_behind_link",
    "proc_root",
    "proc_cwd",
    "proc_thread",
    "proc_pid",
    "dirfd",
    "dirfd_path",
    "ignored_dirfd",
    "reopened",
    "below_descriptor",
    "dev_fd",
    "openat2",
    "openat2_in_root",
    "openat2_beneath",
    "creat",
    "creates",
    "longest",
    "across_pages",
    "from_root",
    "after_fchdir",
    "mount_namespace",
];

/// The same file by another path, or another file: the end of the path that is told.
const OTHERS: [(&str, &str); 5] = [
    ("hard_link", "/hard"),
    ("bind_mount", "/bound/secret"),
    ("chroot", "/secret"),
    ("not_utf8", "/secret\\xff"),
    ("other_case", "/Secret"),
];

fn layout(dir: &Path) {
    for name in [b"secret".as_slice(), b"secret\xff", b"Secret"] {
        fs::write(dir.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    fs::create_dir_all(dir.join("dir/deeper")).unwrap();
    fs::create_dir(dir.join("bound")).unwrap();
    fs::hard_link(dir.join("secret"), dir.join("hard")).unwrap();
    for (target, link) in
        [("secret", "link"), ("../link", "dir/link"), (".", "up"), ("dir/deeper/..", "far")]
    {
        symlink(target, dir.join(link)).unwrap();
    }
}

/// Only root may open it so.
const PRIVILEGED: [&str; 3] = ["mount_namespace", "bind_mount", "chroot"];

/// Runs the fixture with each of the words: the alerts, each with its word and the path.
fn alerts(engine: Engine, words: &[&str]) -> Vec<(String, String, String)> {
    let place = tempfile::tempdir().unwrap();
    // The kernel's name of it.
    let dir = fs::canonicalize(place.path()).unwrap();
    layout(&dir);
    let secret = format!("open.file.path == \"{}/secret\"", dir.display());
    let (policy, json) = (dir.join("test.policy"), dir.join("json"));
    // Descriptors that are opened only to be opened again do not count.
    let rules = format!(
        "rules:\n  - id: secret\n    expression: {secret} && open.flags & O_PATH == 0\n\
         \x20 - id: other\n    expression: \
         process.file.name == \"spellings\" && open.flags & O_PATH == 0 && !({secret})\n"
    );
    fs::write(&policy, rules).unwrap();
    let mut run = sentrace_tests::sentrace();
    run.arg("run").args(engine.options).arg("--strict").arg("--policy").arg(&policy);
    run.arg("--json").arg(&json).args(["--", "sh", "-c", "for word; do \"$0\" \"$word\"; done"]);
    let ended = sentrace_tests::ended(run.arg(fixture("spellings")).args(words).current_dir(&dir));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), words.len(), "{ended:?}");
    let lines = fs::read_to_string(json).unwrap();
    let alert = |line: &str| {
        let alert: Value = serde_json::from_str(line).unwrap();
        let text = |place: &str| alert.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let path = text("/file/path").replacen(&dir.display().to_string(), "", 1);
        (text("/agent/rule_id").to_owned(), text("/process/args/0").to_owned(), path)
    };
    lines.lines().map(alert).collect()
}

fn possible<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<&'w str> {
    let is_root = nix::unistd::geteuid().is_root();
    words.into_iter().filter(|word| is_root || !PRIVILEGED.contains(word)).collect()
}

#[test]
fn a_rule_on_a_path_knows_all_spellings() {
    let words = possible(SPELLINGS);
    for engine in ENGINES {
        let alerts = alerts(engine, &words);
        let fired = alerts.iter().filter(|(rule, ..)| rule == "secret");
        let fired: Vec<_> = fired.map(|(_, word, _)| word.as_str()).collect();
        assert_eq!(fired, words, "under {}", engine.name);
    }
}

#[test]
fn other_names_are_told_as_they_are() {
    let words = possible(OTHERS.map(|(word, _)| word));
    for engine in ENGINES {
        let alerts = alerts(engine, &words);
        for (word, path) in OTHERS.iter().filter(|(word, _)| words.contains(word)) {
            let of_word = |alert: &&(String, String, String)| alert.1 == *word;
            let (rule, _, told) = alerts.iter().rfind(of_word).expect(word);
            assert_eq!((rule.as_str(), told.as_str()), ("other", *path), "{word}");
        }
    }
}

/// Another thread changes the path while the call waits in the FIFO that it opens.
#[test]
fn a_path_that_changes_during_the_call() {
    Program::fixture("calls", &["changed"]).everywhere(|_, events| {
        let fifo = events.find("open", |event| ends_with(&event["file"]["path"], "/fifo"));
        let marks = |event: &Value| event["sentrace"]["marks"].to_string().contains("toctou");
        assert_eq!(fifo.map(marks).collect::<Vec<_>>().len(), 2);
        let mut changed = events.find("open", marks);
        assert!(changed.next().is_some_and(|event| ends_with(&event["file"]["path"], "/fifo")));
        assert!(changed.next().is_none());
    });
}

/// A 64-bit program makes calls of the 32-bit ABI, whose numbers mean something else.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_the_32_bit_abi() {
    Program::fixture("calls", &["compat"]).everywhere(|_, events| {
        for (name, file) in [("open", true), ("unlink", true), ("signal", false)] {
            let is_compat = |event: &Value| {
                event["sentrace"]["abi"] == "i386"
                    && (!file || ends_with(&event["file"]["path"], "/compat"))
            };
            assert_eq!(events.find(name, is_compat).count(), 1, "{name}");
        }
    });
    // Kernels without this ABI fail with ENOSYS, as untraced.
    Program::fixture("life", &["x32"]).everywhere(|_, _| ());
}

#[test]
fn a_path_that_cannot_be_read() {
    Program::fixture("calls", &["bad"]).everywhere(|_, _| ());
}

/// What it does then, no tracer sees.
#[test]
fn an_io_uring_is_told() {
    Program::fixture("life", &["ring"]).everywhere(|_, events| {
        assert_eq!(events.count("io_uring_setup"), 1);
    });
}

/// The program was called with something else than its memory says later.
#[test]
fn arguments_are_those_of_the_execution() {
    Program::fixture("life", &["arguments"]).everywhere(|_, events| {
        let mut opens = events.find("open", |event| event["file"]["path"] == "/etc/group");
        let process = &opens.next().expect("the event")["process"];
        assert_eq!(process["args"], serde_json::json!(["arguments"]));
        assert_eq!(process["argv0"], "./life");
    });
}

/// Two million bytes are told in part, and said to be.
#[test]
fn very_long_arguments() {
    Program::fixture("life", &["long"]).everywhere(|_, events| {
        let process = &events.find("exec", |_| true).last().expect("the event")["process"];
        assert_eq!(process["args_truncated"], true);
        assert_eq!(process["args"][0], "long");
        assert_eq!(process["args"][1], "c".repeat(100_000));
    });
}

fn ends_with(value: &Value, end: &str) -> bool {
    value.as_str().is_some_and(|text| text.ends_with(end))
}
