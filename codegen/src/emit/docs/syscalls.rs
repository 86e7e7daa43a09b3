//! Every system call.

use super::table::{Table, code};
use super::text;
use crate::model::Model;

/// The page.
pub(super) fn page(model: &Model) -> String {
    let abis = model.abis.iter().map(|abi| abi.name.as_str());
    let columns: Vec<_> = ["call"].into_iter().chain(abis).chain(["arguments", "event"]).collect();
    let mut table = Table::of(&columns);
    for call in &model.syscalls {
        let name = &call.name;
        let name = format!("[{name}](https://man7.org/linux/man-pages/man2/{name}.2.html)");
        let numbers = call.nr.iter().map(|nr| nr.map(|nr| nr.to_string()).unwrap_or_default());
        let mut args = code(&text::signature(model, call));
        if !call.doc.is_empty() {
            let gap = if args.is_empty() { "" } else { "; " };
            args += &format!("{gap}{}", call.doc);
        }
        let events = call.events.iter().map(|binding| {
            let event = &model.events[binding.event].name;
            format!("[{event}](events.md#{event})")
        });
        let events = events.chain(call.becomes.iter().map(|_| "another call".into()));
        let events = events.collect::<Vec<_>>().join(", ");
        table.row([name].into_iter().chain(numbers).chain([args, events]));
    }
    let about = "Names and order of the arguments are the kernel's; the types are those of \
                 [the file](../spec.md#argument-types). Where an ABI has other arguments, these \
                 follow the common ones. x32 numbers are without `0x40000000`.\n\n";
    about.to_owned() + &table.finish()
}
