//! Time that a large network will take, said before it starts.

use std::time::Duration;

use diph_core::ImageShape;
use diph_diffusion::{Checkpoint, ModelConfig};
use diph_network::NetworkCost;
use diph_network::Precision;
use serde_json::{Map, Value};

use crate::method::{Component, Method};

/// Runs that take longer are announced.
const FRIENDLY: Duration = Duration::from_secs(20);

/// Fewer operations than this are done within the friendly time on any machine of today, so that measuring would be a waste.
pub const FRIENDLY_OPERATIONS: f64 = 200e9;

/// A line about the network of a method on images of a shape, where one sample of a slice takes longer than is friendly:
/// `network: 138 M parameters, 434 GFLOP a step, 30 steps: about 50 s a slice on this machine`.
///
/// # Errors
/// When the measurement of this machine's speed fails.
pub fn reconstruction_time(method: &Method, image: &ImageShape) -> diph_diffusion::Result<Option<String>> {
    let Some(prior) = &method.prior else { return Ok(None) };
    let Some(cost) = network(prior, image.plane_lengths()) else { return Ok(None) };
    let steps = method.solver.iterations();
    // A step of a volume takes the network through every plane.
    let operations = cost.operations() * image.depth() as f64;
    if operations * (steps as f64) < FRIENDLY_OPERATIONS {
        return Ok(None);
    }
    let rate = NetworkCost::measured_rate(precision(&prior.options))?;
    Ok(announce(&cost, operations, steps as u64, rate).map(|line| format!("{line} a slice on this machine")))
}

/// A line about a network of so many operations a step on a machine of so many operations a second; nothing where the time is
/// friendly.
pub fn announce(cost: &NetworkCost, operations_of_a_step: f64, steps: u64, rate: f64) -> Option<String> {
    let seconds = operations_of_a_step * steps as f64 / rate;
    let parameters = cost.parameters as f64 / 1e6;
    let decimals = usize::from(parameters < 10.0);
    (seconds > FRIENDLY.as_secs_f64()).then(|| {
        format!(
            "network: {parameters:.decimals$} M parameters, {:.0} GFLOP a step, {steps} steps: about {}",
            operations_of_a_step / 1e9,
            rounded(seconds)
        )
    })
}

/// No more digits than such a guess deserves.
fn rounded(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{:.0} s", (s / 5.0).round() * 5.0),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// The network of a diffusion prior on images of a size; nothing where there is none.
fn network(component: &Component, image: [usize; 2]) -> Option<NetworkCost> {
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
fn precision(options: &Map<String, Value>) -> Precision {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> NetworkCost {
        NetworkCost {
            parameters: 138_300_000,
            multiply_adds: 217_000_000_000,
            packed_weights: 0,
            activations: 0,
            images: 0,
            tape: 0,
            largest_block: 0,
            block_inputs: 0,
        }
    }

    #[test]
    fn a_long_run_is_announced_in_round_numbers() {
        let cost = published();
        let line = |rate| announce(&cost, cost.operations(), 30, rate);
        let expected = "network: 138 M parameters, 434 GFLOP a step, 30 steps: about 50 s";
        assert_eq!(line(260e9).unwrap(), expected);
        assert_eq!(line(1e12), None);
        assert!(line(1e10).unwrap().ends_with("about 22 min"));
    }

    #[test]
    fn the_shipped_network_and_methods_without_one() {
        let method = |name: &str| Method::read(name, &[]).unwrap();
        assert_eq!(reconstruction_time(&method("lrtv"), &ImageShape::volume(8, 4096, 4096)).unwrap(), None);
        assert_eq!(reconstruction_time(&method("ddpm"), &ImageShape::plane(32, 32)).unwrap(), None);
    }
}
