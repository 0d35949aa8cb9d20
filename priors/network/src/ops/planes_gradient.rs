//! From the gradient of what is read of a feature map to those of the memory behind it.

use candle_core::Result;
use rayon::prelude::*;

use super::arena::Buffer;
use super::gradients::Gradients;
use super::group_norm::{GROUPS, GroupGradient};
use super::planes::{Normalisation, Planes};
use super::resample::{Direction, sum_pool, upsample};
use super::tape::add_values;

/// Memory that a gradient is added to, or the first of whose gradients it is.
pub struct Target<'a> {
    pub values: &'a mut [f32],
    pub adds: bool,
}

impl Planes {
    /// Takes the gradient of this map, (batch, channel, y, x), back to the memory that it reads and to scale and shift.
    pub fn carry_back(&self, gradient: Buffer, gradients: &mut Gradients) -> Result<()> {
        if !self.wants_gradient() {
            return Ok(());
        }
        let gradient = self.before_resampling(gradient);
        match &self.normalisation {
            None => {
                self.add_to_parts(gradient);
                Ok(())
            }
            Some(normalisation) => self.before_normalisation(normalisation, gradient, gradients),
        }
    }

    fn before_resampling(&self, gradient: Buffer) -> Buffer {
        let Some(direction) = self.direction else { return gradient };
        let [_, channels, _, width] = self.shape();
        let mut before = self.arena.buffer(self.batch * channels * self.height * self.width);
        match direction {
            Direction::Up => sum_pool(&mut before, &gradient, width, 1.0),
            Direction::Down => upsample(&mut before, &gradient, width, 0.25),
        }
        before
    }

    fn add_to_parts(&self, gradient: Buffer) {
        if let [part] = self.parts.as_slice() {
            return part.add_gradient(gradient);
        }
        let pixels = self.height * self.width;
        let all: usize = self.parts.iter().map(|part| part.channels).sum();
        let mut first = 0;
        for part in &self.parts {
            let len = part.channels * pixels;
            let mut own = self.arena.buffer(self.batch * len);
            let images = own.par_chunks_mut(len).zip(gradient.par_chunks(all * pixels));
            images.for_each(|(own, all)| {
                let own = own.par_chunks_mut(pixels).zip(all[first * pixels..][..len].par_chunks(pixels));
                own.for_each(|(own, gradient)| own.copy_from_slice(gradient));
            });
            part.add_gradient(own);
            first += part.channels;
        }
    }

    fn before_normalisation(
        &self,
        normalisation: &Normalisation,
        mut gradient: Buffer,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let pixels = self.height * self.width;
        let channels: usize = self.parts.iter().map(|part| part.channels).sum();
        let group = channels / GROUPS;
        let mut memory: Vec<(Buffer, bool)> = self.parts.iter().map(|part| self.target(part)).collect();
        let mut parts: Vec<_> =
            memory.iter_mut().map(|(values, adds)| (values.chunks_exact_mut(pixels), *adds)).collect();
        let (mut targets, mut x) = (Vec::new(), Vec::new());
        for image in 0..self.batch {
            for (part, (planes, adds)) in self.parts.iter().zip(&mut parts) {
                let adds = *adds;
                targets.extend(planes.take(part.channels).map(|values| Target { values, adds }));
                x.extend(part.values[image * part.channels * pixels..].chunks_exact(pixels).take(part.channels));
            }
        }
        let mut scale_gradient = vec![0.0; self.batch * channels];
        let mut shift_gradient = vec![0.0; self.batch * channels];
        let groups = gradient
            .par_chunks_exact_mut(group * pixels)
            .zip(targets.par_chunks_exact_mut(group))
            .zip(scale_gradient.par_chunks_exact_mut(group).zip(shift_gradient.par_chunks_exact_mut(group)));
        groups.enumerate().for_each(|(index, ((gradient, targets), (scale_gradient, shift_gradient)))| {
            let channels = index * group..(index + 1) * group;
            let back = GroupGradient {
                activation: normalisation.activation,
                statistics: normalisation.statistics[index],
                scale: &normalisation.scales[channels.clone()],
                factors: &normalisation.factors[channels.clone()],
                offsets: &normalisation.offsets[channels.clone()],
                x: &x[channels],
            };
            back.run(gradient, targets, scale_gradient, shift_gradient);
        });
        for (part, (values, _)) in self.parts.iter().zip(memory) {
            part.add_gradient(values);
        }
        gradients.add_derived(&normalisation.scale, scale_gradient)?;
        gradients.add_derived(&normalisation.shift, shift_gradient)
    }

    /// The gradient that a part has already, or memory for its first.
    fn target(&self, part: &super::planes::Part) -> (Buffer, bool) {
        match part.take_gradient() {
            Some(gradient) => (gradient, true),
            None => (self.arena.buffer(part.values.len()), false),
        }
    }
}

impl super::planes::Part {
    /// Adds to the part's gradient.
    fn add_gradient(&self, gradient: Buffer) {
        let sum = match self.take_gradient() {
            Some(mut sum) => {
                add_values(&mut sum, &gradient);
                sum
            }
            None => gradient,
        };
        self.set_gradient(sum);
    }
}
