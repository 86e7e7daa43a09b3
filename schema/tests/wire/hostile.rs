//! A peer that sends nonsense, or sense of the wrong size: clean errors, bounded memory.

use proptest::prelude::*;
use sentrace_schema::frame::{Decoder, MAX_FRAME};
use sentrace_schema::record::{Record, Value};
use sentrace_schema::wire::{Hello, MAX_EVENTS, MAX_LIST, Message};
use sentrace_schema::{EVENTS, Payload, events};

use crate::random::{self, Tape};
use crate::roundtrip::{decode, messages};

/// What a decoded message may occupy, whatever its frame says: the contents of a frame, a `Vec`
/// for every pointer in it, and the records of a full batch.
const MAX_DECODED: usize = 4 * MAX_FRAME + MAX_EVENTS * MAX_RECORD;
const MAX_RECORD: usize = 2048;

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A frame of one segment.
fn frame(contents: &[u64]) -> Vec<u8> {
    [words(&[(contents.len() as u64) << 32]), words(contents)].concat()
}

fn error(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err().to_string()
}

#[test]
fn segment_tables() {
    let table: [(&[u32], &str); 5] = [
        (&[u32::MAX], "a frame of 4294967296 segments, more than 64"),
        (&[64], "a frame of 65 segments, more than 64"),
        (&[0, 131_073], "a frame of 1048584 bytes, more than 1048576"),
        (&[1, u32::MAX, u32::MAX, 0], "a frame of 34359738360 bytes, more than 1048576"),
        (&[1, 131_072, 1, 0], "a frame of 1048584 bytes, more than 1048576"),
    ];
    for (numbers, message) in table {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(error(&bytes), message);
    }
}

#[test]
fn announced_contents_take_no_memory_before_they_come() {
    let mut decoder = Decoder::default();
    let mut bytes: &[u8] = &words(&[131_072 << 32, 1]);
    assert!(decoder.feed(&mut bytes).unwrap().is_none());
    assert!(format!("{decoder:?}").len() < 1000);
}

// `Message` has two data words, the first of which begins with the kind, and one pointer.
const MESSAGE: u64 = 2 << 32 | 1 << 48;
const EVENTS_KIND: u64 = 2;

#[test]
fn lists_that_are_longer_than_their_frame() {
    let composite = 1 | 7 << 32;
    let empty = 1;
    let count = (1u64 << 29) - 1;
    let table = [
        // Structures without content, as many as can be.
        frame(&[MESSAGE, EVENTS_KIND, 0, composite, count << 2]),
        frame(&[MESSAGE, EVENTS_KIND, 0, empty | count << 35]),
        // The contents would be outside of the frame.
        frame(&[MESSAGE, EVENTS_KIND, 0, composite | 100 << 35, 100 << 2 | 1 << 32]),
        frame(&[MESSAGE, EVENTS_KIND, 0, composite | 1 << 20, 0]),
    ];
    for bytes in table {
        error(&bytes);
    }
    let records =
        EVENTS.iter().map(|event| record_size(Payload::empty(event.id).unwrap().record()));
    assert!(records.max().unwrap() <= MAX_RECORD);
    let longest = frame(&[MESSAGE, EVENTS_KIND, 0, composite, (MAX_EVENTS as u64) << 2]);
    let messages = decode(&longest).unwrap();
    assert!(matches!(messages.as_slice(), [Message::Events(events)] if events.len() == MAX_EVENTS));
    let longer = frame(&[MESSAGE, EVENTS_KIND, 0, composite, (MAX_EVENTS as u64 + 1) << 2]);
    assert_eq!(error(&longer), "a batch of events with 4097 entries, more than 4096");
}

/// One text, to which all entries of a list point.
#[test]
fn contents_that_are_used_again_and_again() {
    const ENTRIES: usize = 512;
    let mut argv = vec![Vec::new(); ENTRIES];
    argv[0] = vec![b'x'; 2400];
    let hello = Message::Hello(Hello { argv, ..Hello::default() });
    let mut bytes = hello.encode().unwrap();
    let text = 1u64 | (2 | 2400 << 3) << 32;
    let word = |at: usize, bytes: &[u8]| u64::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    let first = (8..bytes.len()).step_by(8).find(|&at| {
        let offset = 0x3fff_ffff << 2;
        word(at, &bytes) & !offset == text
    });
    let first = first.unwrap();
    let pointer = word(first, &bytes);
    for entry in 1..ENTRIES {
        let at = first + 8 * entry;
        let shifted = pointer - (entry as u64) * 4;
        bytes[at..at + 8].copy_from_slice(&shifted.to_le_bytes());
    }
    assert!(error(&bytes).starts_with("malformed message: "), "{}", error(&bytes));
}

#[test]
fn newer_peers() {
    let mut bytes = frame(&[MESSAGE, 6, 0, 0]);
    assert_eq!(error(&bytes), "message of the unknown kind 6");

    let open = events::Open::default().into();
    let event = sentrace_schema::wire::Event { header: Default::default(), payload: open };
    bytes = Message::Events(vec![event]).encode().unwrap();
    // Segment table, root pointer, Message, tag of the list; then the event's kind.
    assert_eq!(bytes[6 * 8], 3);
    bytes[6 * 8] = EVENTS.len() as u8;
    assert_eq!(error(&bytes), format!("event with the unknown id {}", EVENTS.len()));
}

#[test]
fn we_do_not_send_what_nobody_takes() {
    let event = random::event(0, &mut Tape(&[]));
    let too_many = Message::Events(vec![event; MAX_EVENTS + 1]);
    let expected = "a batch of events with 4097 entries, more than 4096";
    assert_eq!(too_many.encode().unwrap_err().to_string(), expected);

    let long_list = Hello { argv: vec![vec![]; MAX_LIST + 1], ..Hello::default() };
    let expected = "a list of texts with 4097 entries, more than 4096";
    assert_eq!(Message::Hello(long_list).encode().unwrap_err().to_string(), expected);

    let large = Hello { version: vec![0; MAX_FRAME], ..Hello::default() };
    let error = Message::Hello(large).encode().unwrap_err().to_string();
    assert!(error.ends_with("bytes, more than 1048576"), "{error}");
    let fits = Hello { version: vec![0; MAX_FRAME - 1024], ..Hello::default() };
    decode(&Message::Hello(fits).encode().unwrap()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check_bounded(&bytes);
    }

    /// Random contents in a sound frame.
    #[test]
    fn random_words(contents in prop::collection::vec(any::<u64>(), 1..200)) {
        check_bounded(&frame(&contents));
    }

    /// Random pointers behind a sound root, most of them near each other.
    #[test]
    fn random_pointers(contents in prop::collection::vec(pointers(), 1..200)) {
        check_bounded(&frame(&[&[MESSAGE, EVENTS_KIND, 0], contents.as_slice()].concat()));
    }

    #[test]
    fn mutated_messages(
        kind in 0..messages().len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
    ) {
        let mut bytes = messages()[kind].encode().unwrap();
        for (index, value) in changes {
            *index.get_mut(&mut bytes) = value;
        }
        check_bounded(&bytes);
    }

    #[test]
    fn mutated_events(
        id in 0..EVENTS.len() as u16,
        tape in prop::collection::vec(any::<u8>(), 0..2000),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
    ) {
        let event = random::event(id, &mut Tape(&tape));
        let mut bytes = Message::Events(vec![event]).encode().unwrap();
        for (index, value) in changes {
            *index.get_mut(&mut bytes) = value;
        }
        check_bounded(&bytes);
    }
}

fn pointers() -> impl Strategy<Value = u64> {
    let structure = (-8i64..40, 0u64..8, 0u64..40).prop_map(|(offset, data, pointers)| {
        (offset as u64 & 0x3fff_ffff) << 2 | data << 32 | pointers << 48
    });
    let list = (-8i64..40, 0u64..8, 0u64..200).prop_map(|(offset, size, count)| {
        (offset as u64 & 0x3fff_ffff) << 2 | 1 | size << 32 | count << 35
    });
    prop_oneof![structure, list, 0..EVENTS.len() as u64]
}

/// Whatever comes out is an error or of bounded size.
fn check_bounded(bytes: &[u8]) {
    let size = decode(bytes).map_or(0, |messages| messages.iter().map(message_size).sum());
    assert!(size <= MAX_DECODED, "{size} bytes");
}

fn message_size(message: &Message) -> usize {
    let inside = match message {
        Message::Events(events) => events.iter().map(|event| payload_size(&event.payload)).sum(),
        Message::Hello(hello) => {
            hello.argv.iter().map(|arg| arg.len() + size_of::<Vec<u8>>()).sum()
        }
        Message::Heartbeat(heartbeat) => size_of_val(heartbeat.dropped.as_slice()),
        Message::Welcome(_) | Message::Ack(_) | Message::Goodbye => 0,
    };
    size_of::<Message>() + inside
}

fn payload_size(payload: &Payload) -> usize {
    size_of::<sentrace_schema::wire::Event>() + record_size(payload.record())
}

fn record_size(record: &dyn Record) -> usize {
    let fields = 0..record.desc().fields.len();
    let inside: usize = fields
        .map(|index| match record.get(index) {
            Value::Bytes(text) => text.len(),
            Value::List(list) => list.iter().map(|text| text.len() + size_of_val(text)).sum(),
            Value::Ints(list) => size_of_val(list),
            // The structure itself is part of the outer one.
            Value::Record(inner) => record_size(inner) - size_of_val(inner),
            Value::Bool(_) | Value::Int(_) | Value::Ip(_) => 0,
        })
        .sum();
    size_of_val(record) + inside
}
