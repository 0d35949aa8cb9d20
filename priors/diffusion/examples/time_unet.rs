//! Times one pass of a network with random weights on one image, for comparisons with other programs.
//!
//! `time_unet CONFIG.json forward|train f32|bf16 REPEATS` prints `{"parameters": .., "threads": .., "median_s": .., "min_s": ..}`; a training step
//! is forward and backward of a mean square, without the optimiser.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use candle_core::{Device, Tensor, Var};
use diph_core::Rng;
use diph_diffusion::ops::Precision;
use diph_diffusion::{ForwardMode, Parameters, UNet, UNetConfig};
use rand::{RngExt, SeedableRng};

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, mode, precision, repeats] = arguments.as_slice() else {
        return Err("usage: time_unet CONFIG.json forward|train f32|bf16 REPEATS".into());
    };
    let config: UNetConfig = serde_json::from_str(&std::fs::read_to_string(config)?)?;
    let mut rng = Rng::seed_from_u64(1);
    let parameters = random_parameters(&config, mode == "train", &mut rng)?;
    let precision: Precision = serde_json::from_value(precision.as_str().into())?;
    let unet = UNet::with_precision(&config, &parameters, precision)?;
    let size = config.image_size;
    let values: Vec<f32> = (0..config.image_channels() * size * size).map(|_| rng.random_range(-1.0..1.0)).collect();
    let x = Tensor::from_vec(values, (1, config.image_channels(), size, size), &Device::Cpu)?;
    let run = || -> Result<(), Box<dyn Error>> {
        let y = unet.forward(&x, &[150.0], None, &mut ForwardMode::Inference)?;
        if mode == "train" {
            y.sqr()?.mean_all()?.backward()?;
        }
        Ok(())
    };
    run()?;
    let mut seconds = Vec::new();
    for _ in 0..repeats.parse::<usize>()?.max(1) {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let result = serde_json::json!({
        "parameters": parameters.count(),
        "threads": rayon::current_num_threads(),
        "median_s": seconds[seconds.len() / 2],
        "min_s": seconds[0],
    });
    println!("{result}");
    Ok(())
}

/// Weights of the size that initialisation gives, none of them zero; candle variables where gradients are wanted.
fn random_parameters(config: &UNetConfig, tracked: bool, rng: &mut Rng) -> Result<Parameters, Box<dyn Error>> {
    let mut tensors = BTreeMap::new();
    for (name, shape) in Parameters::shapes(config)? {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..=bound)).collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
        let tensor = if tracked { Var::from_tensor(&tensor)?.into_inner() } else { tensor };
        tensors.insert(name, tensor);
    }
    Ok(Parameters::new(config, tensors)?)
}
