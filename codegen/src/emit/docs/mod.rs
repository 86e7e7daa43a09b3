//! Markdown: the reference, `docs/reference/`.

mod constants;
mod events;
mod groups;
mod support;
mod syscalls;
mod table;
mod text;

use std::fmt::Write as _;

use crate::model::Model;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Name of the file in the directory of the reference.
    pub file: &'static str,
    /// Markdown.
    pub text: String,
}

/// All pages of the reference, the overview first.
pub fn pages(model: &Model) -> Vec<Page> {
    let pages = [
        (
            "events.md",
            "Events",
            "what rules can be about, and the calls behind it",
            events::page(model),
        ),
        ("groups.md", "Groups", "fields that occur in many events", groups::page(model)),
        (
            "constants.md",
            "Constants",
            "names of values, in rules and arguments",
            constants::page(model),
        ),
        ("syscalls.md", "System calls", "numbers, arguments, events", syscalls::page(model)),
        ("support.md", "Support", "what of a call is not decoded, and why", support::page(model)),
    ];
    let mut overview = format!(
        "{} system calls on {} ABIs, {} events.\n\n",
        model.syscalls.len(),
        model.abis.len(),
        model.events.len()
    );
    for (file, title, about, _) in &pages {
        writeln!(overview, "- [{title}]({file}): {about}").expect("a string takes all text");
    }
    let overview = Page { file: "README.md", text: headed("Reference", &overview) };
    let pages = pages.into_iter();
    let pages = pages.map(|(file, title, _, text)| Page { file, text: headed(title, &text) });
    std::iter::once(overview).chain(pages).collect()
}

fn headed(title: &str, text: &str) -> String {
    format!(
        "<!-- Generated from syscalls.yaml: change that file, see docs/howto/add-a-syscall.md. -->\n# {title}\n\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::sample;

    #[test]
    fn pages_of_the_sample() {
        let pages = pages(&sample::model());
        let check = |file: &str, expected: &[&str]| {
            let page = pages.iter().find(|page| page.file == file).expect("a page");
            for line in expected {
                assert!(page.text.lines().any(|known| known == *line), "{line}\n{}", page.text);
            }
        };
        check("README.md", &["0 system calls on 2 ABIs, 4 events."]);
        check(
            "events.md",
            &[
                "## open",
                "| `open.file.*` | [file](groups.md#file) | `file` | the field file |",
                "| `open.flags`, `open.syscall.flags` | [open_flags](constants.md#open_flags) | `flags` | the field flags |",
            ],
        );
        check("groups.md", &["## file", "| `name` | string | `name` | last part |"]);
        check("constants.md", &["## open_flags", "| `O_DIRECT` | 0x4000 | 0x10000 |"]);
    }
}
