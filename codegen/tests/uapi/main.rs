//! Values, numbers and layouts of `syscalls.yaml` on every ABI against the kernel's own headers,
//! those of the C library, libseccomp, and bindings that others generate from newer headers. Run
//! with `--nocapture` to see how many values were compared, and what each source lacks.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod bindings;
mod headers;
mod layouts;
mod libseccomp;
mod numbers;
mod table;

use std::collections::BTreeSet;

use table::Entry;

/// What a source says about the values on one ABI.
#[derive(Default)]
struct Verdict {
    agreed: usize,
    /// Names that it does not have.
    lacking: BTreeSet<String>,
    /// Complaints.
    wrong: Vec<String>,
}

#[test]
fn values_are_those_of_the_kernel() {
    let model = table::model();
    let entries = table::entries(&model);
    let table: Vec<&Entry> = entries.iter().collect();
    let mut wrong = Vec::new();
    for (id, abi) in model.abis.iter().enumerate() {
        let abi = abi.name.as_str();
        let mut source = |name: &str, floor: usize, verdict: Verdict| {
            report(abi, name, &verdict);
            wrong.extend(verdict.wrong.into_iter().map(|wrong| format!("{abi}: {name}: {wrong}")));
            // Fewer, and the source has gone missing.
            assert!(verdict.agreed >= floor, "{abi}: {name}: {} values", verdict.agreed);
            verdict.lacking
        };
        let headers = headers::of(abi);
        let version = format!("headers of Linux {}", headers.version());
        let internal = source(&version, 1900, headers.compare(id, &table));
        let bindings = bindings::of(abi);
        let version = format!("bindings of Linux {}", bindings.version());
        let mut unknown = &internal & &source(&version, 1550, bindings.compare(id, &table));
        if let Some(library) = headers::of_the_library(abi) {
            // Some names of the kernel have other values here.
            let mut rest = table.clone();
            rest.retain(|entry| internal.contains(&entry.name));
            let name = "headers of the C library";
            unknown = &unknown & &source(name, 110, library.compare(id, &rest));
        }
        eprintln!("{abi}: of {} names, {} are in no source", table.len(), unknown.len());
        assert!(unknown.len() < 300, "{abi}: {unknown:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn report(abi: &str, source: &str, verdict: &Verdict) {
    let Verdict { agreed, lacking, .. } = verdict;
    let names: Vec<&str> = lacking.iter().map(String::as_str).collect();
    eprintln!("{abi}: {agreed} values as in {source}; it lacks {}:", lacking.len());
    eprintln!("    {}", names.join(" "));
}
