//! The prior's backends: which of them there are depends on the features that the plugin was compiled with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diph_core::{Prior, PriorContext, Rng};
use diph_diffusion::{Checkpoint, ModelConfig};
use diph_network::{Parameters, Tensor, WeightFormat};
use diph_plugin_host::{Acquisition, HostServices, Registry};
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A checkpoint file of a network with random parameters, for images of two coefficients.
fn write_checkpoint(folder: &Path) -> Result<PathBuf> {
    let unet = r#"{ "image_size": 16, "coefficients": 2, "model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
                    "attention_resolutions": [8], "learn_sigma": true, "conditional": true }"#;
    let config = ModelConfig::new(serde_json::from_str(unet)?);
    let mut rng = Rng::seed_from_u64(1);
    let mut tensors = BTreeMap::new();
    for (name, shape) in Parameters::shapes(&config.unet)? {
        let fan_in: usize = shape[1..].iter().product();
        let largest = 1.0 / (fan_in as f32).sqrt();
        let values = (0..shape.iter().product()).map(|_| rng.random_range(-largest..largest)).collect();
        tensors.insert(name, Tensor::new(shape, values)?);
    }
    let parameters = Parameters::new(&config.unet, tensors)?;
    let path = folder.join("random.safetensors");
    Checkpoint { config, parameters, notes: BTreeMap::new() }.write(&path, WeightFormat::F32)?;
    Ok(path)
}

/// The prior through the plugin interface.
fn prior(options: &Value) -> Result<Box<dyn Prior>> {
    let mut registry = Registry::new(HostServices::new());
    registry.register_static(&diph_plugin_diffusion_prior::PLUGIN)?;
    Ok(registry.create_prior("diph.diffusion", options, &Acquisition::default())?)
}

fn refusal(options: &Value) -> String {
    prior(options).map(|_| ()).expect_err("no such prior").to_string()
}

fn denoise(prior: &dyn Prior) -> Result<ArrayD<Complex32>> {
    let mut rng = Rng::seed_from_u64(2);
    let mut image = || {
        let mut value = || rng.random_range(-1.0..1.0);
        ArrayD::from_shape_simple_fn(vec![2, 20, 18], || Complex32::new(value(), value()))
    };
    let (noisy, condition) = (image(), BTreeMap::from([("low_res".to_string(), image())]));
    let mut clean = ArrayD::zeros(noisy.raw_dim());
    let conditions = diph_core::lend_conditions(&condition);
    let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut Rng::seed_from_u64(3) };
    prior.denoise(noisy.view(), 0.5, clean.view_mut(), &mut context)?;
    Ok(clean)
}

#[test]
fn the_default_backend_is_diphs_own() -> Result {
    let folder = tempfile::tempdir()?;
    let checkpoint = write_checkpoint(folder.path())?;
    let by_default = denoise(&*prior(&json!({ "checkpoint": checkpoint }))?)?;
    let options = json!({ "checkpoint": checkpoint, "backend": "kernels", "device": "cpu" });
    assert_eq!(denoise(&*prior(&options)?)?, by_default);
    assert!(by_default.iter().any(|value| *value != Complex32::ZERO));
    let message = refusal(&json!({ "backend": "kernels", "device": "cuda:0" }));
    assert!(message.contains("device") && message.contains("candle"), "{message}");
    Ok(())
}

#[cfg(not(feature = "candle"))]
#[test]
fn backends_that_were_not_compiled_name_the_command_that_compiles_them() {
    for (device, feature) in
        [(None, "candle"), (Some("cpu"), "candle"), (Some("cuda:1"), "cuda"), (Some("metal"), "metal")]
    {
        let message = refusal(&json!({ "backend": "candle", "device": device }));
        let command = format!("`cargo build --release --package diph --features {feature}`");
        assert!(message.contains("backend") && message.contains(&command), "{message}");
    }
}

#[cfg(feature = "candle")]
#[test]
fn both_backends_predict_the_same_image() -> Result {
    let folder = tempfile::tempdir()?;
    let checkpoint = write_checkpoint(folder.path())?;
    let expected = denoise(&*prior(&json!({ "checkpoint": checkpoint }))?)?;
    let options = json!({ "checkpoint": checkpoint, "backend": "candle", "device": "cpu" });
    let image = denoise(&*prior(&options)?)?;
    let norm = |image: &ArrayD<Complex32>| image.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>().sqrt();
    let error = norm(&(&image - &expected)) / norm(&expected);
    println!("candle beside the kernels: {error:.1e}");
    assert!(error < 1e-4, "{error}");
    // Other products in another order: equal to the last bit would mean that one backend had run twice.
    assert!(error > 0.0);
    Ok(())
}

#[cfg(feature = "candle")]
#[test]
fn settings_that_candle_does_not_have_are_refused() {
    let message = refusal(&json!({ "backend": "candle", "precision": "bf16" }));
    assert!(message.contains("precision") && message.contains("f32"), "{message}");
    let message = refusal(&json!({ "backend": "candle", "device": "gpu" }));
    assert!(message.contains("device") && message.contains("cuda:0"), "{message}");
    #[cfg(not(feature = "cuda"))]
    {
        let message = refusal(&json!({ "backend": "candle", "device": "cuda:0" }));
        assert!(message.contains("`cargo build --release --package diph --features cuda`"), "{message}");
    }
}
