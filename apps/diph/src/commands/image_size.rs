//! The size of an image on the command line.

use std::str::FromStr;

/// `HEIGHTxWIDTH`, or one number for a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    height: usize,
    width: usize,
}

impl From<ImageSize> for (usize, usize) {
    fn from(size: ImageSize) -> Self {
        (size.height, size.width)
    }
}

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        let side = |side: &str| match side.parse() {
            // Larger images do not fit a slice-wise reconstruction in memory.
            Ok(side @ 1..=4096) => Ok(side),
            _ => Err(format!("expected HEIGHTxWIDTH with sides from 1 to 4096, got `{text}`")),
        };
        Ok(Self { height: side(height)?, width: side(width)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_and_rectangles() {
        assert_eq!("230".parse::<ImageSize>().map(Into::into), Ok((230, 230)));
        assert_eq!("230x200".parse::<ImageSize>().map(Into::into), Ok((230, 200)));
        for text in ["", "x", "0x5", "5x", "-1", "99999"] {
            assert!(text.parse::<ImageSize>().is_err(), "{text}");
        }
    }
}
