//! Events and alerts as lines for people.
//!
//! ```text
//! 22:45:00 4711 cat open path=/etc/shadow flags=O_RDONLY = EACCES
//! ALERT secrets_read: Somebody reads the passwords
//!   22:45:00 open path=/etc/shadow flags=O_RDONLY = EACCES
//!   cat[4711] cat /etc/shadow < sh[4710] < sshd[99]
//! ```
//!
//! Whatever a traced program calls its files, nothing of it reaches the terminal unescaped.

mod fields;
mod line;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;

use nix::errno::Errno;
use sentrace_schema::wire::MARKS;
use sentrace_tracer::decode::table::is_success;

use self::line::{Line, Paint};
pub use self::line::{Look, Painting};
use super::time::Clock;
use super::{Output, Report, Scope, layout, scrub};
use crate::rules::Match;
use crate::tree::Entry;

/// So many arguments are shown.
const ARGUMENTS_MAX: usize = 32;
/// So many ancestors are named.
const ANCESTORS_MAX: usize = 6;

/// Writes lines, each with one call of `write`.
#[derive(Debug)]
pub struct Text<W> {
    to: W,
    scope: Scope,
    look: Look,
}

impl<W: Write> Text<W> {
    /// Writes to `to`.
    pub fn new(to: W, scope: Scope, look: Look) -> Self {
        Self { to, scope, look }
    }
}

impl<W: Write + Send> Output for Text<W> {
    fn wants_events(&self) -> bool {
        self.scope == Scope::Everything
    }

    fn write(&mut self, report: &Report<'_>) -> io::Result<()> {
        let lines = match report.alert {
            Some(alert) => alert_lines(report, alert),
            None => vec![event_line(report)],
        };
        let text: String = lines.iter().map(|line| line.render(self.look)).collect();
        self.to.write_all(text.as_bytes())
    }
}

fn event_line(report: &Report<'_>) -> Line {
    let process = report.entry.process();
    let mut line = Line::default();
    line.word(Paint::Dim, Clock(report.event.header.timestamp).to_string().as_bytes());
    line.word(Paint::Dim, report.event.header.pid.to_string().as_bytes());
    line.word(Paint::Plain, &process.rest().comm);
    what(&mut line, report);
    line
}

fn alert_lines(report: &Report<'_>, alert: &Match) -> Vec<Line> {
    let mut first = Line::default();
    first.word(Paint::Alarm, b"ALERT");
    match alert.rule.description.as_str() {
        "" => first.word(Paint::Strong, alert.rule.id.as_bytes()),
        description => {
            first.word(Paint::Strong, format!("{}:", alert.rule.id).as_bytes());
            first.text(Paint::Plain, description.as_bytes());
        }
    }
    if alert.suppressed > 0 {
        let suppressed = format!("({} more held back)", alert.suppressed);
        first.text(Paint::Dim, suppressed.as_bytes());
    }
    let mut second = Line::indented();
    second.word(Paint::Dim, Clock(report.event.header.timestamp).to_string().as_bytes());
    what(&mut second, report);
    let mut third = Line::indented();
    who(&mut third, report.entry);
    vec![first, second, third]
}

/// The event, its fields and its result.
fn what(line: &mut Line, report: &Report<'_>) {
    let header = &report.event.header;
    let desc = report.event.payload.event();
    line.word(Paint::Event, desc.name.as_bytes());
    if layout::is_process(desc) {
        let process = report.entry.process();
        let image = process.image();
        line.pair("program", &image.file.path);
        if report.entry.ended().is_none() {
            let args = scrub::list(image.argv.iter().map(Vec::as_slice));
            line.pair("args", &args.collect::<Vec<_>>().join(&b' '));
        }
    }
    for (key, value) in fields::of(report.event) {
        line.pair(&key, &value);
    }
    if !is_success(header.retval) {
        let errno = i32::try_from(-header.retval).map_or(Errno::UnknownErrno, Errno::from_raw);
        line.text(Paint::Alarm, format!("= {errno:?}").as_bytes());
    }
    for (_, mark) in MARKS.iter().filter(|(bit, _)| header.marks & bit != 0) {
        line.text(Paint::Dim, format!("[{mark}]").as_bytes());
    }
}

/// The process, its arguments, and who made it.
fn who(line: &mut Line, entry: &Arc<Entry>) {
    let process = entry.process();
    line.word(Paint::Strong, &name(entry));
    let arguments = process.image();
    let argv = std::iter::once(&arguments.argv0).chain(&arguments.argv).map(Vec::as_slice);
    let mut argv = scrub::list(argv.filter(|argument| !argument.is_empty()));
    for argument in argv.by_ref().take(ARGUMENTS_MAX) {
        line.word(Paint::Plain, &argument);
    }
    if argv.next().is_some() {
        line.text(Paint::Dim, "…".as_bytes());
    }
    let mut ancestors = entry.ancestors();
    for ancestor in ancestors.by_ref().take(ANCESTORS_MAX) {
        line.text(Paint::Dim, b"<");
        line.word(Paint::Dim, &name(&ancestor));
    }
    match ancestors.count() {
        0 => {}
        more => line.text(Paint::Dim, format!("< ({more} more)").as_bytes()),
    }
}

fn name(entry: &Entry) -> Vec<u8> {
    let process = entry.process();
    let rest = process.rest();
    [&rest.comm, format!("[{}]", rest.pid).as_bytes()].concat()
}
