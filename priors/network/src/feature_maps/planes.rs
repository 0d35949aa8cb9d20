//! Feature maps: what is done to them waits until a convolution reads them.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::rows::Rows;
use crate::convolution::PlaneSource;
use crate::normalisation::{Activation, ChannelStatistics, GROUPS, Statistics, affine, affine_silu, group_statistics};
use crate::resampling::Direction;
use crate::tape::{Arena, Buffer, Slot, Tape};
use crate::{Error, Result, Tensor};

/// A feature map (batch, channel, y, x).
///
/// Concatenation, normalisation and resampling are noted and take place as a convolution reads the rows; only convolution,
/// attention and rare copies write memory, and that comes from an arena. On a tape, the way back is noted too.
#[derive(Clone)]
pub struct Planes {
    pub(super) parts: Vec<Part>,
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) normalisation: Option<Arc<Normalisation>>,
    pub(super) direction: Option<Direction>,
    arena: Arena,
    tape: Option<Tape>,
}

/// Some of the channels, in memory.
#[derive(Clone)]
pub struct Part {
    pub(super) values: Arc<Buffer>,
    pub(super) channels: usize,
    /// Of every channel of every image, once somebody has asked.
    statistics: Arc<OnceLock<Vec<ChannelStatistics>>>,
    /// `None` where nobody wants a gradient.
    pub(super) gradient: Option<Slot>,
}

/// `activation(factor x + offset)`, factor and offset for each channel of each image.
pub struct Normalisation {
    pub(super) factors: Vec<f32>,
    pub(super) offsets: Vec<f32>,
    pub(super) activation: Activation,
    /// Of every group of every image.
    pub(super) statistics: Vec<Statistics>,
    pub(super) scale: Rows,
    pub(super) shift: Rows,
}

impl Planes {
    /// Copies a tensor.
    ///
    /// # Errors
    /// When the tensor has not four axes.
    pub fn new(x: &Tensor, arena: &Arena) -> Result<Self> {
        let [batch, channels, height, width] = x.image_shape("feature map")?;
        let mut values = arena.buffer(x.values().len());
        values.copy_from_slice(x.values());
        let part = Part { values: Arc::new(values), channels, statistics: Arc::default(), gradient: None };
        let (normalisation, direction, tape) = (None, None, None);
        Ok(Self { parts: vec![part], batch, height, width, normalisation, direction, arena: arena.clone(), tape })
    }

    /// The same map at the beginning of a tape.
    pub fn recorded(&self, tape: &Tape) -> Self {
        Self { tape: Some(tape.clone()), ..self.clone() }
    }

    /// The same map at the beginning of a tape that finds its gradient.
    pub fn on_tape(&self, tape: &Tape) -> Self {
        let mut planes = self.recorded(tape);
        planes.parts.iter_mut().for_each(|part| part.gradient = Some(Slot::default()));
        planes
    }

    /// The gradient of a map in one part of memory, when anything depended on it.
    pub fn gradient(&self) -> Option<Tensor> {
        let gradient = self.parts.first()?.gradient.as_ref()?.take()?;
        Tensor::new(self.shape(), gradient.to_vec()).ok()
    }

    /// A map in memory that an operation has written, and where its gradient will be when there is a tape.
    pub(super) fn output(&self, values: Buffer, [batch, channels, height, width]: [usize; 4]) -> Self {
        let gradient = self.tape.as_ref().map(|_| Slot::default());
        let part = Part { values: Arc::new(values), channels, statistics: Arc::default(), gradient };
        let (arena, tape) = (self.arena.clone(), self.tape.clone());
        Self { parts: vec![part], batch, height, width, normalisation: None, direction: None, arena, tape }
    }

    /// The tape that operations on this map are noted on.
    pub fn tape(&self) -> Option<&Tape> {
        self.tape.as_ref()
    }

    /// Where the gradient of a map in one part of memory is collected.
    pub(super) fn slot(&self) -> Option<Slot> {
        self.parts.first()?.gradient.clone()
    }

    /// This map for the tape itself, which must not hold itself.
    pub(super) fn off_tape(&self) -> Self {
        Self { tape: None, ..self.clone() }
    }

    /// The memory that the map's own comes from.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// The values of a map in one part of memory that nothing is to be done to.
    pub(super) fn values(&self) -> &[f32] {
        self.parts.first().map_or(&[], |part| &part.values)
    }

    /// Whether the gradient of anything that this map reads is wanted.
    pub(super) fn wants_gradient(&self) -> bool {
        self.parts.iter().any(|part| part.gradient.is_some())
            || self.normalisation.as_ref().is_some_and(|it| it.scale.wants_gradient() || it.shift.wants_gradient())
    }

    /// Batch, channels, height and width.
    pub fn shape(&self) -> [usize; 4] {
        let channels = self.parts.iter().map(|part| part.channels).sum();
        let (height, width) = match self.direction {
            None => (self.height, self.width),
            Some(Direction::Down) => (self.height / 2, self.width / 2),
            Some(Direction::Up) => (2 * self.height, 2 * self.width),
        };
        [self.batch, channels, height, width]
    }

    /// A copy as a tensor.
    pub fn to_tensor(&self) -> Tensor {
        let mut tensor = Tensor::filled(self.shape(), 0.0);
        self.write(tensor.values_mut());
        tensor
    }

    /// The channels of this map, then those of another.
    ///
    /// # Errors
    /// When the sizes differ.
    pub fn joined(&self, other: &Self) -> Result<Self> {
        let (a, b) = (self.settled(), other.settled());
        if (a.batch, a.height, a.width) != (b.batch, b.height, b.width) {
            let expected = format!("a feature map of the size of {:?}", a.shape());
            return Err(Error::shape("concatenation", expected, &b.shape()));
        }
        let parts = a.parts.iter().chain(&b.parts).cloned().collect();
        Ok(Self { parts, ..a })
    }

    /// Average pooling or nearest neighbour, by two.
    ///
    /// # Errors
    /// When an odd size is to be halved.
    pub fn resampled(&self, direction: Direction) -> Result<Self> {
        let planes = if self.direction.is_some() { self.settled() } else { self.clone() };
        if direction == Direction::Down && (planes.height % 2 != 0 || planes.width % 2 != 0) {
            return Err(Error::shape("average pooling", "an even height and width", &[planes.height, planes.width]));
        }
        Ok(Self { direction: Some(direction), ..planes })
    }

    /// Group normalisation with scale and shift, (batch, channel), and what follows it; see [`crate::normalisation`].
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn normalised(&self, scale: &Rows, shift: &Rows, activation: Activation) -> Result<Self> {
        let planes = self.settled();
        let [batch, channels, ..] = planes.shape();
        if channels % GROUPS != 0 || scale.shape() != [batch, channels] || shift.shape() != [batch, channels] {
            let expected =
                format!("a multiple of {GROUPS} channels, with scale and shift of shape [{batch}, {channels}]");
            return Err(Error::shape("group norm", expected, &[scale.shape(), shift.shape()].concat()));
        }
        let mut factors = scale.values().to_vec();
        let mut offsets = shift.values().to_vec();
        let group = channels / GROUPS;
        let statistics = planes.statistics();
        let mut of_groups = Vec::with_capacity(batch * GROUPS);
        let groups = factors.chunks_exact_mut(group).zip(offsets.chunks_exact_mut(group));
        for ((factors, offsets), statistics) in groups.zip(statistics.chunks_exact(group)) {
            let statistics = group_statistics(statistics);
            of_groups.push(statistics);
            for (factor, offset) in factors.iter_mut().zip(offsets) {
                *factor *= statistics.deviation_inverse;
                *offset -= *factor * statistics.mean;
            }
        }
        let normalisation = Normalisation {
            factors,
            offsets,
            activation,
            statistics: of_groups,
            scale: scale.clone(),
            shift: shift.clone(),
        };
        let normalisation = Some(Arc::new(normalisation));
        Ok(Self { normalisation, ..planes })
    }

    /// A map that nothing is to be done to, of one part.
    pub(super) fn contiguous(&self) -> Self {
        if self.parts.len() == 1 && self.normalisation.is_none() && self.direction.is_none() {
            return self.clone();
        }
        self.written()
    }

    /// A map that nothing is to be done to.
    pub fn settled(&self) -> Self {
        if self.normalisation.is_none() && self.direction.is_none() {
            return self.clone();
        }
        self.written()
    }

    pub(super) fn write(&self, values: &mut [f32]) {
        let [_, channels, height, width] = self.shape();
        values.par_chunks_mut((height * width).max(1)).enumerate().for_each(|(plane, values)| {
            for (y, row) in values.chunks_exact_mut(width).enumerate() {
                self.read_row(plane / channels, plane % channels, y, row);
            }
        });
    }

    /// Of every channel of every image.
    fn statistics(&self) -> Vec<ChannelStatistics> {
        let pixels = (self.height * self.width).max(1);
        let parts: Vec<_> = self.parts.iter().map(|part| (part.channels, part.statistics(pixels))).collect();
        let image = |image: usize| parts.iter().flat_map(move |(channels, all)| &all[image * channels..][..*channels]);
        (0..self.batch).flat_map(image).copied().collect()
    }
}

impl Part {
    fn statistics(&self, pixels: usize) -> &[ChannelStatistics] {
        self.statistics.get_or_init(|| self.values.par_chunks(pixels).map(ChannelStatistics::new).collect())
    }
}

impl PlaneSource for Planes {
    fn read_row(&self, image: usize, channel: usize, y: usize, row: &mut [f32]) {
        let (mut part, mut first) = (&self.parts[0], 0);
        for next in &self.parts[1..] {
            if channel < first + part.channels {
                break;
            }
            first += part.channels;
            part = next;
        }
        let plane = (image * part.channels + channel - first) * self.height;
        let source = |y: usize| &part.values[(plane + y) * self.width..][..self.width];
        let normalise = |row: &mut [f32], x: &[f32]| match &self.normalisation {
            None => row.copy_from_slice(x),
            Some(normalisation) => {
                let channels: usize = self.parts.iter().map(|part| part.channels).sum();
                normalisation.apply(image * channels + channel, row, x);
            }
        };
        match self.direction {
            None => normalise(row, source(y)),
            Some(Direction::Up) => {
                let half = self.width;
                normalise(&mut row[..half], source(y / 2));
                for x in (0..half).rev() {
                    let value = row[x];
                    row[2 * x..2 * x + 2].fill(value);
                }
            }
            Some(Direction::Down) => {
                const PIXELS: usize = 64;
                let pairs = source(2 * y).chunks(PIXELS).zip(source(2 * y + 1).chunks(PIXELS));
                for (row, (first, second)) in row.chunks_mut(PIXELS / 2).zip(pairs) {
                    let mut values = [[0.0; PIXELS]; 2];
                    normalise(&mut values[0][..first.len()], first);
                    normalise(&mut values[1][..second.len()], second);
                    let [first, second] = values.each_ref().map(|values| values.as_chunks::<2>().0);
                    for ((y, a), b) in row.iter_mut().zip(first).zip(second) {
                        *y = 0.25 * ((a[0] + a[1]) + (b[0] + b[1]));
                    }
                }
            }
        }
    }
}

impl Normalisation {
    fn apply(&self, channel: usize, y: &mut [f32], x: &[f32]) {
        let (factor, offset) = (self.factors[channel], self.offsets[channel]);
        match self.activation {
            Activation::Identity => affine(y, x, factor, offset),
            Activation::Silu => affine_silu(y, x, factor, offset),
        }
    }
}

#[cfg(test)]
#[path = "planes_tests.rs"]
mod tests;
