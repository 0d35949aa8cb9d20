//! The UNet of guided-diffusion (Dhariwal & Nichol 2021), loadable from its state dicts.

mod blocks;
mod counted_map;
mod feature_map;
mod forward_mode;
mod layers;
mod network_cost;
mod parameters;
#[cfg(test)]
mod tests;
mod unet;
mod unet_config;

pub use forward_mode::ForwardMode;
pub use network_cost::NetworkCost;
pub use parameters::Parameters;
pub use unet::UNet;
pub use unet_config::UNetConfig;
