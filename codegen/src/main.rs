//! Shows what the generator makes of `syscalls.yaml`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sentrace_codegen::model::Model;

/// Shows what the generator makes of syscalls.yaml
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
    /// What is wrong, or how much there is
    Check,
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
    let output = match cli.output {
        Output::Check => counts(&model),
    };
    io::Write::write_all(&mut io::stdout().lock(), output.as_bytes())?;
    Ok(())
}

fn counts(model: &Model) -> String {
    let Model { abis, sets, structs, groups, events, syscalls, .. } = model;
    let counts =
        [abis.len(), sets.len(), structs.len(), groups.len(), events.len(), syscalls.len()];
    let names = ["ABIs", "sets", "structures", "groups", "events", "system calls"];
    let counts = counts.iter().zip(names).map(|(count, name)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ") + "\n"
}
