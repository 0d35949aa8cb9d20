//! The Python code's own numbers: networks, noise schedule and the prior's step.
//!
//! They lie outside of the project; where they are not there, the tests say so and pass.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use diph_core::{Prior, PriorContext, Rng, ScheduleEntry};
use diph_diffusion::{
    Checkpoint, DiffusionConfig, DiffusionPrior, GaussianDiffusion, ModelConfig, PriorOptions, Respacing, Variance,
};
use diph_formats::NpzFile;
use diph_network::{ForwardMode, Precision, Tensor, UNet, WeightFormat};
use ndarray::{ArrayD, Ix3, IxDyn};
use num_complex::Complex32;
use rand::SeedableRng;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A folder of reference data, or `None` with a line that says so.
fn reference(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: reference data {folder} not present");
    None
}

fn model(unet: &str, variance: Variance) -> Result<ModelConfig> {
    Ok(ModelConfig {
        diffusion: DiffusionConfig { variance, ..Default::default() },
        ..ModelConfig::new(serde_json::from_str(unet)?)
    })
}

fn mini(folder: &Path, conditional: bool) -> Result<Checkpoint> {
    let unet = format!(
        r#"{{ "image_size": 64, "coefficients": 5, "model_channels": 32, "num_res_blocks": 1, "num_heads": 4,
             "attention_resolutions": [16, 8], "learn_sigma": true, "conditional": {conditional} }}"#
    );
    let name = if conditional { "conditional" } else { "unconditional" };
    Ok(Checkpoint::read_pytorch(folder.join(format!("ema_{name}.pt")), model(&unet, Variance::LearnedRange)?)?)
}

fn prior_of_patch_two(folder: &Path) -> Result<Checkpoint> {
    let unet = r#"{ "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64, "channel_mult": [1, 2, 2, 3],
                    "num_res_blocks": 1, "num_heads": 4, "attention_resolutions": [14] }"#;
    Ok(Checkpoint::read_pytorch(folder.join("unconditional_patch2.pt"), model(unet, Variance::FixedLarge)?)?)
}

/// A real array of an npz file.
fn array(path: &Path, name: &str) -> Result<Tensor> {
    let array: ArrayD<f32> = NpzFile::open(path)?.array(name, "(batch, ...)")?;
    let shape = array.shape().to_vec();
    Ok(Tensor::new(shape, array.into_iter().collect())?)
}

/// A complex image (coefficient, y, x) of an npz file.
fn complex_array(path: &Path, name: &str) -> Result<ArrayD<Complex32>> {
    Ok(NpzFile::open(path)?.array::<Complex32, Ix3>(name, "(coefficient, y, x)")?.into_dyn())
}

fn relative_error(a: &Tensor, b: &Tensor) -> Result<f32> {
    let norm = |x: &Tensor| x.values().iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    Ok((norm(&a.zip(b, |a, b| a - b)?) / norm(b)) as f32)
}

#[test]
fn networks_match_the_python_code() -> Result {
    let Some(folder) = reference("mini") else { return Ok(()) };
    for (name, conditional) in [("unconditional", false), ("conditional", true)] {
        let checkpoint = mini(&folder, conditional)?;
        let unet = UNet::new(&checkpoint.config.unet, &checkpoint.parameters)?;
        let pair = folder.join(format!("unet_pair_{name}.npz"));
        let condition = array(&pair, "low_res")?;
        let times = array(&pair, "t")?.into_values();
        let condition = conditional.then_some(&condition);
        let y = unet.forward(&array(&pair, "x")?, &times, condition, &mut ForwardMode::Inference)?;
        let error = relative_error(&y, &array(&pair, "y")?)?;
        println!("{name}: {error:.2e}");
        assert!(error < 1e-4, "{name}: {error}");
    }
    Ok(())
}

#[test]
fn schedule_matches_the_python_code() -> Result {
    let Some(folder) = reference("mini") else { return Ok(()) };
    let meta: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("meta.json"))?)?;
    let numbers = |name: &str| -> Result<Vec<f64>> {
        let values = meta["schedule30"][name].as_array().ok_or("no such list")?;
        Ok(values.iter().filter_map(serde_json::Value::as_f64).collect())
    };
    let diffusion: GaussianDiffusion = DiffusionConfig::default().respaced(&"30".parse::<Respacing>()?)?;
    let steps = diffusion.steps();
    let timesteps: Vec<f64> = steps.iter().map(|step| step.timestep as f64).collect();
    assert_eq!(timesteps, numbers("timestep_map")?);
    let expected = (numbers("alphas_cumprod")?, numbers("posterior_variance")?);
    let mut largest: f64 = 0.0;
    for ((step, abar), variance) in steps.iter().zip(expected.0).zip(expected.1) {
        largest = largest.max((step.abar / abar - 1.0).abs()).max((step.posterior_variance - variance).abs());
    }
    println!("schedule: {largest:.2e}");
    assert!(largest < 1e-7, "{largest}");
    Ok(())
}

/// Channels (1, 2 K, y, x) as a complex image.
fn complex_image(channels: &Tensor, factor: f64) -> Result<ArrayD<Complex32>> {
    let [_, channels_len, height, width] = channels.image_shape("image")?;
    let values = channels.map(|value| value * factor as f32).into_values();
    let plane = height * width;
    let value = |index: usize| {
        let (k, pixel) = (index / plane, index % plane);
        Complex32::new(values[2 * k * plane + pixel], values[(2 * k + 1) * plane + pixel])
    };
    Ok(ArrayD::from_shape_vec(
        IxDyn(&[channels_len / 2, height, width]),
        (0..plane * channels_len / 2).map(value).collect(),
    )?)
}

fn distance(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> f64 {
    let square = |value: Complex32| f64::from(value.norm_sqr());
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    (difference / b.iter().map(|b| square(*b)).sum::<f64>()).sqrt()
}

/// Step 1 of the loop, from the states that the Python code stored.
#[test]
fn predicted_images_match_the_python_code() -> Result {
    let Some(folder) = reference("mini") else { return Ok(()) };
    let meta: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(folder.join("meta.json"))?)?;
    let condition_factor = meta["cond_factor"].as_f64().ok_or("no cond_factor")? as f32;
    let condition = complex_array(&folder.join("adjoint_tsmi_vol0_slice5_cut3.npz"), "tsmi_adjoint")?;
    let conditions = BTreeMap::from([("low_res".to_string(), condition.mapv(|value| value / condition_factor))]);
    for (name, conditional) in [("unconditional", false), ("conditional", true)] {
        let prior = DiffusionPrior::new(&mini(&folder, conditional)?, PriorOptions::default())?;
        let schedule = prior.noise_schedule(30)?.ok_or("no schedule")?;
        let path = folder.join(format!("steps_{name}_lambda0.0001_gamma0.01_xi1.npz"));
        for index in [29, 15, 1, 0] {
            let entry: ScheduleEntry = schedule.entries[index];
            let x_t = array(&path, &format!("step{index}_in_x_t"))?;
            let noisy = complex_image(&x_t, 1.0 / entry.abar.sqrt())?;
            let mut clean = ArrayD::zeros(noisy.raw_dim());
            let mut rng = Rng::seed_from_u64(0);
            let mut context = PriorContext {
                schedule: Some(entry),
                conditions: &diph_core::lend_conditions(&conditions),
                rng: &mut rng,
            };
            prior.denoise(noisy.view(), entry.sigma() as f32, clean.view_mut(), &mut context)?;
            let error = distance(&clean, &complex_array(&path, &format!("step{index}_out_x_tilda"))?);
            println!("{name}, step {index}: {error:.2e}");
            assert!(error < 1e-4, "{name}, step {index}: {error}");
        }
    }
    Ok(())
}

#[test]
fn the_network_with_space_to_depth_matches_pytorch() -> Result {
    let Some(folder) = reference("prior") else { return Ok(()) };
    let checkpoint = prior_of_patch_two(&folder)?;
    let unet = UNet::new(&checkpoint.config.unet, &checkpoint.parameters)?;
    let pair = folder.join("pair.npz");
    let y = unet.forward(&array(&pair, "x_t_150")?, &[150.0], None, &mut ForwardMode::Inference)?;
    let error = relative_error(&y, &array(&pair, "epsilon_150")?)?;
    println!("patch 2, {} parameters: {error:.2e}", checkpoint.parameters.count());
    assert!(error < 1e-3, "{error}");
    let unet = UNet::with_precision(&checkpoint.config.unet, &checkpoint.parameters, Precision::Bf16)?;
    let y_bf16 = unet.forward(&array(&pair, "x_t_150")?, &[150.0], None, &mut ForwardMode::Inference)?;
    let error = relative_error(&y_bf16, &y)?;
    println!("bfloat16: {error:.2e}");
    assert!(error < 2e-2, "{error}");
    Ok(())
}

/// From PyTorch to safetensors: a file that runs alone.
#[test]
fn a_converted_checkpoint_is_complete() -> Result {
    let Some(folder) = reference("mini") else { return Ok(()) };
    let checkpoint = mini(&folder, true)?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("converted.safetensors");
    checkpoint.write(&path, WeightFormat::F32)?;
    let read = Checkpoint::read(&path)?;
    assert_eq!(read.config, checkpoint.config);
    assert!(read.parameters.to_tensors() == checkpoint.parameters.to_tensors());
    Ok(())
}

#[test]
fn weights_of_another_network_are_refused() -> Result {
    let Some(folder) = reference("mini") else { return Ok(()) };
    let mut config = mini(&folder, true)?.config;
    config.unet.conditional = false;
    let error = Checkpoint::read_pytorch(folder.join("ema_conditional.pt"), config).unwrap_err().to_string();
    assert!(error.contains("ema_conditional.pt") && error.contains("`input_blocks.0.0.weight`"), "{error}");
    assert!(error.contains("expected shape [32, 10, 3, 3], got [32, 20, 3, 3]"), "{error}");
    Ok(())
}
