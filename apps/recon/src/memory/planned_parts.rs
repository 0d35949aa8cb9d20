//! Estimates of Diph's own parts by their id.

use diph_cartesian::CartesianOperator;
use diph_core::{AcquisitionShape, MemoryEstimate};
use diph_diffusion::{Checkpoint, ModelConfig};
use diph_network::NetworkCost;
use diph_network::Precision;
use diph_nufft::{Accuracy, MrfOperator};
use num_complex::Complex32;
use serde_json::{Map, Value};

use crate::method::Component;

/// An operator; nothing where it is not Diph's own.
pub(super) fn operator(
    id: &str,
    options: &Map<String, Value>,
    shape: &AcquisitionShape,
    uses_normal: bool,
) -> Option<MemoryEstimate> {
    match id {
        "diph.mrf-nufft" => {
            // A value that makes no sense is refused by the plugin, with a better message.
            let accuracy = options.get("accuracy").and_then(Value::as_f64);
            let accuracy = accuracy.and_then(|value| Accuracy::new(value).ok()).unwrap_or_default();
            MrfOperator::memory_estimate(shape, accuracy, uses_normal).ok()
        }
        "diph.cartesian" => Some(CartesianOperator::memory_estimate(shape)),
        _ => None,
    }
}

/// What a prior on images of a size keeps from the beginning, and what it needs beside that while it runs; nothing where it is not
/// Diph's own, or its network cannot be read.
pub(super) fn prior(component: &Component, shape: &AcquisitionShape) -> Option<(MemoryEstimate, MemoryEstimate)> {
    let none = MemoryEstimate::default;
    let image = MemoryEstimate::array::<Complex32>(&[shape.coefficients, shape.pixels()]);
    match component.id.as_str() {
        // Dual variables along two directions, twice for the acceleration.
        "diph.total-variation" => Some((none(), none().temporary("total variation", image.saturating_mul(5)))),
        "diph.locally-low-rank" | "diph.wavelet" => Some((none(), none().temporary("prior", image.saturating_mul(3)))),
        "diph.diffusion" => network(component, shape.image.plane_lengths()).map(|cost| {
            // The shipped weights are pages of the plugin, two bytes each.
            let file = if component.options.contains_key("checkpoint") { 0 } else { 2 * cost.parameters };
            (cost.weights_memory().kept("network file", file), cost.running_memory())
        }),
        _ => None,
    }
}

/// The network of a diffusion prior on images of a size; nothing where there is none.
pub(super) fn network(component: &Component, image: [usize; 2]) -> Option<NetworkCost> {
    if component.id != "diph.diffusion" {
        return None;
    }
    let config = network_config(&component.options)?;
    config.check().ok()?;
    let factor = config.unet.size_factor().ok()?;
    // The canvas that the prior chooses.
    let longer = image[0].max(image[1]);
    let given = component.options.get("image_size").and_then(Value::as_u64).map(|size| size as usize);
    let canvas = given.unwrap_or_else(|| (longer - longer % factor).max(factor));
    NetworkCost::new(&config.unet, canvas, 1, precision(&component.options)).ok()
}

/// What the network's convolutions multiply in.
pub(super) fn precision(options: &Map<String, Value>) -> Precision {
    let value = options.get("precision").cloned().unwrap_or_default();
    serde_json::from_value(value).unwrap_or_default()
}

fn network_config(options: &Map<String, Value>) -> Option<ModelConfig> {
    let path = |key: &str| options.get(key).and_then(Value::as_str);
    match (path("checkpoint"), path("config")) {
        (None, _) => diph_diffusion::shipped_config().ok(),
        (Some(checkpoint), None) => Checkpoint::read_config(checkpoint).ok(),
        (Some(_), Some(config)) => serde_json::from_str(&std::fs::read_to_string(config).ok()?).ok(),
    }
}
