//! Sets and families of constants.

use std::fmt::Write as _;

use super::table::{Table, code};
use crate::model::{Model, Named, SetKind};

/// The page.
pub(super) fn page(model: &Model) -> String {
    let mut page = String::from(
        "Rules know all these names, but for those of sets that say otherwise. A value that \
         differs between ABIs has a column for each; rules have the one of the machine.\n\n",
    );
    for set in &model.sets {
        let kind = match set.kind {
            SetKind::Flags => "Flags",
            SetKind::Enum => "One value at a time",
        };
        let rules = if set.rules { "" } else { "; not for rules" };
        headline(&mut page, &set.name, &set.doc, &format!(" {kind}{rules}."));
        for field in &set.fields {
            write!(page, "Of the bits `{}` ({:#x}):\n\n", field.name, field.mask)
                .expect("a string takes all text");
            page += &values(model, &field.values);
        }
        if !set.values.is_empty() {
            page += &values(model, &set.values);
        }
    }
    for family in &model.families {
        headline(&mut page, &family.name, &family.doc, "");
        page += &values(model, &family.values);
    }
    page
}

fn headline(page: &mut String, name: &str, doc: &str, more: &str) {
    let doc = if doc.is_empty() { String::new() } else { format!("{doc}.") };
    write!(page, "## {name}\n\n{}\n\n", format!("{doc}{more}").trim())
        .expect("a string takes all text");
}

/// One column where all are the same, else one for each ABI.
fn values(model: &Model, values: &[Named]) -> String {
    let same = |named: &Named| named.values.windows(2).all(|pair| pair[0] == pair[1]);
    let cell = |value: &Option<i64>| value.map(number).unwrap_or_default();
    if values.iter().all(same) {
        let mut table = Table::of(&["name", "value"]);
        for named in values {
            table.row([code(&named.name), named.values.first().map(cell).unwrap_or_default()]);
        }
        return table.finish();
    }
    let abis = model.abis.iter().map(|abi| abi.name.as_str());
    let mut table = Table::of(&["name"].into_iter().chain(abis).collect::<Vec<_>>());
    for named in values {
        table.row([code(&named.name)].into_iter().chain(named.values.iter().map(cell)));
    }
    table.finish()
}

fn number(value: i64) -> String {
    if (-4096..1024).contains(&value) { value.to_string() } else { format!("{value:#x}") }
}
