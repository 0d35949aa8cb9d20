//! The UNet of guided-diffusion in candle's modules.
//!
//! | type | what |
//! |---|---|
//! | [`UNet`] | the modules, differentiable on every device |
//! | [`CandleNetwork`] | the same as a [`Network`](diph_network::Network): takes and gives images in the memory of the program |
//! | [`var_builder`], [`device`] | parameters of a checkpoint on a device; a device by its name |
//!
//! It is two things: the reference that the kernels and the tape of [`diph_network`] are tested against, and what runs the same
//! networks on other devices. On processors the kernels of [`diph_network`] are several times faster.
//!
//! The features `cuda` and `metal` compile candle's kernels for those devices. Diph's tests run it on the device `cpu` alone; on `cuda`
//! and `metal` it was never run.

mod network;
mod unet;

pub use network::{CandleNetwork, device, var_builder};
pub use unet::UNet;
