//! Shows what the generator makes of `syscalls.yaml`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, iter};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sentrace_codegen::emit::{capnp, decoders, docs, records};
use sentrace_codegen::model::Model;

/// Shows what the generator makes of syscalls.yaml
///
/// All errors of the file go to stderr, and the exit status is 1.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What to print
    #[arg(value_enum, default_value_t = Output::Check)]
    output: Output,
    /// The file
    #[arg(short, long, default_value = "syscalls.yaml")]
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// How much there is, if nothing is wrong
    Check,
    /// System calls: numbers, name, events
    List,
    /// Rust: tables of system calls
    Decoders,
    /// Rust: records of events and their descriptors
    Records,
    /// Rust: between records and Cap'n Proto
    Conversions,
    /// Cap'n Proto
    Schema,
    /// Markdown: all pages of the reference
    Docs,
    /// JSON: the model, for other tools
    Json,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let name = cli.file.display().to_string();
    let text = fs::read_to_string(&cli.file).with_context(|| name.clone())?;
    let model = sentrace_codegen::load(&name, &text)?;
    let output = print(&model, cli)?;
    match io::stdout().lock().write_all(output.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn print(model: &Model, cli: &Cli) -> anyhow::Result<String> {
    Ok(match cli.output {
        Output::Check => counts(model),
        Output::List => list(model),
        Output::Decoders => decoders::rust(model),
        Output::Records => records::rust(model),
        Output::Conversions => capnp::conversions(model),
        Output::Schema => {
            let committed = cli.file.with_file_name("schema").join(capnp::FILE);
            let committed = fs::read_to_string(committed).unwrap_or_default();
            capnp::text(&capnp::schema_after(model, &committed)?)
        }
        Output::Docs => {
            let pages = docs::pages(model).into_iter().map(|page| page.text);
            pages.collect::<Vec<_>>().join("\n")
        }
        Output::Json => serde_json::to_string_pretty(model)? + "\n",
    })
}

fn counts(model: &Model) -> String {
    let Model { abis, sets, structs, groups, events, syscalls, .. } = model;
    let lens = [abis.len(), sets.len(), structs.len(), groups.len(), events.len(), syscalls.len()];
    let names = ["ABIs", "sets", "structures", "groups", "events", "system calls"];
    let counts = lens.iter().zip(names).map(|(count, name)| format!("{count} {name}"));
    let per_abi = abis.iter().enumerate().map(|(abi, row)| {
        let calls = syscalls.iter().filter(|call| call.nr[abi].is_some());
        format!("{} on {}", calls.count(), row.name)
    });
    let fields = events.iter().map(|event| event.record.fields.len()).sum::<usize>();
    let all = counts.chain(per_abi).chain(iter::once(format!("{fields} fields of events")));
    all.collect::<Vec<_>>().join("\n") + "\n"
}

/// One line for each call, tabulated by tabs.
fn list(model: &Model) -> String {
    let abis = model.abis.iter().map(|abi| abi.name.clone());
    let head = abis.chain(["call".to_owned(), "events".to_owned()]).collect::<Vec<_>>();
    let calls = model.syscalls.iter().map(|call| {
        let numbers = call.nr.iter().map(|nr| nr.map_or("-".to_owned(), |nr| nr.to_string()));
        let events = call.events.iter().map(|of| model.events[of.event].name.as_str());
        let events = events.collect::<Vec<_>>().join(",");
        numbers.chain([call.name.clone(), events]).collect::<Vec<_>>()
    });
    let lines = iter::once(head).chain(calls).map(|cells| cells.join("\t").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
