//! Rules on `fim.write`: one about each type of event that writes.

use crate::secl::{Expr, parse};

/// What `fim.write.file` stands for in one type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    /// The group of fields that the file is.
    pub(super) file: &'static str,
    /// What must hold for it to be a write.
    condition: Option<&'static str>,
}

/// The file that is written, in rules.
pub(super) const GROUP: &str = "fim.write.file";
const PREFIX: &str = "fim.write.file.";

const VARIANTS: [Variant; 8] = [
    Variant {
        file: "open.file",
        condition: Some("open.flags & (O_CREAT|O_TRUNC|O_APPEND|O_RDWR|O_WRONLY) > 0"),
    },
    Variant {
        file: "chmod.file",
        condition: Some("chmod.file.destination.rights != chmod.file.rights"),
    },
    Variant {
        file: "chown.file",
        condition: Some(
            "(chown.file.destination.uid not in [-1, 4294967295] \
             && chown.file.destination.uid != chown.file.uid) \
             || (chown.file.destination.gid not in [-1, 4294967295] \
             && chown.file.destination.gid != chown.file.gid)",
        ),
    },
    Variant { file: "link.file", condition: None },
    Variant { file: "rename.file", condition: None },
    Variant { file: "rename.file.destination", condition: None },
    Variant { file: "unlink.file", condition: None },
    Variant { file: "utimes.file", condition: None },
];

impl Variant {
    /// An expression about this type of event.
    pub(super) fn apply(&self, expr: &mut Expr) {
        expr.for_each_name(&mut |name| {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                *name = format!("{}.{rest}", self.file);
            }
        });
    }

    /// What must hold for it to be a write.
    pub(super) fn condition(&self) -> Option<Expr> {
        parse(self.condition?).ok()
    }
}

/// What a rule with this expression expands to; empty when it is not about `fim.write`.
pub(super) fn variants(expr: &Expr) -> &'static [Variant] {
    let mut is_fim = false;
    // The names are only looked at.
    expr.clone().for_each_name(&mut |name| is_fim |= name.starts_with(PREFIX));
    if is_fim { &VARIANTS } else { &[] }
}
