//! Lines of painted words that fit a terminal.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::output::printable;

/// Longest value that is shown, in bytes.
const VALUE_MAX: usize = 512;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether words have colours.
    pub paint: Painting,
    /// Characters after which a line is cut, if it is.
    pub width: Option<usize>,
}

/// Whether words have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Painting {
    /// As ANSI sequences.
    Ansi,
    /// Not.
    Plain,
}

impl Look {
    /// What suits a stream: colours and lines cut to width on a terminal, unless `NO_COLOR` is set
    /// (<https://no-color.org>) or the terminal is `dumb`; neither elsewhere.
    pub fn of(stream: &(impl AsFd + IsTerminal)) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_terminal = stream.is_terminal();
        let has_colours = is_terminal && !is_dumb && !set("NO_COLOR");
        let width = terminal_size::terminal_size_of(stream).map(|(width, _)| width.0.into());
        Self {
            paint: if has_colours { Painting::Ansi } else { Painting::Plain },
            width: width.filter(|_| is_terminal),
        }
    }

    /// No colours, no limit.
    pub const PLAIN: Self = Self { paint: Painting::Plain, width: None };
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Dim,
    Strong,
    Event,
    Alarm,
}

impl Paint {
    /// The parameters of its ANSI sequence (SGR).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Dim => Some("2"),
            Self::Strong => Some("1"),
            Self::Event => Some("36"),
            Self::Alarm => Some("1;31"),
        }
    }
}

/// A line that is being put together.
#[derive(Debug, Default)]
pub(super) struct Line {
    indent: &'static str,
    words: Vec<(Paint, String)>,
}

impl Line {
    /// One that belongs to the line before.
    pub(super) fn indented() -> Self {
        Self { indent: "  ", words: Vec::new() }
    }

    /// Adds a word from outside; it is quoted when it would not look like one.
    pub(super) fn word(&mut self, paint: Paint, word: &[u8]) {
        let mut text = shown(word);
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '"') {
            text = format!("\"{}\"", text.replace('"', "\\\""));
        }
        self.words.push((paint, text));
    }

    /// Adds text that may have spaces.
    pub(super) fn text(&mut self, paint: Paint, text: &[u8]) {
        self.words.push((paint, shown(text)));
    }

    /// Adds `key=value`, if there is a value.
    pub(super) fn pair(&mut self, key: &str, value: &[u8]) {
        if !value.is_empty() {
            self.word(Paint::Plain, value);
            if let Some((_, word)) = self.words.last_mut() {
                word.insert_str(0, &format!("{key}="));
            }
        }
    }

    /// The line with its end.
    pub(super) fn render(&self, look: Look) -> String {
        let mut out = self.indent.to_owned();
        let mut left = look.width.unwrap_or(usize::MAX).saturating_sub(self.indent.len());
        for (index, (paint, word)) in self.words.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let Some(room) = left.checked_sub(space.len()).filter(|room| *room > 0) else { break };
            let width = word.chars().count();
            let text: String = if width <= room {
                word.clone()
            } else {
                word.chars().take(room - 1).chain(['…']).collect()
            };
            out.push_str(space);
            match paint.code().filter(|_| look.paint == Painting::Ansi) {
                Some(code) => out.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
                None => out.push_str(&text),
            }
            left = room.saturating_sub(width);
        }
        out.push('\n');
        out
    }
}

fn shown(bytes: &[u8]) -> String {
    let mut out = printable(&bytes[..bytes.len().min(VALUE_MAX)]);
    if bytes.len() > VALUE_MAX {
        out.push('…');
    }
    out
}
