//! Which slice of which subject.

use std::fmt;

/// A slice of a volume, numbered as in the names of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceId {
    /// Number of the volume: one subject.
    pub vol: usize,
    /// Number of the slice in the volume.
    pub slice: usize,
}

impl SliceId {
    /// Slice `slice` of volume `vol`.
    pub fn new(vol: usize, slice: usize) -> Self {
        Self { vol, slice }
    }

    /// Reads `vol{v}_slice{s}`, as it is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_prefix(text).filter(|(_, rest)| rest.is_empty()).map(|(id, _)| id)
    }

    /// Reads `vol{v}_slice{s}` out of the rest of a file name, with what follows it.
    pub(crate) fn parse_prefix(text: &str) -> Option<(Self, &str)> {
        let (vol, rest) = leading_number(text.strip_prefix("vol")?)?;
        let (slice, rest) = leading_number(rest.strip_prefix("_slice")?)?;
        Some((Self { vol, slice }, rest))
    }
}

impl fmt::Display for SliceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vol{}_slice{}", self.vol, self.slice)
    }
}

fn leading_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
