//! Networks: kernels, the tape, the UNet, its optimiser and its checkpoints.
//!
//! | module or type | what |
//! |---|---|
//! | [`UNet`], [`UNetConfig`], [`Parameters`] | the network of guided-diffusion, under the names of its state dicts |
//! | [`NetworkCost`] | what running a network costs in products and memory |
//! | [`ops`] | the network's operations with their gradients, fast on the processor |
//! | [`AdamW`], [`ParameterState`], [`GradientSum`] | the optimiser, and the moving averages of parameters |
//! | [`Checkpoint`], [`CheckpointConfig`] | weights with all that is known about them; safetensors and PyTorch files |

mod checkpoint;
mod error;
pub mod ops;
mod optimiser;
mod unet;

pub use checkpoint::{Checkpoint, CheckpointConfig, WeightFormat};
pub use error::{Error, Result};
pub use optimiser::{AdamW, GradientSum, ParameterState, gradient_norm};
pub use unet::{ForwardMode, NetworkCost, Parameters, UNet, UNetConfig};
