//! Axis lengths of an image.

use diph_core::{Result, Space, SpatialAxes};

/// Axis lengths of an image (coefficient, y, x) or (coefficient, z, y, x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageShape {
    pub coefficients: usize,
    /// Number of planes; 1 of an image without z axis.
    pub depth: usize,
    pub height: usize,
    pub width: usize,
    spatial: diph_core::ImageShape,
}

impl ImageShape {
    /// Takes the lengths apart, of an image that a prior with these axes takes.
    pub fn new(operation: &str, axes: SpatialAxes, shape: &[usize]) -> Result<Self> {
        let (coefficients, spatial) = diph_core::ImageShape::split(operation, shape)?;
        axes.check(operation, &spatial)?;
        let [height, width] = spatial.plane_lengths();
        Ok(Self { coefficients, depth: spatial.depth(), height, width, spatial })
    }

    /// Whether there is a z axis.
    pub fn is_volume(&self) -> bool {
        self.spatial.is_volume()
    }

    /// Real channels: the real and the imaginary part of every coefficient.
    pub fn channels(&self) -> usize {
        2 * self.coefficients
    }

    /// Rows of pixels, those of all planes one plane after the other.
    pub fn rows(&self) -> usize {
        self.depth * self.height
    }

    pub fn pixels(&self) -> usize {
        self.rows() * self.width
    }

    /// Values in a row of all channels.
    pub fn channel_row(&self) -> usize {
        self.channels() * self.width
    }

    pub fn space(&self) -> Space {
        Space::image(self.coefficients, &self.spatial)
    }
}
