//! Attention over the pixels of a feature map, there and back.

use super::planes::Planes;
use crate::Result;
use crate::attention::{attend, attend_back};
use crate::tape::{Gradients, Slot, Step};

/// Attention of queries, keys and values in one part of memory.
struct Attended {
    qkv: Planes,
    heads: usize,
    output: Slot,
}

impl Planes {
    /// Attention over the pixels, see [`attend`]: this map has three times the result's channels.
    ///
    /// # Errors
    /// When the channels do not split into heads.
    pub fn attention(&self, heads: usize) -> Result<Self> {
        let planes = self.contiguous();
        let [batch, channels, height, width] = planes.shape();
        let shape = [batch, channels / 3, height, width];
        let mut y = self.arena().buffer(shape.iter().product());
        attend(planes.values(), &[batch, channels, height * width], heads, &mut y)?;
        Ok(self.noted(y, shape, |output| Attended { qkv: planes.off_tape(), heads, output }))
    }
}

impl Step for Attended {
    fn backward(self: Box<Self>, _: &mut Gradients) -> Result<()> {
        let Some(y_gradient) = self.output.take() else { return Ok(()) };
        let [batch, channels, height, width] = self.qkv.shape();
        let mut gradient = self.qkv.arena().buffer(batch * channels * height * width);
        attend_back(self.qkv.values(), &[batch, channels, height * width], self.heads, &y_gradient, &mut gradient)?;
        self.qkv.carry_back(gradient);
        Ok(())
    }
}
