//! The diffusion prior: network, checkpoints and the mathematics of diffusion.

mod error;
pub mod ops;
mod unet;

pub use error::{Error, Result};
pub use unet::{ForwardMode, Parameters, UNet, UNetConfig};
