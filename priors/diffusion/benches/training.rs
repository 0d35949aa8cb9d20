//! Training steps of a conditional network of 8 M parameters on two images of 224 x 224. Run with
//! `cargo bench -p diph-diffusion --bench training`; add `-- checkpointing batch=4` for other settings, and measure memory
//! with `/usr/bin/time -v`.

use std::error::Error;
use std::time::Instant;

use diph_diffusion::{
    DiffusionConfig, ModelConfig, Parametrisation, Result, SampleSource, Trainer, TrainingConfig, TrainingSample,
};
use ndarray::Array3;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STEPS: u64 = 6;

/// Noise: what the network sees does not change the time.
struct Noise;

impl SampleSource for Noise {
    fn sample(&self, number: u64) -> Result<TrainingSample> {
        let mut rng = diph_core::Rng::seed_from_u64(number);
        let clean = Array3::from_shape_simple_fn((5, 224, 224), || {
            Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))
        });
        Ok(TrainingSample { condition: Some(clean.clone()), clean })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let unet = serde_json::from_str(
        r#"{ "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64, "channel_mult": [1, 2, 2, 2],
             "num_res_blocks": 1, "conditional": true }"#,
    )?;
    let parametrisation = Parametrisation::Edm { sigma_data: vec![0.58; 5].into() };
    let diffusion = DiffusionConfig { parametrisation, ..Default::default() };
    let model = ModelConfig { diffusion, ..ModelConfig::new(unet) };
    let batch = std::env::args().find_map(|argument| argument.strip_prefix("batch=")?.parse().ok()).unwrap_or(2);
    let mut config = TrainingConfig { batch, condition_dropout: 0.2, ..TrainingConfig::new(model) };
    config.ema_rates = vec![0.999, 0.9999];
    config.gradient_checkpointing = std::env::args().any(|argument| argument == "checkpointing");
    let mut trainer = Trainer::new(config)?;
    println!("{} parameters", trainer.checkpoint(None)?.parameters.count());
    for _ in 0..STEPS {
        let start = Instant::now();
        let step = trainer.step(&Noise)?;
        println!("step {}: loss {:.3}, {:.3} s", step.step, step.loss, start.elapsed().as_secs_f64());
    }
    let (directory, start) = (tempfile::tempdir()?, Instant::now());
    trainer.save(directory.path().join("state.safetensors"))?;
    println!("state written in {:.3} s", start.elapsed().as_secs_f64());
    Ok(())
}
