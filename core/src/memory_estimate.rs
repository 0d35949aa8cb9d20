//! How much memory a piece of work will need.

use std::fmt;

use crate::ByteSize;

/// Largest parts that are named where an estimate is shown.
const SHOWN_PARTS: usize = 5;

/// The memory that a piece of work will need at its peak, in named parts, computed from shapes before anything is allocated.
///
/// Parts are *kept*, from set-up to the end, or *temporary*: no two temporary parts are there at once, so that the peak is the
/// sum of all kept parts and the largest temporary one. Sizes saturate: what overflows does not fit either.
///
/// ```
/// use diph_core::MemoryEstimate;
/// let operator = MemoryEstimate::default().kept("kernels", 300).temporary("set-up", 500);
/// let dictionary = MemoryEstimate::default().kept("atoms", 100).temporary("reading", 50);
/// let both = operator.and(dictionary);
/// assert_eq!(both.peak(), 300 + 100 + 500);
/// assert_eq!(both.largest_parts()[0], ("set-up", 500));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    kept: Vec<(String, u64)>,
    temporary: Vec<(String, u64)>,
}

impl MemoryEstimate {
    /// Adds a part that stays; parts of one name count together.
    #[must_use]
    pub fn kept(mut self, name: &str, bytes: u64) -> Self {
        match self.kept.iter_mut().find(|(there, _)| there == name) {
            Some((_, sum)) => *sum = sum.saturating_add(bytes),
            None => self.kept.push((name.into(), bytes)),
        }
        self
    }

    /// Adds a part that is there for a while, when no other temporary part is; of parts of one name the larger counts.
    #[must_use]
    pub fn temporary(mut self, name: &str, bytes: u64) -> Self {
        match self.temporary.iter_mut().find(|(there, _)| there == name) {
            Some((_, most)) => *most = bytes.max(*most),
            None => self.temporary.push((name.into(), bytes)),
        }
        self
    }

    /// This work and another, whose kept parts are there together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let kept = other.kept.iter().fold(self, |sum, (name, bytes)| sum.kept(name, *bytes));
        other.temporary.iter().fold(kept, |sum, (name, bytes)| sum.temporary(name, *bytes))
    }

    /// The work as a step of something larger, which keeps nothing of it.
    #[must_use]
    pub fn passing(self, name: &str) -> Self {
        let peak = self.peak();
        Self::default().temporary(name, peak)
    }

    /// Parts that stay, with their bytes, in the order in which they came.
    pub fn kept_parts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kept.iter().map(|(name, bytes)| (name.as_str(), *bytes))
    }

    /// Parts that are there for a while, with their bytes, in the order in which they came.
    pub fn temporary_parts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.temporary.iter().map(|(name, bytes)| (name.as_str(), *bytes))
    }

    /// What stays, and what is there for a while: for work whose temporary parts belong to another step than its kept ones.
    #[must_use]
    pub fn split(self) -> (Self, Self) {
        let temporary = Self { kept: Vec::new(), temporary: self.temporary };
        (Self { kept: self.kept, temporary: Vec::new() }, temporary)
    }

    /// Bytes at the peak.
    pub fn peak(&self) -> u64 {
        self.peak_parts().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(bytes))
    }

    /// What is there at the peak, the largest part first.
    pub fn largest_parts(&self) -> Vec<(&str, u64)> {
        let mut parts: Vec<_> = self.peak_parts().collect();
        parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        parts
    }

    /// Kept parts and the largest temporary one.
    fn peak_parts(&self) -> impl Iterator<Item = (&str, u64)> {
        let temporary = self.temporary.iter().max_by_key(|(_, bytes)| *bytes);
        self.kept.iter().chain(temporary).map(|(name, bytes)| (name.as_str(), *bytes))
    }

    /// Bytes of an array of elements of type `T`.
    pub fn array<T>(shape: &[usize]) -> u64 {
        shape.iter().fold(size_of::<T>() as u64, |bytes, len| bytes.saturating_mul(*len as u64))
    }
}

/// The peak and its largest parts: `1.2 GiB (Toeplitz kernels 800 MiB, ...)`.
impl fmt::Display for MemoryEstimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.largest_parts();
        let shown: Vec<String> =
            parts.iter().take(SHOWN_PARTS).map(|(name, bytes)| format!("{name} {}", ByteSize(*bytes))).collect();
        write!(formatter, "{} ({})", ByteSize(self.peak()), shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_parts_add_up_and_temporary_parts_take_turns() {
        let one = MemoryEstimate::default().kept("a", 10).kept("a", 5).temporary("x", 7).temporary("x", 3);
        assert_eq!(one.peak(), 22);
        let both = one.clone().and(MemoryEstimate::default().kept("b", 1).temporary("y", 9));
        assert_eq!(both.peak(), 15 + 1 + 9);
        assert_eq!(both.largest_parts(), [("a", 15), ("y", 9), ("b", 1)]);
        assert_eq!(one.passing("step").and(MemoryEstimate::default().temporary("z", 30)).peak(), 30);
        assert_eq!(MemoryEstimate::default().peak(), 0);
        let (kept, temporary) = both.split();
        assert_eq!((kept.peak(), temporary.peak()), (16, 9));
        assert_eq!(kept.kept_parts().collect::<Vec<_>>(), [("a", 15), ("b", 1)]);
        assert_eq!(temporary.temporary_parts().collect::<Vec<_>>(), [("x", 7), ("y", 9)]);
    }

    #[test]
    fn what_overflows_is_the_largest_number() {
        let vast = MemoryEstimate::array::<f64>(&[usize::MAX, usize::MAX]);
        assert_eq!(MemoryEstimate::default().kept("a", vast).kept("b", 1).peak(), u64::MAX);
        assert_eq!(MemoryEstimate::array::<f32>(&[3, 5]), 60);
    }

    #[test]
    fn the_largest_parts_are_named() {
        let estimate = MemoryEstimate::default().kept("atoms", 1 << 20).temporary("reading", 3 << 20);
        assert_eq!(estimate.to_string(), "4.0 MiB (reading 3.0 MiB, atoms 1.0 MiB)");
    }
}
