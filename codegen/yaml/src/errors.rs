//! Errors with their places, collected.

use std::fmt;

use crate::Place;

/// So many errors are kept; of the others, only the number.
pub const MAX_ERRORS: usize = 1000;

/// What is wrong with a file: everything that was found, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    file: String,
    found: Vec<Located>,
    /// How many were not kept.
    more: usize,
}

/// An error and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
}

impl Errors {
    /// No errors yet in a file of this name.
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Vec::new(), more: 0 }
    }

    /// Adds one.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        if self.found.len() == MAX_ERRORS {
            self.more += 1;
            return;
        }
        let before = self.found.partition_point(|other| other.place.offset <= place.offset);
        self.found.insert(before, Located { place, message: message.into() });
    }

    /// Name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All of them, up to [`MAX_ERRORS`].
    pub fn iter(&self) -> impl Iterator<Item = &Located> {
        self.found.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len() + self.more
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The value if there are no errors.
    ///
    /// # Errors
    /// The errors, if there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// One line each: `file:line:column: message`.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.found.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            let Place { line, column, .. } = error.place;
            write!(f, "{newline}{}:{line}:{column}: {}", self.file, error.message)?;
        }
        if self.more > 0 {
            write!(f, "\n{}: and {} more errors", self.file, self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}
