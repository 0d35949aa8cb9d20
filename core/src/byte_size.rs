//! A number of bytes for people.

use std::fmt;
use std::str::FromStr;

use crate::Error;

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
