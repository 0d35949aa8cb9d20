//! What a convolution reads.

use crate::convolution::geometry::Conv2dGeometry;

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
