//! Spatial lengths of images, planes and volumes, and where images of two sizes overlap.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The spatial lengths of an image in pixels, slowest first: (y, x) of a plane or (z, y, x) of a volume.
///
/// An image is a complex array with a leading coefficient axis before these; a map has no such axis.
///
/// ```
/// use diph_core::ImageShape;
/// let slice = ImageShape::plane(230, 220);
/// assert_eq!((slice.lengths(), slice.pixels(), slice.is_volume()), (&[230, 220][..], 50_600, false));
/// let (coefficients, volume) = ImageShape::split("example", &[5, 8, 48, 48])?;
/// assert_eq!((coefficients, volume), (5, ImageShape::volume(8, 48, 48)));
/// assert_eq!(volume.to_string(), "8 x 48 x 48");
/// assert_eq!(volume.with_leading(4), [4, 8, 48, 48]);
/// # Ok::<(), diph_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// Two or three.
    axes: usize,
    /// The first `axes` entries count, the last one of a plane is 1.
    lengths: [usize; 3],
}

impl ImageShape {
    /// A plane of `height` x `width` pixels.
    pub fn plane(height: usize, width: usize) -> Self {
        Self { axes: 2, lengths: [height, width, 1] }
    }

    /// A volume of `depth` planes of `height` x `width` pixels.
    pub fn volume(depth: usize, height: usize, width: usize) -> Self {
        Self { axes: 3, lengths: [depth, height, width] }
    }

    /// Takes the shape of an array (coefficient, y, x) or (coefficient, z, y, x) apart: length of the leading axis and
    /// spatial lengths. The leading axis may stand for anything else than coefficients (coils, parameters).
    ///
    /// # Errors
    /// [`Error::Incompatible`], naming `operation`, when `shape` has not three or four axes.
    pub fn split(operation: &str, shape: &[usize]) -> Result<(usize, Self)> {
        let refused = || {
            let expected = "an image with the axes (coefficient, y, x) or (coefficient, z, y, x)";
            Error::incompatible(operation, expected, format!("an array of shape {shape:?}"))
        };
        let (leading, spatial) = shape.split_first().ok_or_else(refused)?;
        Ok((*leading, Self::try_from(spatial).map_err(|_| refused())?))
    }

    /// The lengths, slowest first: two or three.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths[..self.axes]
    }

    /// The names of the axes, slowest first: `y`, `x` or `z`, `y`, `x`.
    pub fn names(&self) -> &'static [&'static str] {
        &["z", "y", "x"][3 - self.axes..]
    }

    /// Number of pixels, at most the largest number there is.
    pub fn pixels(&self) -> usize {
        self.lengths.iter().fold(1, |pixels, len| pixels.saturating_mul(*len))
    }

    /// Whether there are three axes. A volume may have a single plane.
    pub fn is_volume(&self) -> bool {
        self.axes == 3
    }

    /// Number of planes: 1 for a plane.
    pub fn depth(&self) -> usize {
        if self.is_volume() { self.lengths[0] } else { 1 }
    }

    /// Height and width of a plane.
    pub fn plane_lengths(&self) -> [usize; 2] {
        let lengths = self.lengths();
        [lengths[self.axes - 2], lengths[self.axes - 1]]
    }

    /// Height and width of an image that must be a plane, for parts that take two spatial axes only.
    ///
    /// # Errors
    /// [`Error::Incompatible`], naming `operation`, for a volume.
    pub fn require_plane(&self, operation: &str) -> Result<[usize; 2]> {
        SpatialAxes::Two.check(operation, self)?;
        Ok(self.plane_lengths())
    }

    /// Shape of an array with an axis of length `leading` before the spatial ones.
    pub fn with_leading(&self, leading: usize) -> Vec<usize> {
        [&[leading], self.lengths()].concat()
    }
}

impl TryFrom<&[usize]> for ImageShape {
    type Error = Error;

    /// # Errors
    /// [`Error::Incompatible`] when there are not two or three lengths.
    fn try_from(lengths: &[usize]) -> Result<Self> {
        match *lengths {
            [height, width] => Ok(Self::plane(height, width)),
            [depth, height, width] => Ok(Self::volume(depth, height, width)),
            _ => Err(Error::incompatible("image shape", "two or three spatial lengths", format!("{lengths:?}"))),
        }
    }
}

/// Lengths with their signs between: `230 x 230`, `8 x 48 x 48`.
impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.lengths().iter().map(usize::to_string).collect();
        f.write_str(&lengths.join(" x "))
    }
}

/// Which images a part takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpatialAxes {
    /// Images (coefficient, y, x) only.
    #[default]
    Two,
    /// Images (coefficient, z, y, x) only.
    Three,
    /// It takes planes and volumes alike.
    Either,
}

impl SpatialAxes {
    /// Whether the part takes images of this shape.
    pub fn accept(self, image: &ImageShape) -> bool {
        match self {
            Self::Two => !image.is_volume(),
            Self::Three => image.is_volume(),
            Self::Either => true,
        }
    }

    /// Fails where the part does not take images of this shape.
    ///
    /// # Errors
    /// [`Error::Incompatible`], naming `operation`, what it takes and what came.
    pub fn check(self, operation: &str, image: &ImageShape) -> Result<()> {
        if self.accept(image) {
            return Ok(());
        }
        Err(Error::incompatible(operation, format!("an image of {self} spatial axes"), format!("one of {image}")))
    }
}

/// `two`, `three` or `two or three`.
impl fmt::Display for SpatialAxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Two => "two",
            Self::Three => "three",
            Self::Either => "two or three",
        })
    }
}

/// Where two lengths overlap when they are centred: the longer is cut, or the shorter surrounded, by the same number of pixels
/// on both sides, an odd one at the end.
///
/// ```
/// use diph_core::Overlap;
/// // A map of 230 pixels for a network of 224 loses three on each side.
/// assert_eq!(Overlap::centred(230, 224), Overlap { first: 3, second: 0, len: 224 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Where it begins in the first.
    pub first: usize,
    /// Where it begins in the second.
    pub second: usize,
    /// Length of the overlap, in pixels.
    pub len: usize,
}

impl Overlap {
    /// The overlap of two axes of these lengths, laid centre upon centre.
    pub fn centred(first: usize, second: usize) -> Self {
        Self {
            first: first.saturating_sub(second) / 2,
            second: second.saturating_sub(first) / 2,
            len: first.min(second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_volumes() {
        let (plane, volume) = (ImageShape::plane(4, 5), ImageShape::volume(1, 4, 5));
        assert_ne!(plane, volume);
        assert_eq!((plane.pixels(), volume.pixels()), (20, 20));
        assert_eq!((plane.names(), volume.names()), (&["y", "x"][..], &["z", "y", "x"][..]));
        assert_eq!((plane.depth(), ImageShape::volume(7, 4, 5).depth()), (1, 7));
        assert_eq!((plane.plane_lengths(), volume.plane_lengths()), ([4, 5], [4, 5]));
        assert_eq!(plane.require_plane("test").unwrap(), [4, 5]);
        let error = volume.require_plane("mrf-nufft").unwrap_err().to_string();
        assert_eq!(error, "mrf-nufft: expected an image of two spatial axes, got one of 1 x 4 x 5");
        assert_eq!(ImageShape::plane(usize::MAX, 3).pixels(), usize::MAX);
        assert_eq!(ImageShape::volume(2, 0, 3).pixels(), 0);
    }

    #[test]
    fn other_numbers_of_axes_are_refused() {
        for shape in [&[][..], &[3], &[3, 4], &[3, 4, 5, 6, 7]] {
            let error = ImageShape::split("test", shape).unwrap_err().to_string();
            assert!(error.starts_with("test: expected an image with the axes (coefficient, y, x) or"), "{error}");
        }
        assert!(ImageShape::try_from(&[3][..]).is_err());
    }

    #[test]
    fn parts_say_what_they_take() {
        let (plane, volume) = (ImageShape::plane(4, 5), ImageShape::volume(3, 4, 5));
        let accepted = |axes: SpatialAxes| [axes.accept(&plane), axes.accept(&volume)];
        assert_eq!(accepted(SpatialAxes::Two), [true, false]);
        assert_eq!(accepted(SpatialAxes::Three), [false, true]);
        assert_eq!(accepted(SpatialAxes::Either), [true, true]);
        let error = SpatialAxes::Three.check("net", &plane).unwrap_err().to_string();
        assert_eq!(error, "net: expected an image of three spatial axes, got one of 4 x 5");
    }
}
