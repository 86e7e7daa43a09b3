//! How much memory an event takes.

use sentrace_schema::record::{Record, Value};
use sentrace_schema::wire::Event;

/// Bytes of memory that an event takes, without what the allocator adds. Close to its size on the
/// wire, too.
pub(super) fn of(event: &Event) -> usize {
    let record = event.payload.record();
    size_of::<Event>() + size_of_val(record) + contents(record)
}

/// Bytes that the fields of a record have on the heap.
fn contents(record: &dyn Record) -> usize {
    let field = |index| match record.get(index) {
        Value::Bool(_) | Value::Int(_) | Value::Ip(_) => 0,
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.iter().map(|text| size_of::<Vec<u8>>() + text.len()).sum(),
        Value::Ints(ints) => size_of_val(ints),
        Value::Record(record) => contents(record),
    };
    (0..record.desc().fields.len()).map(field).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentrace_schema::wire::Header;
    use sentrace_schema::{Payload, events};

    #[test]
    fn what_an_event_holds_counts() {
        let size = |exec: &events::Exec| {
            let payload = Payload::Exec(exec.clone().into());
            of(&Event { header: Header::default(), payload })
        };
        let mut exec = events::Exec::default();
        let empty = size(&exec);
        assert!(empty >= size_of::<Event>() + size_of::<events::Exec>());
        exec.syscall_path = vec![b'a'; 100];
        exec.process.argv = vec![vec![b'b'; 10]; 7];
        assert_eq!(size(&exec), empty + 100 + 7 * (10 + size_of::<Vec<u8>>()));
    }
}
