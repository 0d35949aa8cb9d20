//! Convolutions that keep the image's size, with a kernel of 1 or 3: tap by tap, by minimal filtering or on tile registers.

mod amx_convolution;
mod direct;
mod forward;
mod geometry;
mod packed_weight;
mod plane_source;
mod task;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod weight_taps;
mod weights;
mod winograd;
mod winograd_convolution;

pub use geometry::Conv2dGeometry;
pub use plane_source::{ImagePlanes, PlaneSource};
pub use task::Convolution;
pub use weight_gradient::WeightGradient;
pub use weights::ConvolutionWeights;
