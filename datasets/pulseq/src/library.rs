//! Lines of a section and the numbers in them.

use std::collections::BTreeMap;

use crate::{PulseqError, error::Result};

/// Events of one kind by their number.
pub(crate) type Library<T> = BTreeMap<u32, T>;

/// A line that says something: neither empty nor a comment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
}

impl<'a> Line<'a> {
    /// The words of the line, of which there have to be as many as there are names.
    pub(crate) fn words<const N: usize>(&self, names: &str) -> Result<[&'a str; N]> {
        let words: Vec<&str> = self.text.split_ascii_whitespace().collect();
        words.try_into().map_err(|_| PulseqError::line(self.number, format!("{N} values ({names})"), self.text))
    }

    /// A finite number.
    pub(crate) fn number(&self, word: &str) -> Result<f64> {
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| PulseqError::line(self.number, "a number", word))
    }

    /// A finite number that is not negative.
    pub(crate) fn amount(&self, word: &str) -> Result<f64> {
        match self.number(word)? {
            number if number >= 0.0 => Ok(number),
            _ => Err(PulseqError::line(self.number, "a number that is not negative", word)),
        }
    }

    /// A whole number that is not negative; some writers give it a decimal point.
    pub(crate) fn whole(&self, word: &str) -> Result<u32> {
        let whole = self.amount(word).ok().filter(|number| number.fract() == 0.0 && *number <= f64::from(u32::MAX));
        whole.map(|number| number as u32).ok_or_else(|| PulseqError::line(self.number, "a whole number", word))
    }

    /// The event of a number.
    pub(crate) fn event<'l, T>(&self, library: &'l Library<T>, kind: &'static str, id: u32) -> Result<&'l T> {
        library.get(&id).ok_or(PulseqError::NoSuchEvent { line: self.number, kind, id })
    }
}

/// The sections of a file: what stands in brackets, and the lines below.
pub(crate) fn sections(text: &str) -> Vec<(&str, Vec<Line<'_>>)> {
    let mut sections: Vec<(&str, Vec<Line<'_>>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = Line { number: index + 1, text: line.trim() };
        if line.text.is_empty() || line.text.starts_with('#') {
            continue;
        }
        if line.text.starts_with('[') || line.text.starts_with("extension ") {
            sections.push((line.text, Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut() {
            lines.push(line);
        }
    }
    sections
}
