//! Axis lengths of an image.

use diph_core::{Error, Result, Space};

/// Axis lengths of an image (coefficient, y, x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageShape {
    pub coefficients: usize,
    pub height: usize,
    pub width: usize,
}

impl ImageShape {
    /// Reads the lengths of three axes.
    pub fn new(operation: &str, shape: &[usize]) -> Result<Self> {
        let &[coefficients, height, width] = shape else {
            let expected = "an image with the axes [coefficient, y, x]";
            return Err(Error::incompatible(operation, expected, format!("an array of shape {shape:?}")));
        };
        Ok(Self { coefficients, height, width })
    }

    /// Real channels: the real and the imaginary part of every coefficient.
    pub fn channels(&self) -> usize {
        2 * self.coefficients
    }

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Values in a row of all channels.
    pub fn channel_row(&self) -> usize {
        self.channels() * self.width
    }

    pub fn space(&self) -> Space {
        Space::image(self.coefficients, &diph_core::ImageShape::plane(self.height, self.width))
    }
}
