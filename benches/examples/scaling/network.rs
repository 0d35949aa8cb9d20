//! The shipped network.

use diph_core::MemoryEstimate;
use diph_diffusion::Checkpoint;
use diph_network::{ForwardMode, NetworkCost, Precision, Tensor, UNet};

use crate::Result;
use crate::case::Case;
use crate::measurement::{median, once};

const WEIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../priors/diffusion/weights/demo-conditional.safetensors");

/// Reading, and a forward pass in f32 on the largest canvas inside of the image.
pub fn measure(case: &Case) -> Result<(Vec<(String, f64)>, MemoryEstimate)> {
    let mut network = None;
    let set_up = once(|| {
        let checkpoint = Checkpoint::read(WEIGHTS)?;
        network = Some(UNet::new(&checkpoint.config.unet, &checkpoint.parameters)?);
        Ok(())
    })?;
    let network = network.ok_or("no network")?;
    let config = network.config();
    let side = case.size - case.size % config.size_factor()?;
    let x = Tensor::filled([1, config.image_channels(), side, side], 1.0);
    let condition = config.conditional.then_some(&x);
    let forward = || {
        network.forward(&x, &[150.0], condition, &mut ForwardMode::Inference)?;
        Ok(())
    };
    let seconds = vec![("reading of the network".into(), set_up), ("network forward, f32".into(), median(forward)?)];
    Ok((seconds, NetworkCost::new(config, side, 1, Precision::F32)?.inference_memory()))
}
