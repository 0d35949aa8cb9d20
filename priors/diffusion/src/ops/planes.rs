//! Feature maps of inference: what is done to them waits until a convolution reads them.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Result, Tensor, bail};
use rayon::prelude::*;

use super::arena::{Arena, Buffer};
use super::attention;
use super::conv2d_geometry::Conv2dGeometry;
use super::convolution::Convolution;
use super::group_norm::{Activation, ChannelStatistics, GROUPS, affine, affine_silu, group_statistics};
use super::packed_weight::PackedWeight;
use super::plane_source::PlaneSource;
use super::resample::Direction;
use super::storage::with_values;

/// A feature map (batch, channel, y, x) without a graph.
///
/// Concatenation, normalisation and resampling are noted and take place as a convolution reads the rows; only convolution and
/// attention write memory, and that comes from an arena.
#[derive(Clone)]
pub struct Planes {
    parts: Vec<Part>,
    batch: usize,
    height: usize,
    width: usize,
    normalisation: Option<Arc<Normalisation>>,
    direction: Option<Direction>,
    arena: Arena,
}

/// Some of the channels, in memory.
#[derive(Clone)]
struct Part {
    values: Arc<Buffer>,
    channels: usize,
    /// Of every channel of every image, once somebody has asked.
    statistics: Arc<OnceLock<Vec<ChannelStatistics>>>,
}

/// `activation(factor x + offset)`, factor and offset for each channel of each image.
struct Normalisation {
    factors: Vec<f32>,
    offsets: Vec<f32>,
    activation: Activation,
}

impl Planes {
    /// Copies a tensor.
    ///
    /// # Errors
    /// When the tensor is not f32 of four axes.
    pub fn new(x: &Tensor, arena: &Arena) -> Result<Self> {
        let (batch, channels, height, width) = x.dims4()?;
        let mut values = arena.buffer(x.elem_count());
        with_values("feature map", x, |x| {
            values.copy_from_slice(x);
            Ok(())
        })?;
        Ok(Self::from_buffer(values, [batch, channels, height, width], arena))
    }

    fn from_buffer(values: Buffer, [batch, channels, height, width]: [usize; 4], arena: &Arena) -> Self {
        let part = Part { values: Arc::new(values), channels, statistics: Arc::default() };
        Self { parts: vec![part], batch, height, width, normalisation: None, direction: None, arena: arena.clone() }
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
    ///
    /// # Errors
    /// None that the feature map's own shape could cause.
    pub fn to_tensor(&self) -> Result<Tensor> {
        let shape = self.shape();
        let mut values = vec![0.0; shape.iter().product()];
        self.write(&mut values);
        Tensor::from_vec(values, &shape, &Device::Cpu)
    }

    /// A map of another content in memory of the same arena.
    ///
    /// # Errors
    /// As [`Planes::new`].
    pub fn replaced(&self, x: &Tensor) -> Result<Self> {
        Self::new(x, &self.arena)
    }

    /// The channels of this map, then those of another.
    ///
    /// # Errors
    /// When the sizes differ.
    pub fn joined(&self, other: &Self) -> Result<Self> {
        let (a, b) = (self.settled(), other.settled());
        if (a.batch, a.height, a.width) != (b.batch, b.height, b.width) {
            bail!("concatenation: expected feature maps of one size, got {:?} and {:?}", a.shape(), b.shape());
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
            bail!("average pooling: expected an even height and width, got {} x {}", planes.height, planes.width);
        }
        Ok(Self { direction: Some(direction), ..planes })
    }

    /// Group normalisation with scale and shift, (batch, channel), and what follows it; see [`group_norm`](super::group_norm()).
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn normalised(&self, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Self> {
        let planes = self.settled();
        let [batch, channels, ..] = planes.shape();
        if channels % GROUPS != 0 || scale.dims() != [batch, channels] || shift.dims() != [batch, channels] {
            bail!(
                "group norm: expected a multiple of {GROUPS} channels, with scale and shift of shape [{batch}, {channels}], got {:?} and {:?}",
                scale.dims(),
                shift.dims()
            );
        }
        let mut factors = scale.flatten_all()?.to_vec1::<f32>()?;
        let mut offsets = shift.flatten_all()?.to_vec1::<f32>()?;
        let group = channels / GROUPS;
        let statistics = planes.statistics();
        let groups = factors.chunks_exact_mut(group).zip(offsets.chunks_exact_mut(group));
        for ((factors, offsets), statistics) in groups.zip(statistics.chunks_exact(group)) {
            let statistics = group_statistics(statistics);
            for (factor, offset) in factors.iter_mut().zip(offsets) {
                *factor *= statistics.deviation_inverse;
                *offset -= *factor * statistics.mean;
            }
        }
        let normalisation = Some(Arc::new(Normalisation { factors, offsets, activation }));
        Ok(Self { normalisation, ..planes })
    }

    /// The convolution of this map, plus another map of the result's shape.
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn convolved(
        &self,
        weight_shape: &[usize],
        weight: &PackedWeight,
        bias: &Tensor,
        onto: Option<&Self>,
    ) -> Result<Self> {
        let geometry = Conv2dGeometry::new(&self.shape(), weight_shape)?;
        let shape = geometry.output_shape();
        if let Some(onto) = onto.filter(|onto| onto.shape() != shape) {
            bail!("conv2d: expected a feature map of shape {shape:?} to add to, got {:?}", onto.shape());
        }
        let mut y = self.arena.buffer(shape.iter().product());
        with_values("conv2d", bias, |bias| {
            let residual = onto.map(|onto| onto as &dyn PlaneSource);
            Convolution { geometry, weight, bias: Some(bias), residual }.run(self, &mut y);
            Ok(())
        })?;
        Ok(Self::from_buffer(y, shape, &self.arena))
    }

    /// Attention over the pixels, see [`attention`](super::attention()): three times the result's channels.
    ///
    /// # Errors
    /// When the channels do not split into heads.
    pub fn attention(&self, heads: usize) -> Result<Self> {
        let planes = self.contiguous();
        let [batch, channels, height, width] = planes.shape();
        let shape = [batch, channels / 3, height, width];
        let mut y = self.arena.buffer(shape.iter().product());
        attention::attend(&planes.parts[0].values, &[batch, channels, height * width], heads, &mut y)?;
        Ok(Self::from_buffer(y, shape, &self.arena))
    }

    /// A map that nothing is to be done to, of one part.
    fn contiguous(&self) -> Self {
        if self.parts.len() == 1 && self.normalisation.is_none() && self.direction.is_none() {
            return self.clone();
        }
        self.written()
    }

    /// A map that nothing is to be done to.
    fn settled(&self) -> Self {
        if self.normalisation.is_none() && self.direction.is_none() {
            return self.clone();
        }
        self.written()
    }

    fn written(&self) -> Self {
        let mut values = self.arena.buffer(self.shape().iter().product());
        self.write(&mut values);
        Self::from_buffer(values, self.shape(), &self.arena)
    }

    fn write(&self, values: &mut [f32]) {
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
