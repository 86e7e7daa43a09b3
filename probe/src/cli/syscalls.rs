//! `sentrace syscalls`: what is known about system calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use sentrace_schema::record::AbiDesc;
use sentrace_schema::{ABIS, EVENTS};
use sentrace_tracer::decode::table::SyscallDesc;
use sentrace_tracer::decode::{self, NUMBERS, SYSCALLS};
use sentrace_tracer::engine::AbiId;
use sentrace_yaml::nearest;
use serde::Serialize;

use super::{notation, print};

/// List system calls: numbers, arguments, events
///
/// Without NAME, the calls of one ABI by number; with it, one call on all ABIs. Types are those of
/// docs/spec.md.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Syscalls {
    /// amd64, arm64, i386, arm or x32 (default: this machine's)
    #[arg(long, value_parser = super::abi)]
    abi: Option<&'static AbiDesc>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Name or number of a call
    #[arg(value_name = "NAME|NR")]
    call: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  Which call is number 59 here, and on 32-bit ARM?
    sentrace syscalls 59
    sentrace syscalls --abi arm 59
  On which ABIs does renameat2 exist?
    sentrace syscalls renameat2";

/// A call as JSON.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    /// By ABI.
    numbers: BTreeMap<&'static str, u32>,
    signature: String,
    events: Vec<String>,
}

impl Syscalls {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let abi = self.abi.unwrap_or_else(super::native);
        let calls = match &self.call {
            None => on(abi).iter().map(|(_, call)| *call).collect(),
            Some(name) => vec![find(abi, name)?],
        };
        let own = self.call.is_none().then_some(abi);
        if self.json {
            let listed: Vec<_> = calls.iter().map(|call| json(call)).collect();
            return print(&(serde_json::to_string_pretty(&listed)? + "\n"));
        }
        print(&match own {
            Some(abi) => table(abi),
            None => calls.iter().map(|call| card(call, abi)).collect(),
        })
    }
}

/// The calls of an ABI by number.
fn on(abi: &AbiDesc) -> &'static [(u32, &'static SyscallDesc)] {
    NUMBERS.get(usize::from(abi.id)).copied().unwrap_or_default()
}

fn find(abi: &AbiDesc, call: &str) -> anyhow::Result<&'static SyscallDesc> {
    if let Ok(nr) = call.parse() {
        return match decode::numbered(AbiId(abi.id), nr) {
            Some(found) => Ok(found),
            None => bail!("{} has no call with the number {nr}", abi.name),
        };
    }
    if let Some(found) = decode::syscall(call) {
        return Ok(found);
    }
    match nearest(call, SYSCALLS.iter().map(|known| known.name)) {
        Some(meant) => bail!("there is no call `{call}` (did you mean `{meant}`?)"),
        None => bail!("there is no call `{call}`"),
    }
}

fn table(abi: &AbiDesc) -> String {
    let mut table = String::new();
    for (nr, call) in on(abi) {
        let events = events(call, abi);
        let arrow = if events.is_empty() { "" } else { "  -> " };
        let signature = notation::signature(call, Some(AbiId(abi.id)));
        // Writing to a String does not fail.
        let _ = writeln!(table, "{nr:4}  {signature}{arrow}{}", events.join("; "));
    }
    table
}

fn card(call: &'static SyscallDesc, abi: &AbiDesc) -> String {
    let numbers: Vec<_> = numbers(call).map(|(abi, nr)| format!("{} {nr}", abi.name)).collect();
    let mut card = format!("{}\n", notation::signature(call, None));
    let _ = writeln!(card, "  numbers: {}", numbers.join(", "));
    for event in events(call, abi) {
        let _ = writeln!(card, "  event:   {event}");
    }
    let _ = writeln!(card, "  manual:  https://man7.org/linux/man-pages/man2/{}.2.html", call.name);
    card
}

fn json(call: &'static SyscallDesc) -> Listed {
    Listed {
        name: call.name,
        numbers: numbers(call).map(|(abi, nr)| (abi.name, nr)).collect(),
        signature: notation::signature(call, None),
        events: events(call, super::native()),
    }
}

fn numbers(call: &'static SyscallDesc) -> impl Iterator<Item = (&'static AbiDesc, u32)> {
    ABIS.iter().filter_map(move |abi| {
        let (nr, _) = on(abi).iter().find(|(_, known)| std::ptr::eq(*known, call))?;
        Some((abi, *nr))
    })
}

/// The events that a call becomes, each with its conditions.
fn events(call: &SyscallDesc, abi: &AbiDesc) -> Vec<String> {
    wanted_events(call, abi, &|_| true)
}

/// Those of the events that a call becomes that are wanted (by wire id), each with its conditions.
pub(super) fn wanted_events(
    call: &SyscallDesc,
    abi: &AbiDesc,
    wanted: &dyn Fn(u16) -> bool,
) -> Vec<String> {
    let carried = call.becomes.iter().map(|_| "that of the call that it carries".to_owned());
    let own = call.events.iter().filter(|binding| wanted(binding.event)).filter_map(|binding| {
        let event = EVENTS.get(usize::from(binding.event))?;
        let when = binding.when.iter();
        let when = when.map(|condition| notation::condition(call, condition, AbiId(abi.id)));
        let when: Vec<_> = when.collect();
        Some(match when.as_slice() {
            [] => event.name.to_owned(),
            when => format!("{} if {}", event.name, when.join(" and ")),
        })
    });
    carried.chain(own).collect()
}
