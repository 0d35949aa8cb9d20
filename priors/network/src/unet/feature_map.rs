//! What flows through the network: planes of an arena, in training on a tape; shapes alone where the cost is counted.

use std::sync::Arc;

use crate::Result;
use crate::convolution::ConvolutionWeights;
use crate::feature_maps::{Planes, Rows};
use crate::normalisation::Activation;
use crate::resampling::Direction;
use crate::tape::Tape;

/// A feature map (batch, channel, y, x) and what the network does to it.
///
/// The architecture is written once against this; how it is executed is up to the map.
pub(crate) trait FeatureMap: Clone {
    fn shape(&self) -> [usize; 4];

    /// The tape that operations are noted on.
    fn tape(&self) -> Option<&Tape> {
        None
    }

    /// Group normalisation with scale and shift, (batch, channel), then the activation.
    fn normalised(&self, scale: &Rows, shift: &Rows, activation: Activation) -> Result<Self>;

    fn resampled(&self, direction: Direction) -> Result<Self>;

    /// The convolution, plus another map where given.
    fn convolved(&self, weights: &Arc<ConvolutionWeights>, onto: Option<&Self>) -> Result<Self>;

    /// Attention over the pixels; this map is queries, keys and values of every head.
    fn attention(&self, heads: usize) -> Result<Self>;

    /// The channels of this map, then those of another.
    fn joined(&self, other: &Self) -> Result<Self>;

    /// Every value times its own factor.
    fn scaled(&self, factors: &[f32]) -> Result<Self>;

    /// Every channel of every image plus a number.
    fn shifted(&self, shift: &Rows) -> Result<Self>;

    /// A map of another shape, which has at each place the value that this map has at the place of that number.
    fn gathered(&self, shape: [usize; 4], places: impl FnOnce() -> Vec<usize>) -> Result<Self>;
}

impl FeatureMap for Planes {
    fn shape(&self) -> [usize; 4] {
        Planes::shape(self)
    }

    fn tape(&self) -> Option<&Tape> {
        Planes::tape(self)
    }

    fn normalised(&self, scale: &Rows, shift: &Rows, activation: Activation) -> Result<Self> {
        Planes::normalised(self, scale, shift, activation)
    }

    fn resampled(&self, direction: Direction) -> Result<Self> {
        Planes::resampled(self, direction)
    }

    fn convolved(&self, weights: &Arc<ConvolutionWeights>, onto: Option<&Self>) -> Result<Self> {
        Planes::convolved(self, weights, onto)
    }

    fn attention(&self, heads: usize) -> Result<Self> {
        Planes::attention(self, heads)
    }

    fn joined(&self, other: &Self) -> Result<Self> {
        Planes::joined(self, other)
    }

    fn scaled(&self, factors: &[f32]) -> Result<Self> {
        Planes::scaled(self, factors)
    }

    fn shifted(&self, shift: &Rows) -> Result<Self> {
        Planes::shifted(self, shift)
    }

    fn gathered(&self, shape: [usize; 4], places: impl FnOnce() -> Vec<usize>) -> Result<Self> {
        Planes::gathered(self, shape, places())
    }
}
