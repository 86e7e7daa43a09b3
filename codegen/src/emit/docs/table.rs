//! Tables.

/// A Markdown table, row by row.
pub(super) struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// A table with these columns.
    pub(super) fn of(columns: &[&str]) -> Self {
        let mut table = Self { columns: columns.len(), text: String::new() };
        table.row(columns.iter().map(|&column| column.to_owned()));
        table.text.push_str(&("|".to_owned() + &"---|".repeat(columns.len()) + "\n"));
        table
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut count = 0;
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(&cell.replace('|', "\\|").replace('\n', " "));
            self.text.push(' ');
            count += 1;
        }
        self.text.push_str(&"| ".repeat(self.columns.saturating_sub(count)));
        self.text.push_str("|\n");
    }

    /// The whole, and an empty line.
    pub(super) fn finish(self) -> String {
        self.text + "\n"
    }
}

/// Text as code; empty stays empty.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
