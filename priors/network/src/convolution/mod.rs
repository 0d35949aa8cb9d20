//! Convolutions that keep the image's size, with a kernel of 1 or 3: tap by tap, by minimal filtering or on tile registers.

mod amx_convolution;
mod amx_weight_gradient;
mod forward;
mod geometry;
mod packed_weight;
mod task;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod weights;
mod winograd;
mod winograd_convolution;

pub use geometry::{Conv2dGeometry, ImagePlanes, PlaneSource};
pub use task::Convolution;
pub use weight_gradient::WeightGradient;
pub use weights::ConvolutionWeights;
