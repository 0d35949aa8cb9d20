//! What runs the network.

use diph_core::{Error, Result};
use diph_diffusion::{Checkpoint, Denoiser};
use diph_network::Precision;
use diph_plugin_sdk::Component;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Diffusion;

/// Software that runs the network of the prior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Diph's own kernels, on the processor.
    #[default]
    Kernels,
    /// candle, on the `device`; only in programs that were built with it.
    Candle,
}

/// The denoiser of a checkpoint on a backend and, with candle, on the device of this name: the processor by default.
///
/// # Errors
/// [`Error::External`] when the checkpoint makes no denoiser, [`Error::Parameter`] when the backend is not part of this program or does
/// not have the device or the precision.
pub fn denoiser(
    checkpoint: &Checkpoint,
    backend: Backend,
    device: Option<&str>,
    precision: Precision,
) -> Result<Denoiser> {
    match (backend, device, precision) {
        (Backend::Kernels, None | Some("cpu"), precision) => Ok(Denoiser::new(checkpoint, precision)?),
        (Backend::Kernels, Some(device), _) => {
            Err(refused("device", "`cpu` with the backend `kernels` (`candle` knows others)", device))
        }
        (Backend::Candle, _, Precision::Bf16) => Err(refused("precision", "`f32` with the backend `candle`", "bf16")),
        (Backend::Candle, device, Precision::F32) => candle_denoiser(checkpoint, device.unwrap_or("cpu")),
    }
}

#[cfg(feature = "candle")]
fn candle_denoiser(checkpoint: &Checkpoint, device: &str) -> Result<Denoiser> {
    use diph_diffusion::Error::Network;

    for (kind, compiled) in [("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))] {
        if !compiled && device.starts_with(kind) {
            return Err(refused("device", &built_with(kind), device));
        }
    }
    let device = diph_candle_unet::device(device).map_err(Network)?;
    let network = diph_candle_unet::CandleNetwork::new(&checkpoint.config.unet, &checkpoint.parameters, &device);
    Ok(Denoiser::with_network(checkpoint.config.clone(), Box::new(network.map_err(Network)?))?)
}

#[cfg(not(feature = "candle"))]
fn candle_denoiser(_checkpoint: &Checkpoint, device: &str) -> Result<Denoiser> {
    let kind = device.split(':').next().filter(|kind| matches!(*kind, "cuda" | "metal")).unwrap_or("candle");
    Err(refused("backend", &built_with(kind), "candle"))
}

/// What to do about a feature that was not compiled.
fn built_with(feature: &str) -> String {
    format!("a program that was built with it: `cargo build --release --package diph --features {feature}`")
}

fn refused(option: &str, expected: &str, got: &str) -> Error {
    Error::parameter(Diffusion::ID, option, expected, got)
}
