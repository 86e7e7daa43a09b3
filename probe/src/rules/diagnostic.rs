//! What is wrong with a policy, and where.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// Lines of the file that are shown.
const LINES_MAX: usize = 8;
/// Bytes of the file that are shown.
const BYTES_MAX: usize = 4096;
/// Bytes of a message.
const MESSAGE_MAX: usize = 1024;

/// What is wrong with a policy, and where. It is displayed as the compiler of Rust does it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The rule that it is about.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
    excerpt: Arc<str>,
    /// Bytes of the excerpt that are meant.
    span: Range<usize>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is loaded, but does less than it says.
    Warning,
    /// It is not loaded.
    Error,
}

impl Diagnostic {
    /// About bytes of a file.
    pub(super) fn new(
        severity: Severity,
        (file, text): (&str, &str),
        span: Range<usize>,
        message: &str,
    ) -> Self {
        let start = floor(text, span.start);
        let before = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = floor(text, span.end.min(before + BYTES_MAX)).max(start);
        let lines = text[before..].split_inclusive('\n').take(LINES_MAX).map(str::len);
        let shown = lines.sum::<usize>().min(BYTES_MAX);
        let shown = floor(text, before + shown);
        let end = end.min(shown).max(start.min(shown));
        let after = text[end..shown].find('\n').map_or(shown, |at| end + at);
        Self {
            severity,
            file: file.to_owned(),
            line: memchr::memchr_iter(b'\n', &text.as_bytes()[..before]).count() + 1,
            column: text[before..start].chars().count() + 1,
            rule: None,
            message: cut(message, MESSAGE_MAX),
            help: None,
            excerpt: Arc::from(&text[before..after]),
            span: start.min(after) - before..end - before,
        }
    }

    /// With colours for a terminal.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let annotation = AnnotationKind::Primary.span(self.span.clone());
        let snippet = Snippet::source(&*self.excerpt)
            .path(&*self.file)
            .line_start(self.line)
            .annotation(annotation);
        let title = level.primary_title(&*self.message);
        let title = match &self.rule {
            Some(rule) => title.id(&**rule),
            None => title,
        };
        let mut group = title.element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(&**help));
        }
        renderer.render(&[group])
    }
}

/// Without colours.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    format!("{}…", &text[..floor(text, max)])
}

/// The last place up to `at` where a character begins or the text ends.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
