//! Feature maps without values: what running the network costs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::feature_map::FeatureMap;
use crate::convolution::ConvolutionWeights;
use crate::feature_maps::Rows;
use crate::normalisation::Activation;
use crate::resampling::Direction;
use crate::{Error, Result};

/// A feature map (batch, channel, y, x) that has a shape and no values. It goes through the network as
/// [`Planes`](crate::feature_maps::Planes) do, and a [`Meter`] counts what they would need.
#[derive(Clone)]
pub(super) struct CountedMap {
    shape: [usize; 4],
    parts: Vec<Rc<Held>>,
    is_normalised: bool,
    is_resampled: bool,
    meter: Rc<RefCell<Meter>>,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Products that are added to a sum, in convolutions and attention.
    pub multiply_adds: u64,
    /// Values that the arena holds.
    pub arena: usize,
    /// Values of all maps in memory, which a tape keeps for the way back.
    pub tape: usize,
    /// Bytes of the weights in the kernels' order.
    pub packed_weights: u64,
    free: Vec<usize>,
}

/// Memory of the arena that is in use.
struct Held {
    values: usize,
    meter: Rc<RefCell<Meter>>,
}

impl Meter {
    /// As [`Arena::buffer`](crate::tape::Arena): what fits and is at most twice as large is used again.
    fn take(&mut self, len: usize) -> usize {
        self.tape += len;
        let fits = |values: usize| (len..=2 * len).contains(&values);
        let best = (0..self.free.len()).filter(|index| fits(self.free[*index])).min_by_key(|index| self.free[*index]);
        if let Some(index) = best {
            return self.free.swap_remove(index);
        }
        self.arena += len;
        len
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.meter.borrow_mut().free.push(self.values);
    }
}

impl CountedMap {
    /// A map in memory.
    pub fn new(shape: [usize; 4], meter: &Rc<RefCell<Meter>>) -> Self {
        let values = meter.borrow_mut().take(shape.iter().product());
        let parts = vec![Rc::new(Held { values, meter: meter.clone() })];
        Self { shape, parts, is_normalised: false, is_resampled: false, meter: meter.clone() }
    }

    fn settled(&self) -> Self {
        if self.is_normalised || self.is_resampled { Self::new(self.shape, &self.meter) } else { self.clone() }
    }

    fn contiguous(&self) -> Self {
        if self.parts.len() > 1 { Self::new(self.shape, &self.meter) } else { self.settled() }
    }
}

impl FeatureMap for CountedMap {
    fn shape(&self) -> [usize; 4] {
        self.shape
    }

    fn normalised(&self, _scale: &Rows, _shift: &Rows, _activation: Activation) -> Result<Self> {
        Ok(Self { is_normalised: true, ..self.settled() })
    }

    fn resampled(&self, direction: Direction) -> Result<Self> {
        let map = if self.is_resampled { self.settled() } else { self.clone() };
        let [batch, channels, height, width] = self.shape;
        let shape = match direction {
            Direction::Down => [batch, channels, height / 2, width / 2],
            Direction::Up => [batch, channels, 2 * height, 2 * width],
        };
        Ok(Self { shape, is_resampled: true, ..map })
    }

    fn convolved(&self, weights: &Arc<ConvolutionWeights>, _onto: Option<&Self>) -> Result<Self> {
        let [batch, _, height, width] = self.shape;
        let [outputs, inputs, kernel, _] = weights.shape()?;
        let shape = [batch, outputs, height, width];
        let products = [batch, outputs, inputs, kernel * kernel, height * width];
        let mut meter = self.meter.borrow_mut();
        meter.multiply_adds += products.iter().map(|count| *count as u64).product::<u64>();
        meter.packed_weights += weights.packed_bytes()?;
        drop(meter);
        Ok(Self::new(shape, &self.meter))
    }

    fn attention(&self, heads: usize) -> Result<Self> {
        let [batch, channels, height, width] = self.shape;
        if !channels.is_multiple_of(3 * heads.max(1)) {
            return Err(Error::setting("num_heads", format!("a divisor of {channels} / 3 channels"), heads));
        }
        let map = self.contiguous();
        let shape = [batch, channels / 3, height, width];
        // Every pixel with every other: queries by keys, then weights by values.
        let products = [2 * batch, channels / 3, height * width, height * width];
        map.meter.borrow_mut().multiply_adds += products.iter().map(|count| *count as u64).product::<u64>();
        Ok(Self::new(shape, &self.meter))
    }

    fn joined(&self, other: &Self) -> Result<Self> {
        let (a, b) = (self.settled(), other.settled());
        let [batch, channels, height, width] = a.shape;
        let shape = [batch, channels + b.shape[1], height, width];
        Ok(Self { shape, parts: a.parts.iter().chain(&b.parts).cloned().collect(), ..a })
    }

    fn scaled(&self, _factors: &[f32]) -> Result<Self> {
        // A tape keeps the factors.
        self.meter.borrow_mut().tape += self.shape.iter().product::<usize>();
        Ok(Self::new(self.shape, &self.meter))
    }

    fn shifted(&self, _shift: &Rows) -> Result<Self> {
        Ok(Self::new(self.shape, &self.meter))
    }

    fn gathered(&self, shape: [usize; 4], _places: impl FnOnce() -> Vec<usize>) -> Result<Self> {
        // A tape keeps the places, which take twice the memory of values.
        self.meter.borrow_mut().tape += 2 * shape.iter().product::<usize>();
        // The map is copied before its values change their places.
        drop(Self::new(self.shape, &self.meter));
        Ok(Self::new(shape, &self.meter))
    }
}
