//! Events as lines of the log.

use sentrace_schema::record::{Record, Value};
use sentrace_schema::wire::Event;

use crate::session::Sink;

/// Logs events on their way.
pub(super) struct Verbose<'s, S>(pub(super) &'s mut S);

impl<S: Sink> Sink for Verbose<'_, S> {
    fn event(&mut self, event: Event) {
        let header = &event.header;
        let what = text(event.payload.record()).unwrap_or_default().escape_ascii();
        let name = event.payload.event().name;
        tracing::info!(
            number = header.sequence,
            pid = header.pid,
            retval = header.retval,
            "{name} {what}"
        );
        self.0.event(event);
    }
}

/// The first text of a record: a path or a name, mostly.
fn text(record: &dyn Record) -> Option<&[u8]> {
    (0..record.desc().fields.len()).find_map(|index| match record.get(index) {
        Value::Bytes(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
        Value::Record(record) => text(record),
        _ => None,
    })
}
