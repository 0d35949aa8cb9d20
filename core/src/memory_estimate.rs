//! How much memory a piece of work will need, and numbers of bytes for people.

use std::fmt;
use std::str::FromStr;

use crate::Error;

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

    /// How many bytes are needed at the peak: all kept parts and the largest temporary one.
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

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// A number of bytes, shown in binary units and read from them.
///
/// ```
/// use diph_core::ByteSize;
/// assert_eq!(ByteSize(1_610_612_736).to_string(), "1.5 GiB");
/// assert_eq!("1.5GiB".parse::<ByteSize>()?, ByteSize(1_610_612_736));
/// assert_eq!("800 M".parse::<ByteSize>()?, ByteSize(838_860_800));
/// # Ok::<(), diph_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let decimals = usize::from(unit > 0 && value < 10.0);
        write!(formatter, "{value:.decimals$} {}", UNITS[unit])
    }
}

impl FromStr for ByteSize {
    type Err = Error;

    /// A number and a unit: B, K, M, G, T, also as KiB or KB; all are powers of 1024.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::parameter("memory", "size", "a number with a unit, for example 6GiB or 800M", text);
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(unit_at);
        let power = "BKMGT".find(unit[..1].to_ascii_uppercase().as_str()).ok_or_else(refused)?;
        if !matches!(unit[1..].to_ascii_lowercase().as_str(), "" | "b" | "ib") {
            return Err(refused());
        }
        match number.trim().parse::<f64>() {
            Ok(value) if value >= 0.0 && value.is_finite() => Ok(Self((value * 1024f64.powi(power as i32)) as u64)),
            _ => Err(refused()),
        }
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

    #[test]
    fn sizes_are_shown_in_the_largest_unit_they_fill() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (50 << 20, "50 MiB"),
            (5 << 40, "5.0 TiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "GiB", "5", "5 X", "-1G", "nanM", "5 Gigs", "1e400G"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
        assert_eq!("64kb".parse::<ByteSize>().unwrap(), ByteSize(65_536));
    }
}
