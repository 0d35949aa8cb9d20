//! One forward pass and one forward and backward pass of a network of 10.7 M parameters on one image of 224 x 224, with
//! Diph's operations and with candle's own. Run with `cargo bench -p diph-diffusion`.

mod plain_unet;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use candle_core::{Device, Tensor, Var};
use diph_core::Rng;
use diph_diffusion::{ForwardMode, Parameters, UNet, UNetConfig};
use plain_unet::PlainUNet;
use rand::{RngExt, SeedableRng};

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPETITIONS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let config: UNetConfig = serde_json::from_str(
        r#"{ "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64, "channel_mult": [1, 2, 2, 3],
             "num_res_blocks": 1, "num_heads": 4, "attention_resolutions": [14] }"#,
    )?;
    let mut rng = Rng::seed_from_u64(1);
    let tensors = Parameters::shapes(&config)?.into_iter().map(|(name, shape)| {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
        Ok((name, Tensor::from_vec(values, shape, &Device::Cpu)?))
    });
    let parameters = Parameters::new(&config, tensors.collect::<candle_core::Result<_>>()?)?;
    let variables: Vec<(String, Var)> = parameters
        .tensors()
        .iter()
        .map(|(name, tensor)| Ok((name.clone(), Var::from_tensor(tensor)?)))
        .collect::<candle_core::Result<_>>()?;
    let tracked: BTreeMap<String, Tensor> =
        variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect();
    let tracked = Parameters::new(&config, tracked)?;
    let values: Vec<f32> = (0..10 * 224 * 224).map(|_| rng.random_range(-1.0..1.0)).collect();
    let x = Tensor::from_vec(values, (1, 10, 224, 224), &Device::Cpu)?;
    println!("{} parameters, {} threads, fastest of {REPETITIONS}", parameters.count(), rayon::current_num_threads());

    let (ours, ours_tracked) = (UNet::new(&config, &parameters)?, UNet::new(&config, &tracked)?);
    let (plain, plain_tracked) = (PlainUNet::new(&config, &parameters), PlainUNet::new(&config, &tracked));
    let run_ours = |unet: &UNet| unet.forward(&x, &[150.0], None, &mut ForwardMode::Inference);
    let (y, expected) = (run_ours(&ours)?, plain.forward(&x, 150.0)?);
    let norm = |x: Tensor| -> candle_core::Result<f32> { Ok(x.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt()) };
    println!("relative difference of the outputs: {:.1e}", norm((y - &expected)?)? / norm(expected)?);

    let own = [
        fastest(|| run_ours(&ours).map(drop).map_err(Into::into))?,
        fastest(|| Ok(run_ours(&ours_tracked)?.sqr()?.mean_all()?.backward().map(drop)?))?,
    ];
    let candle = [
        fastest(|| plain.forward(&x, 150.0).map(drop).map_err(Into::into))?,
        fastest(|| Ok(plain_tracked.forward(&x, 150.0)?.sqr()?.mean_all()?.backward().map(drop)?))?,
    ];
    for (index, name) in ["forward", "forward and backward"].into_iter().enumerate() {
        let (own, candle) = (own[index], candle[index]);
        println!("{name}: {own:.3} s, with candle's operations {candle:.3} s, {:.1} times as fast", candle / own);
    }
    Ok(())
}

/// Seconds of the fastest run: other work on the machine only ever makes runs slower.
fn fastest(mut run: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
