//! One end of a connection, for tests of the other end in any crate: says what it is told to say.

use std::io::{Read, Write};

use sentrace_schema::wire::{Decoder, Message};

/// A connection to what is tested.
pub(crate) struct Line {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    rest: Vec<u8>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Line {
    pub(crate) fn new(stream: impl Read + Write + Send + 'static) -> Self {
        Self { stream: Box::new(stream), decoder: Decoder::default(), rest: Vec::new() }
    }

    /// False when the other end has closed the connection.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn send(&mut self, message: &Message) {
        assert!(self.bytes(&message.encode().unwrap()));
    }

    /// The next message, `None` when the other end has closed the connection.
    pub(crate) fn message(&mut self) -> Option<Message> {
        loop {
            let mut input = &self.rest[..];
            let message = self.decoder.feed(&mut input).unwrap();
            self.rest = input.to_vec();
            if message.is_some() {
                return message;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
            }
        }
    }
}
