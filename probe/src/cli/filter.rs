//! `sentrace filter`: which calls stop an application, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sentrace_bpf::{Section, action, compile, disassemble};
use sentrace_probe::rules::HostModel;
use sentrace_schema::record::{AbiDesc, EventDesc};
use sentrace_schema::{ABIS, EVENTS};
use sentrace_tracer::engine::AbiId;
use sentrace_tracer::session::Wanted;
use sentrace_tracer::{decode, filter};

use super::policies::Policies;
use super::{print, syscalls};

/// Show the seccomp filter of wanted events
///
/// The filter that stops an application at the calls that may become one of the events, as a
/// listing of its instructions, or with --explain call by call.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Filter {
    /// Only the part of one ABI: amd64, arm64, i386, arm or x32
    #[arg(long, value_parser = super::abi, conflicts_with = "machine")]
    abi: Option<&'static AbiDesc>,
    /// The filter of another machine
    #[arg(long, value_enum)]
    machine: Option<Machine>,
    /// Events that are wanted (default: those that the rules need)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = super::events::find)]
    events: Option<Vec<&'static EventDesc>>,
    /// All events are wanted
    #[arg(long, conflicts_with = "events")]
    all: bool,
    #[command(flatten)]
    policies: Policies,
    /// Say which calls stop and for which events, instead of listing instructions
    #[arg(long)]
    explain: bool,
}

const EXAMPLES: &str = "\
Examples:
  Which calls stop a program when only opens and connections matter?
    sentrace filter --events open,connect --explain
  Which rule of a policy is it that makes them stop?
    sentrace filter --policy local.policy --explain
  The instructions, as the kernel of a 64-bit ARM machine gets them:
    sentrace filter --machine aarch64";

/// Architectures that tracers run on.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[expect(non_camel_case_types, reason = "the names that users know")]
enum Machine {
    x86_64,
    aarch64,
}

impl Filter {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let machine = match (self.machine, self.abi) {
            (Some(Machine::x86_64), _) => "x86_64",
            (Some(Machine::aarch64), _) => "aarch64",
            (None, Some(abi)) => abi.machine,
            (None, None) => std::env::consts::ARCH,
        };
        let reasons = self.reasons()?;
        let wanted = |id: u16| reasons.iter().any(|(event, _)| event.id == id);
        let mut sections = filter::sections(machine, &wanted, action::TRACE);
        if let Some(abi) = self.abi {
            sections.retain(|section| is_of(section, abi));
        }
        if self.explain {
            return print(&explanation(&sections, &reasons));
        }
        let program = compile(&sections, action::TRACE).context("the filter cannot be made")?;
        print(&disassemble(&program, &filter::CallNames))
    }

    /// The wanted events, each with who wants it.
    fn reasons(&self) -> anyhow::Result<Vec<Reason>> {
        let asked = |event| (event, vec!["asked for".to_owned()]);
        if self.all {
            return Ok(EVENTS.iter().map(asked).collect());
        }
        if let Some(events) = &self.events {
            return Ok(events.iter().copied().map(asked).collect());
        }
        let rules = self.policies.load(&HostModel::detect())?;
        let wanted = Wanted::from(&rules.interest());
        let wanted = EVENTS.iter().filter(|event| wanted.contains(event.id));
        let of = |event: &'static EventDesc| {
            let rules = rules.rules().iter().filter(|rule| rule.event == event.name);
            let ids: Vec<_> = rules.map(|rule| rule.id.clone()).collect();
            (event, if ids.is_empty() { vec!["the process tree".to_owned()] } else { ids })
        };
        Ok(wanted.map(of).collect())
    }
}

/// A wanted event, and who wants it.
type Reason = (&'static EventDesc, Vec<String>);

fn is_of(section: &Section, abi: &AbiDesc) -> bool {
    (section.audit, section.number_flag) == (abi.audit, abi.number_flag)
}

fn explanation(sections: &[Section], reasons: &[Reason]) -> String {
    let mut text = String::new();
    let wanted = |id: u16| reasons.iter().any(|(event, _)| event.id == id);
    for section in sections {
        let Some(abi) = ABIS.iter().find(|abi| is_of(section, abi)) else { continue };
        let all = decode::NUMBERS.get(usize::from(abi.id)).map_or(0, |calls| calls.len());
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}: {} of {all} calls stop", abi.name, section.rules.len());
        for (nr, _) in &section.rules {
            let Some(call) = decode::numbered(AbiId(abi.id), *nr) else { continue };
            let events = syscalls::wanted_events(call, abi, &wanted).join("; ");
            let _ = writeln!(text, "  {nr:4}  {:24}  {events}", call.name);
        }
    }
    text.push_str("Calls of other architectures stop, and run on.\n\nWanted events:\n");
    for (event, who) in reasons {
        let by = if event.by_engine { " (no call: the engine reports it)" } else { "" };
        let _ = writeln!(text, "  {:18}{by}  {}", event.name, who.join(", "));
    }
    text
}
