//! Tiny networks for a phantom of 40 x 36 pixels, and the words that run them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use diph_diffusion::{Checkpoint, ModelConfig};
use diph_network::{Parameters, WeightFormat};
use rand::SeedableRng;
use serde_json::{Value, json};

use crate::bench::Bench;

/// What a checkpoint says about itself, with changes to the network's part.
pub fn config(unet: &Value) -> ModelConfig {
    let mut all = json!({
        "unet": {
            "image_size": 40, "coefficients": 5, "patch": 2, "model_channels": 32, "channel_mult": [1, 1],
            "num_res_blocks": 1, "conditional": true
        },
        "diffusion": { "parametrisation": { "edm": { "sigma_data": 0.3 } } },
        "condition_optional": true
    });
    for (key, value) in unet.as_object().unwrap() {
        all["unet"][key] = value.clone();
    }
    all["condition_optional"] = all["unet"]["conditional"].clone();
    serde_json::from_value(all).unwrap()
}

/// Random weights of which every part has a say in the output.
pub fn parameters(config: &ModelConfig) -> Parameters {
    let initial = Parameters::initialise(&config.unet, &mut diph_core::Rng::seed_from_u64(1)).unwrap();
    let mut tensors = initial.to_tensors();
    // Training starts with a last convolution of zeros, behind which nothing of the network shows.
    let last = tensors.get_mut("out.2.weight").unwrap();
    *last = last.map(|value| value + 1e-3);
    Parameters::new(&config.unet, tensors).unwrap()
}

/// A checkpoint in the folder of the bench.
pub fn checkpoint(bench: &Bench, name: &str, unet: &Value) -> PathBuf {
    let config = config(unet);
    let parameters = parameters(&config);
    write(bench, name, config, parameters)
}

/// As [`checkpoint`], whether or not the parameters fit the configuration.
pub fn write(bench: &Bench, name: &str, config: ModelConfig, parameters: Parameters) -> PathBuf {
    let path = bench.path(name);
    let checkpoint = Checkpoint { config, parameters, notes: BTreeMap::new() };
    checkpoint.write(&path, WeightFormat::F32).unwrap();
    path
}
