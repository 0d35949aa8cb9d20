//! What a convolution works on: lengths, and images that give out their rows one at a time.

use crate::{Error, Result};

/// Sizes of a convolution that keeps the image's size.
///
/// A *position* is a place in the image with a column of zeros between two rows (kernel 3): in this grid, a tap is a
/// constant offset, so that a whole image is one long row. Positions in the extra column give values that are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dGeometry {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
}

impl Conv2dGeometry {
    /// Reads the sizes of (batch, input, y, x) and (output, input, kernel, kernel).
    pub fn new(x: &[usize], weight: &[usize]) -> Result<Self> {
        let &[batch, inputs, height, width] = x else {
            return Err(Error::shape("conv2d", "an input of shape [batch, channel, y, x]", x));
        };
        if x.contains(&0) || weight.contains(&0) {
            let expected = format!("at least one image, channel and pixel and a weight other than {weight:?}");
            return Err(Error::shape("conv2d", expected, x));
        }
        match *weight {
            [outputs, channels, kernel, kernel_width]
                if channels == inputs && kernel == kernel_width && matches!(kernel, 1 | 3) =>
            {
                Ok(Self { batch, inputs, outputs, height, width, kernel })
            }
            _ => {
                let expected = format!("a weight of shape [outputs, {inputs}, 1, 1] or [outputs, {inputs}, 3, 3]");
                Err(Error::shape("conv2d", expected, weight))
            }
        }
    }

    /// The convolution that carries gradients back.
    pub fn transposed(&self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, ..*self }
    }

    pub fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.outputs, self.height, self.width]
    }

    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Pixels that a tap reaches beyond the image.
    pub fn border(&self) -> usize {
        self.kernel / 2
    }

    /// Positions in a row: what lies left of a row lies right of the row before.
    pub fn row(&self) -> usize {
        self.width + self.border()
    }

    /// Positions of the output.
    pub fn positions(&self) -> usize {
        self.height * self.row()
    }

    /// Where each tap reads, relative to a position of the output.
    pub fn tap_offsets(&self) -> Vec<usize> {
        (0..self.taps()).map(|tap| tap / self.kernel * self.row() + tap % self.kernel).collect()
    }

    /// Where each term (input, tap) reads in planes of this distance, relative to a position of the output.
    pub fn term_offsets(&self, inputs: usize, stride: usize) -> Vec<usize> {
        let taps = self.tap_offsets();
        (0..inputs).flat_map(|input| taps.iter().map(move |tap| input * stride + tap)).collect()
    }
}

/// Images that give out their rows one at a time.
pub trait PlaneSource: Sync {
    /// Writes row `y` of a channel of an image into `row`, which is as long as the image is wide.
    fn read_row(&self, image: usize, channel: usize, y: usize, row: &mut [f32]);
}

/// Images in memory, (batch, channel, y, x).
pub struct ImagePlanes<'a> {
    values: &'a [f32],
    channels: usize,
    height: usize,
}

impl<'a> ImagePlanes<'a> {
    /// The input of a convolution.
    pub fn new(geometry: &Conv2dGeometry, values: &'a [f32]) -> Self {
        Self { values, channels: geometry.inputs, height: geometry.height }
    }
}

impl PlaneSource for ImagePlanes<'_> {
    fn read_row(&self, image: usize, channel: usize, y: usize, row: &mut [f32]) {
        let first = ((image * self.channels + channel) * self.height + y) * row.len();
        row.copy_from_slice(&self.values[first..][..row.len()]);
    }
}
