//! A table of text.

use std::fmt;

/// A table of text for a terminal. The first column stands to the left, all others to the right.
///
/// ```
/// let mut table = diph::output::Table::new(["method", "T1 MAPE", ""]);
/// table.row(["lrtv", "17.0 %", "ok"]);
/// table.note("80 iterations");
/// assert_eq!(table.to_string(), "method  T1 MAPE\nlrtv     17.0 %  ok\n80 iterations\n");
/// ```
#[derive(Clone, Debug)]
pub struct Table<const COLUMNS: usize> {
    lines: Vec<Line<COLUMNS>>,
}

#[derive(Clone, Debug)]
enum Line<const COLUMNS: usize> {
    Row([String; COLUMNS]),
    Note(String),
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with a heading over each column.
    pub fn new(headings: [impl Into<String>; COLUMNS]) -> Self {
        Self { lines: vec![Line::Row(headings.map(Into::into))] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [impl Into<String>; COLUMNS]) {
        self.lines.push(Line::Row(cells.map(Into::into)));
    }

    /// Adds a line across all columns, which does not count for their widths.
    pub fn note(&mut self, line: impl Into<String>) {
        self.lines.push(Line::Note(line.into()));
    }

    fn widths(&self) -> [usize; COLUMNS] {
        let mut widths = [0; COLUMNS];
        for line in &self.lines {
            let Line::Row(cells) = line else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for line in &self.lines {
            let cells = match line {
                Line::Row(cells) => cells,
                Line::Note(note) => {
                    writeln!(f, "{note}")?;
                    continue;
                }
            };
            let aligned = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            writeln!(f, "{}", aligned.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
