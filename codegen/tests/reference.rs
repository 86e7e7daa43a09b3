//! The committed reference is what the generator makes. `SENTRACE_UPDATE=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sentrace_codegen::emit::docs;

#[test]
fn the_reference_is_committed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("syscalls.yaml")).expect("syscalls.yaml");
    let model = sentrace_codegen::load("syscalls.yaml", &text).unwrap_or_else(|e| panic!("{e}"));
    let directory = root.join("docs/reference");
    let pages = docs::pages(&model);
    if std::env::var_os("SENTRACE_UPDATE").is_some() {
        fs::create_dir_all(&directory).expect("a directory");
        for page in &pages {
            fs::write(directory.join(page.file), &page.text).expect("a page");
        }
    }
    for page in &pages {
        let committed = fs::read_to_string(directory.join(page.file)).unwrap_or_default();
        let hint = "run this test with SENTRACE_UPDATE=1 and commit the file";
        assert!(committed == page.text, "docs/reference/{} is not up to date: {hint}", page.file);
    }
    let entries = fs::read_dir(&directory).expect("the reference");
    let files = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let files: BTreeSet<_> = files.map(|name| name.expect("text")).collect();
    let expected: BTreeSet<_> = pages.iter().map(|page| page.file.to_owned()).collect();
    assert_eq!(files, expected, "docs/reference holds nothing else");
}
