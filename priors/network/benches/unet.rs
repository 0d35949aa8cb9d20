//! The network's forward pass and training step on one image of 224 x 224. A training step is forward and backward, without the
//! optimiser. Run with `cargo bench -p diph-network`.

use criterion::{Criterion, criterion_group, criterion_main};
use diph_core::Rng;
use diph_network::{Error, ForwardMode, ParameterState, Parameters, Tensor, UNet, UNetConfig};
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

fn random(shape: &[usize], bound: f32, rng: &mut Rng) -> Tensor {
    let values = (0..shape.iter().product()).map(|_| rng.random_range(-bound..=bound)).collect();
    Tensor::new(shape, values).expect("a tensor")
}

/// Weights of the size that initialisation gives, none of them zero.
fn parameters(config: &UNetConfig) -> Parameters {
    let mut rng = Rng::seed_from_u64(1);
    let shapes = Parameters::shapes(config).expect("a valid configuration");
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let tensor = random(&shape, bound, &mut rng);
        (name, tensor)
    });
    Parameters::new(config, tensors.collect()).expect("all parameters")
}

fn networks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unet");
    group.sample_size(10);
    let x = random(&[1, 10, 224, 224], 1.0, &mut Rng::seed_from_u64(2));
    for (name, json) in [("small", SMALL), ("narrow", NARROW), ("published", PUBLISHED)] {
        let config = config(json);
        let unet = UNet::new(&config, &parameters(&config)).expect("a network");
        group.bench_function(format!("{name}, forward"), |bencher| {
            bencher.iter(|| unet.forward(&x, &[TIMESTEP], None, &mut ForwardMode::Inference));
        });
    }
    for (name, json) in [("small", SMALL), ("narrow", NARROW)] {
        let config = config(json);
        let state = |(name, parameter): (&str, &diph_network::Parameter)| {
            ParameterState::new(name.into(), parameter.to_tensor(), 0)
        };
        let states: Vec<ParameterState> = parameters(&config).iter().map(state).collect();
        let variables = Parameters::of_states(&config, &states).expect("all parameters");
        let unet = UNet::new(&config, &variables).expect("a network");
        let square = |output: &Tensor| Ok::<_, Error>(output.map(|value| 2.0 * value));
        group.bench_function(format!("{name}, training step"), |bencher| {
            bencher.iter(|| unet.backward(&x, &[TIMESTEP], None, &mut ForwardMode::Inference, square).map(drop));
        });
    }
}

criterion_group!(benches, networks);
criterion_main!(benches);
