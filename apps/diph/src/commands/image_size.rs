//! The size of an image on the command line.

use std::str::FromStr;

use diph_core::ImageShape;

/// A plane: `HEIGHTxWIDTH`, or one number for a square.
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
        let image = parse_image(text)?;
        if image.is_volume() {
            return Err(format!("expected a plane HEIGHTxWIDTH, got the volume `{text}`"));
        }
        let [height, width] = image.plane_lengths();
        Ok(Self { height, width })
    }
}

/// A plane or a volume: `HEIGHTxWIDTH`, one number for a square, or `DEPTHxHEIGHTxWIDTH`.
pub fn parse_image(text: &str) -> Result<ImageShape, String> {
    let side = |side: &str| match side.parse() {
        // Larger images do not fit a reconstruction in memory.
        Ok(side @ 1..=4096) => Ok(side),
        _ => Err(format!("expected HEIGHTxWIDTH or DEPTHxHEIGHTxWIDTH with sides from 1 to 4096, got `{text}`")),
    };
    match *text.split('x').map(side).collect::<Result<Vec<usize>, _>>()? {
        [side] => Ok(ImageShape::plane(side, side)),
        [height, width] => Ok(ImageShape::plane(height, width)),
        [1, _, _] => Err(format!("`{text}`: a volume has at least two planes; leave the 1 out for a plane")),
        [depth, height, width] => Ok(ImageShape::volume(depth, height, width)),
        _ => Err(format!("expected two or three sides, got `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_and_rectangles() {
        assert_eq!("230".parse::<ImageSize>().map(Into::into), Ok((230, 230)));
        assert_eq!("230x200".parse::<ImageSize>().map(Into::into), Ok((230, 200)));
        for text in ["", "x", "0x5", "5x", "-1", "99999", "8x48x48"] {
            assert!(text.parse::<ImageSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn planes_and_volumes() {
        assert_eq!(parse_image("8x48x40"), Ok(ImageShape::volume(8, 48, 40)));
        assert_eq!(parse_image("48x40"), Ok(ImageShape::plane(48, 40)));
        for text in ["1x48x48", "8x48x", "8x48x0", "2x8x48x48"] {
            assert!(parse_image(text).is_err(), "{text}");
        }
    }
}
