//! Random trees and random paths: the resolver agrees with the kernel.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use sentrace_tracer::resolve::{Follow, Resolver};

use crate::actor::Actor;

/// Up to four components out of a few names, so that they often meet.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "d"]),
        2 => Just(".."),
        1 => Just("."),
        1 => Just(""),
    ];
    (any::<bool>(), prop::collection::vec(name, 1..5), any::<bool>()).prop_map(
        |(is_absolute, names, has_slash)| {
            let start = if is_absolute { "/" } else { "" };
            let end = if has_slash { "/" } else { "" };
            format!("{start}{}{end}", names.join("/"))
        },
    )
}

#[derive(Debug, Clone)]
enum Entry {
    Directory(String),
    File(String),
    Link(String, String),
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        3 => path().prop_map(Entry::Directory),
        2 => path().prop_map(Entry::File),
        4 => (path(), path()).prop_map(|(at, target)| Entry::Link(at, target)),
    ]
}

/// What cannot be made (a place that exists, a missing parent) is left out.
fn make(entry: &Entry) {
    let _ = match entry {
        Entry::Directory(at) => fs::create_dir_all(at),
        Entry::File(at) => fs::write(at, ""),
        Entry::Link(at, target) => symlink(target, at),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn trees(
        entries in prop::collection::vec(entry(), 1..14),
        paths in prop::collection::vec(path(), 1..40),
        cwd in path(),
    ) {
        let root = tempfile::tempdir().unwrap();
        let Some(actor) = Actor::jailed(root.path()) else { return Ok(()) };
        let resolvers = [Resolver::new().unwrap(), Resolver::stepwise().unwrap()];
        actor.run(move || entries.iter().for_each(make));
        if actor.kernel(cwd.as_bytes(), Follow::Last).is_ok() {
            let _ = actor.run(move || std::env::set_current_dir(Path::new(&cwd)));
        }
        for path in paths.iter().filter(|path| !path.is_empty()) {
            for follow in [Follow::Last, Follow::Never] {
                for resolver in &resolvers {
                    actor.check(resolver, path.as_bytes(), follow);
                }
            }
        }
    }
}
