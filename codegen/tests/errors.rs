//! Bad files and what is said about them. Each file of `errors` has its errors on the lines where
//! they are, as comments: `# error: COLUMN: MESSAGE`. There must be these and no others.
//! `SENTRACE_UPDATE=1` writes the comments anew: read the difference.

use std::fs;
use std::path::{Path, PathBuf};

use sentrace_codegen::load;

const MARK: &str = " # error: ";

#[test]
fn every_error_is_said_where_it_is() {
    let update = std::env::var_os("SENTRACE_UPDATE").is_some();
    let mut wrong = Vec::new();
    for path in files() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let expected = fs::read_to_string(&path).expect("a bad file");
        let actual = with_comments(&name, &expected);
        if actual == expected {
            assert!(expected.contains(MARK), "{name} has no errors");
        } else if update {
            fs::write(&path, actual).expect("a file to write");
        } else {
            let lines = expected.lines().zip(actual.lines()).enumerate();
            let lines = lines.filter(|(_, (expected, actual))| expected != actual);
            wrong.extend(lines.map(|(line, (expected, actual))| {
                format!("{name}:{}\n  expected: {expected}\n  found:    {actual}", line + 1)
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let entries = fs::read_dir(directory).expect("the bad files");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The file with the errors that there are.
fn with_comments(name: &str, text: &str) -> String {
    let lines = text.lines().map(|line| line.split(MARK).next().unwrap_or_default());
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    let plain = lines.join("\n") + "\n";
    let Err(errors) = load(name, &plain) else { return plain };
    for error in errors.iter() {
        let place = error.place;
        // What is wrong with the end of the file is said on the last line.
        let line = place.line.min(lines.len()) - 1;
        lines[line] += &format!("{MARK}{}: {}", place.column, error.message);
    }
    lines.join("\n") + "\n"
}
