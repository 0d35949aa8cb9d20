//! From the gradient of what is read of a feature map to those of the memory behind it.

use rayon::prelude::*;

use super::planes::{Normalisation, Part, Planes};
use crate::normalisation::{GROUPS, GroupGradient, Target};
use crate::resampling::{Direction, sum_pool, upsample};
use crate::tape::Buffer;

impl Planes {
    /// Takes the gradient of this map, (batch, channel, y, x), back to the memory that it reads and to scale and shift.
    pub fn carry_back(&self, gradient: Buffer) {
        if !self.wants_gradient() {
            return;
        }
        let gradient = self.before_resampling(gradient);
        match &self.normalisation {
            None => self.add_to_parts(gradient),
            Some(normalisation) => self.before_normalisation(normalisation, gradient),
        }
    }

    fn before_resampling(&self, gradient: Buffer) -> Buffer {
        let Some(direction) = self.direction else { return gradient };
        let [_, channels, _, width] = self.shape();
        let mut before = self.arena().buffer(self.batch * channels * self.height * self.width);
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
            let mut own = self.arena().buffer(self.batch * len);
            let images = own.par_chunks_mut(len).zip(gradient.par_chunks(all * pixels));
            images.for_each(|(own, all)| {
                let own = own.par_chunks_mut(pixels).zip(all[first * pixels..][..len].par_chunks(pixels));
                own.for_each(|(own, gradient)| own.copy_from_slice(gradient));
            });
            part.add_gradient(own);
            first += part.channels;
        }
    }

    fn before_normalisation(&self, normalisation: &Normalisation, mut gradient: Buffer) {
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
                scale: &normalisation.scale.values()[channels.clone()],
                factors: &normalisation.factors[channels.clone()],
                offsets: &normalisation.offsets[channels.clone()],
                x: &x[channels],
            };
            back.run(gradient, targets, scale_gradient, shift_gradient);
        });
        for (part, (values, _)) in self.parts.iter().zip(memory) {
            part.add_gradient(values);
        }
        normalisation.scale.add_gradient(scale_gradient);
        normalisation.shift.add_gradient(shift_gradient);
    }

    /// The gradient that a part has already, or memory for its first.
    fn target(&self, part: &Part) -> (Buffer, bool) {
        match part.gradient.as_ref().and_then(|slot| slot.take()) {
            Some(gradient) => (gradient, true),
            None => (self.arena().buffer(part.values.len()), false),
        }
    }
}

impl Part {
    /// Adds to the part's gradient, if one is wanted.
    fn add_gradient(&self, gradient: Buffer) {
        if let Some(slot) = &self.gradient {
            slot.add(gradient);
        }
    }
}
