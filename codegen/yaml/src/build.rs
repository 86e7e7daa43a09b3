//! Builds the tree from the events of the parser.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::{Errors, Node, Place, Value, scalar};

/// Largest file in bytes.
pub const MAX_SIZE: usize = 8 << 20;
/// Lists and maps inside each other.
pub const MAX_DEPTH: usize = 64;

/// Parses a file; `file` is its name in error messages.
///
/// # Errors
/// The first syntax error, or everything that is YAML but not the part of it that is meant here.
pub fn parse(file: &str, text: &str) -> Result<Node, Errors> {
    let mut errors = Errors::new(file);
    if text.len() > MAX_SIZE {
        errors.add(start_of_file(), format!("the file is larger than {MAX_SIZE} bytes"));
        return Err(errors);
    }
    let mut builder = Builder { offsets: offsets(text), open: Vec::new(), root: None, errors };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if !builder.take(event, span) {
                    return Err(builder.errors);
                }
            }
            Err(error) => {
                let place = builder.point(*error.marker());
                builder.errors.add(place, error.info());
                return Err(builder.errors);
            }
        }
    }
    let nothing = Node { place: start_of_file(), value: Value::Null };
    builder.errors.into_result(builder.root.unwrap_or(nothing))
}

struct Builder {
    /// Byte offset of each character, and the end.
    offsets: Vec<u32>,
    /// Lists and maps that have begun.
    open: Vec<Open>,
    root: Option<Node>,
    errors: Errors,
}

enum Open {
    Seq(Place, Vec<Node>),
    Map {
        place: Place,
        entries: Vec<(Node, Node)>,
        key: Option<Node>,
        /// Where each key stands.
        keys: HashMap<String, Place>,
    },
}

impl Builder {
    /// Takes in an event; false when there is no point in going on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let place = self.place(span);
        let (anchor, has_tag) = match &event {
            Event::Alias(_) => (1, false),
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 {
            self.errors.add(place, "anchors and aliases are not supported");
        }
        if has_tag {
            self.errors.add(place, "tags are not supported");
        }
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.errors.add(place, "a file holds one document only");
                return false;
            }
            Event::Alias(_) => self.add(Node { place, value: Value::Null }),
            Event::Scalar(text, style, ..) => {
                let value = match style {
                    ScalarStyle::Plain => scalar::plain(&text),
                    _ => Value::Str(text.into_owned()),
                };
                self.add(Node { place, value });
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if self.open.len() >= MAX_DEPTH => {
                self.errors.add(place, format!("nested too deeply (more than {MAX_DEPTH} levels)"));
                return false;
            }
            Event::SequenceStart(..) => self.open.push(Open::Seq(place, Vec::new())),
            Event::MappingStart(..) => {
                let (entries, keys) = (Vec::new(), HashMap::new());
                self.open.push(Open::Map { place, entries, key: None, keys });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            _ => {}
        }
        true
    }

    fn close(&mut self, end: Place) {
        let (mut place, value) = match self.open.pop() {
            Some(Open::Seq(place, nodes)) => (place, Value::Seq(nodes)),
            Some(Open::Map { place, entries, .. }) => (place, Value::Map(entries)),
            None => return,
        };
        place.len = (end.offset + end.len).saturating_sub(place.offset);
        self.add(Node { place, value });
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq(_, nodes)) => nodes.push(node),
            Some(Open::Map { entries, key, keys, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    match key_text(&node.value) {
                        None => self.errors.add(node.place, "a key must be a scalar"),
                        Some(text) => {
                            if let Some(first) = keys.get(&text) {
                                let line = first.line;
                                let message =
                                    format!("`{text}` comes twice (first in line {line})");
                                self.errors.add(node.place, message);
                            }
                            keys.entry(text).or_insert(node.place);
                        }
                    }
                    *key = Some(node);
                }
            },
        }
    }

    fn place(&self, span: Span) -> Place {
        let mut place = self.point(span.start);
        place.len = self.offset(span.end).saturating_sub(place.offset);
        place
    }

    fn point(&self, marker: Marker) -> Place {
        let (line, column) = (marker.line().max(1), marker.col() + 1);
        Place { line, column, offset: self.offset(marker), len: 0 }
    }

    fn offset(&self, marker: Marker) -> usize {
        let last = self.offsets.last().copied().unwrap_or(0);
        self.offsets.get(marker.index()).copied().unwrap_or(last) as usize
    }
}

/// Byte offset of each character, and of the end.
fn offsets(text: &str) -> Vec<u32> {
    let ends = std::iter::once(text.len());
    let all = text.char_indices().map(|(offset, _)| offset).chain(ends);
    all.map(|offset| u32::try_from(offset).unwrap_or(u32::MAX)).collect()
}

fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Int(value) => Some(value.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Seq(_) | Value::Map(_) => None,
    }
}

fn start_of_file() -> Place {
    Place { line: 1, column: 1, offset: 0, len: 0 }
}
