//! The UNet of guided-diffusion (Dhariwal & Nichol 2021), loadable from its state dicts.

mod attention_block;
mod block;
mod counted_map;
mod feature_map;
mod forward_mode;
mod initialisation;
mod layers;
mod network_cost;
mod parameter_scope;
mod parameters;
mod recomputation;
mod res_block;
mod resample;
#[cfg(test)]
mod tests;
mod time_embedding;
mod unet;
mod unet_config;

pub use forward_mode::ForwardMode;
pub use network_cost::NetworkCost;
pub use parameters::Parameters;
pub use unet::UNet;
pub use unet_config::UNetConfig;
