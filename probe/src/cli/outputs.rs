//! Where events and alerts go.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use sentrace_probe::output::json::{Agent, Json};
use sentrace_probe::output::text::{Look, Text};
use sentrace_probe::output::{Output, Scope};
use sentrace_probe::rules::HostModel;

/// JSON lines to a file (`-`: stdout), or without one, text to stderr.
pub(super) fn open(
    json: Option<&Path>,
    scope: Scope,
    host: &HostModel,
) -> anyhow::Result<Box<dyn Output>> {
    let Some(path) = json else {
        let stderr = io::stderr();
        let look = Look::of(&stderr);
        return Ok(Box::new(Text::new(stderr, scope, look)));
    };
    let to: Box<dyn Write + Send> = if path == Path::new("-") {
        Box::new(io::stdout())
    } else {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Box::new(file.with_context(|| path.display().to_string())?)
    };
    Ok(Box::new(Json::new(to, scope, Agent::on(host))))
}

/// All events, or alerts only.
pub(super) fn scope(all_events: bool) -> Scope {
    if all_events { Scope::Everything } else { Scope::Alerts }
}
