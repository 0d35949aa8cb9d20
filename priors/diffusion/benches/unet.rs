//! The network's forward pass and training step on one image of 224 x 224, with Diph's operations and with candle's own. A training
//! step is forward and backward, without the optimiser. Run with `cargo bench -p diph-diffusion`.

mod plain_unet;

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var};
use criterion::{Criterion, criterion_group, criterion_main};
use diph_core::Rng;
use diph_network::{ForwardMode, Parameters, UNet, UNetConfig};
use plain_unet::PlainUNet;
use rand::{RngExt, SeedableRng};

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 10.7 M parameters.
const SMALL: &str = r#"{ "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64, "num_heads": 4,
    "channel_mult": [1, 2, 2, 3], "num_res_blocks": 1, "attention_resolutions": [14] }"#;

/// The size of the published networks, 138 M parameters.
const PUBLISHED: &str = r#"{ "image_size": 224, "coefficients": 5, "model_channels": 128, "num_heads": 4, "learn_sigma": true,
    "channel_mult": [1, 1, 2, 2, 4, 4], "num_res_blocks": 2, "attention_resolutions": [28, 14, 7] }"#;

/// The same with a quarter of the channels.
const NARROW: &str = r#"{ "image_size": 224, "coefficients": 5, "model_channels": 32, "num_heads": 4, "learn_sigma": true,
    "channel_mult": [1, 1, 2, 2, 4, 4], "num_res_blocks": 2, "attention_resolutions": [28, 14, 7] }"#;

const TIMESTEP: f32 = 150.0;

fn config(json: &str) -> UNetConfig {
    serde_json::from_str(json).expect("a configuration")
}

fn random(shape: &[usize], bound: f32, rng: &mut Rng) -> Result<Tensor> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..=bound)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Weights of the size that initialisation gives, none of them zero; candle variables where gradients are wanted.
fn parameters(config: &UNetConfig, differentiable: bool) -> Parameters {
    let mut rng = Rng::seed_from_u64(1);
    let shapes = Parameters::shapes(config).expect("a valid configuration");
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let tensor = random(&shape, 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt(), &mut rng)?;
        Ok((name, if differentiable { Var::from_tensor(&tensor)?.into_inner() } else { tensor }))
    });
    Parameters::new(config, tensors.collect::<Result<BTreeMap<_, _>>>().expect("tensors")).expect("all parameters")
}

fn image() -> Tensor {
    random(&[1, 10, 224, 224], 1.0, &mut Rng::seed_from_u64(2)).expect("an image")
}

fn networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unet");
    group.sample_size(10);
    let x = image();
    let run = |unet: &UNet| unet.forward(&x, &[TIMESTEP], None, &mut ForwardMode::Inference).expect("an image");
    for (name, json) in
        [("forward 10.7M", SMALL), ("forward published size", PUBLISHED), ("forward 32 channels", NARROW)]
    {
        let config = config(json);
        let unet = UNet::new(&config, &parameters(&config, false)).expect("a network");
        group.bench_function(name, |bencher| bencher.iter(|| run(&unet)));
    }
    let config = config(SMALL);
    let unet = UNet::new(&config, &parameters(&config, true)).expect("a network");
    group.bench_function("training step 10.7M", |bencher| bencher.iter(|| gradients(&run(&unet))));
}

fn plain_networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unet with candle's operations");
    group.sample_size(10);
    let (config, x) = (config(SMALL), image());
    let plain = PlainUNet::new(&config, &parameters(&config, false));
    group.bench_function("forward 10.7M", |bencher| bencher.iter(|| plain.forward(&x, TIMESTEP)));
    let plain = PlainUNet::new(&config, &parameters(&config, true));
    group.bench_function("training step 10.7M", |bencher| {
        bencher.iter(|| gradients(&plain.forward(&x, TIMESTEP).expect("an image")));
    });
}

fn gradients(y: &Tensor) {
    y.sqr().and_then(|y| y.mean_all()).and_then(|loss| loss.backward()).expect("gradients");
}

criterion_group!(benches, networks, plain_networks);
criterion_main!(benches);
