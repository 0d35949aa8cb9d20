//! The laws of a training run.

use std::path::Path;

use ndarray::Array3;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

use diph_network::{AdamW, ParameterState, Parameters, Precision, Tensor, UNetConfig, WeightFormat, gradient_norm};

use super::learning_rate::learning_rate;
use super::state_file;
use super::{SampleSource, Trainer, TrainingConfig, TrainingSample, measure_sigma_data};
use crate::tensors_for_tests::{random, relative_error};
use crate::{Denoiser, DiffusionConfig, Error, ModelConfig, Parametrisation, Result};

/// Sizes of the two coefficients.
const SIZES: [f32; 2] = [1.0, 0.05];

/// Images of 8 x 8 with two coefficients of different size, everywhere alike up to a random factor.
struct Images {
    /// Images of this number and above hold a NaN.
    broken_from: u64,
}

const IMAGES: Images = Images { broken_from: u64::MAX };

impl SampleSource for Images {
    fn sample(&self, number: u64) -> Result<TrainingSample> {
        let mut rng = diph_core::Rng::seed_from_u64(number);
        let factor = Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let mut clean =
            Array3::from_shape_fn((2, 8, 8), |(k, y, _)| factor * SIZES[k] * if y < 4 { 1.0 } else { -1.0 });
        if number >= self.broken_from {
            clean[[1, 2, 3]].im = f32::NAN;
        }
        let condition = Some(clean.mapv(|value| value * 0.5));
        Ok(TrainingSample { clean, condition })
    }
}

fn config(changes: &str) -> TrainingConfig {
    let unet: UNetConfig = serde_json::from_str(
        r#"{ "image_size": 8, "coefficients": 2, "model_channels": 32, "channel_mult": [1, 1], "num_res_blocks": 1 }"#,
    )
    .expect("a configuration");
    let parametrisation = Parametrisation::Edm { sigma_data: vec![0.58, 0.029].into() };
    let model =
        ModelConfig { diffusion: DiffusionConfig { parametrisation, ..Default::default() }, ..ModelConfig::new(unet) };
    let mut settings = serde_json::to_value(TrainingConfig::new(model)).expect("JSON");
    let changes: serde_json::Value = serde_json::from_str(changes).expect("JSON");
    merge(&mut settings, changes);
    serde_json::from_value(settings).expect("a configuration")
}

fn merge(settings: &mut serde_json::Value, changes: serde_json::Value) {
    match changes {
        serde_json::Value::Object(changes) if settings.is_object() => {
            changes.into_iter().for_each(|(name, value)| merge(&mut settings[&name], value));
        }
        value => *settings = value,
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn bytes(trainer: &Trainer, path: &Path) -> Result<Vec<u8>> {
    trainer.save(path)?;
    std::fs::read(path).map_err(|error| diph_network::Error::file(path, error).into())
}

/// EDM with condition dropout and the network's dropout; timesteps drawn by their losses, learned variance.
const RUNS: [&str; 2] = [
    r#"{ "model": { "unet": { "conditional": true, "dropout": 0.1 } }, "condition_dropout": 0.5, "batch": 3,
         "microbatch": 2, "ema_rates": [0.9, 0.999], "weight_decay": 0.01, "warmup_steps": 2,
         "annealing": { "cosine": {} }, "steps": 6 }"#,
    r#"{ "model": { "unet": { "learn_sigma": true },
                    "diffusion": { "parametrisation": "v", "variance": "learned_range", "steps": 21 } },
         "noise_levels": { "timesteps": { "sampler": "loss_second_moment" } }, "batch": 64, "ema_rates": [] }"#,
];

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() -> Result<()> {
    let directory = directory();
    let path = directory.path().join("state.safetensors");
    for (run, steps) in RUNS.into_iter().zip([6, 7]) {
        let mut uninterrupted = Trainer::new(config(run))?;
        let mut resumed = Trainer::new(config(run))?;
        for _ in 0..steps {
            let step = uninterrupted.step(&IMAGES)?;
            assert_eq!(resumed.step(&IMAGES)?, step);
            resumed.save(&path)?;
            resumed = Trainer::resume(&path)?;
        }
        assert_eq!(resumed.step_number(), steps);
        assert_eq!(resumed.config(), uninterrupted.config());
        assert!(bytes(&uninterrupted, &path)? == bytes(&resumed, &path)?, "{run}");
    }
    Ok(())
}

/// Loss and gradient of the first step. The gradient is taken from its moment: where it is zero, AdamW makes large steps of
/// rounding, so that parameters would not compare.
fn first_gradient(config: TrainingConfig) -> Result<(f64, Tensor)> {
    let directory = directory();
    let path = directory.path().join("state.safetensors");
    let mut trainer = Trainer::new(config)?;
    // A step makes the blocks that start at zero take part.
    trainer.step(&IMAGES)?;
    let loss = trainer.step(&IMAGES)?.loss;
    trainer.save(&path)?;
    let moments = state_file::read(&path)?.parameters.into_iter().flat_map(|parameter| parameter.first_moment);
    let moments: Vec<f32> = moments.collect();
    Ok((loss, Tensor::new([moments.len()], moments)?))
}

#[test]
fn microbatches_do_not_change_the_gradient() -> Result<()> {
    let run = |microbatch| {
        let base = config(r#"{ "batch": 5, "betas": [0.0, 0.999], "learning_rate": 1e-5, "warmup_steps": 0 }"#);
        first_gradient(TrainingConfig { microbatch, ..base })
    };
    let (loss, gradient) = run(None)?;
    for microbatch in [1, 2, 7] {
        let (split_loss, split) = run(Some(microbatch))?;
        assert!((split_loss / loss - 1.0).abs() < 1e-5, "{microbatch}: {split_loss} {loss}");
        let error = relative_error(&split, &gradient);
        assert!(error < 1e-4, "{microbatch}: {error}");
    }
    Ok(())
}

/// Also through skips, resampling, attention, dropout and the timestep embedding.
#[test]
fn recomputation_does_not_change_the_gradient() -> Result<()> {
    let base = r#"{ "model": { "unet": { "channel_mult": [1, 2], "num_res_blocks": 2, "dropout": 0.2, "conditional": true,
                                         "patch": 2, "attention_resolutions": [4] } },
                    "batch": 3, "betas": [0.0, 0.999], "warmup_steps": 0 }"#;
    let run = |gradient_checkpointing| first_gradient(TrainingConfig { gradient_checkpointing, ..config(base) });
    let ((loss, gradient), (recomputed_loss, recomputed)) = (run(false)?, run(true)?);
    assert!((recomputed_loss / loss - 1.0).abs() < 1e-4, "{recomputed_loss} {loss}");
    let error = relative_error(&recomputed, &gradient);
    assert!(error < 1e-3, "{error}");
    Ok(())
}

/// Both coefficients are learned, though one is twenty times smaller.
#[test]
fn a_single_image_is_learned() -> Result<()> {
    struct OneImage;
    impl SampleSource for OneImage {
        fn sample(&self, _: u64) -> Result<TrainingSample> {
            IMAGES.sample(7)
        }
    }
    let sigma_data = measure_sigma_data(&OneImage, 1)?;
    let mut config = config(r#"{ "batch": 8, "learning_rate": 2e-3, "warmup_steps": 10, "ema_rates": [0.9] }"#);
    config.model.diffusion.parametrisation = Parametrisation::Edm { sigma_data: sigma_data.into() };
    let mut trainer = Trainer::new(config)?;
    let losses = (0..150).map(|_| Ok(trainer.step(&OneImage)?.loss)).collect::<Result<Vec<f64>>>()?;
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[140..]));
    assert!((0.5..2.0).contains(&first), "{first}");
    assert!(last < 0.3 * first, "{first} {last}");

    let clean = IMAGES.sample(7)?.clean;
    let denoiser = Denoiser::new(&trainer.checkpoint(Some(0.9))?, Precision::F32)?;
    for (coefficient, size) in SIZES.into_iter().enumerate() {
        // At a noise level of the coefficient's own size, half of the noise's variance is in an estimate by scaling.
        let sigma = f64::from(size);
        let mut channels = Vec::new();
        for image in clean.outer_iter() {
            channels.extend(image.iter().map(|value| value.re));
            channels.extend(image.iter().map(|value| value.im));
        }
        let clean = Tensor::new([1, 4, 8, 8], channels)?;
        let deviation = (3.0_f64.sqrt() * sigma) as f32;
        let noisy = clean.zip(&random(&[1, 4, 8, 8], 9), |clean, noise| clean + deviation * noise)?;
        let abar = 1.0 / (1.0 + sigma * sigma);
        let denoised = denoiser.denoise(&noisy, abar, 0.0, None)?;
        let part = |x: &Tensor| x.channels(2 * coefficient, 2);
        let error = relative_error(&part(&denoised)?, &part(&clean)?);
        assert!(error < 0.4, "coefficient {coefficient}: {error}");
    }
    Ok(())
}

#[test]
fn averages_are_usable_from_the_first_step_on() -> Result<()> {
    let mut trainer = Trainer::new(config(r#"{ "ema_rates": [0.2, 0.9999], "batch": 2 }"#))?;
    let mut expected: Vec<Parameters> = vec![trainer.checkpoint(None)?.parameters; 2];
    for n in 0..4 {
        trainer.step(&IMAGES)?;
        let new = trainer.checkpoint(None)?.parameters;
        let warm = f64::from(1 + n) / f64::from(10 + n);
        for (expected, rate) in expected.iter_mut().zip([warm.min(0.2), warm]) {
            let average = |(name, old): (String, Tensor)| {
                let new = new.get(&name).expect("the parameter").to_tensor();
                let average = old.zip(&new, |old, new| rate as f32 * old + (1.0 - rate) as f32 * new)?;
                Ok((name, average))
            };
            let tensors = expected.to_tensors().into_iter().map(average).collect::<Result<_>>()?;
            *expected = Parameters::new(&trainer.config().model.unet, tensors)?;
        }
    }
    for (expected, rate) in expected.iter().zip([0.2, 0.9999]) {
        let got = trainer.checkpoint(Some(rate))?;
        assert_eq!(got.notes["training_steps"], "4");
        let got = got.parameters.to_tensors();
        for (name, tensor) in expected.to_tensors() {
            assert!(relative_error(&got[&name], &tensor) < 1e-5, "{rate}: {name}");
        }
    }
    assert!(trainer.checkpoint(Some(0.5)).unwrap_err().to_string().contains("one of [0.2, 0.9999]"));
    Ok(())
}

/// Three steps of AdamW on given gradients, written down plainly in f64.
#[test]
fn adam_w_is_that_of_its_authors() -> Result<()> {
    let (rate, decay, betas, scale): (f64, f64, [f64; 2], f64) = (0.01, 0.1, [0.8, 0.95], 0.5);
    let count = 5000;
    let start = random(&[count], 1);
    let mut parameters = vec![ParameterState::new("p".into(), start.clone(), 0)];
    let mut plain: Vec<[f64; 3]> = start.values().iter().map(|value| [f64::from(*value), 0.0, 0.0]).collect();
    for step in 0..3 {
        let gradient = random(&[count], 2 + step).into_values();
        AdamW::new(step, rate, decay, betas, scale, &[]).update(&mut parameters, std::slice::from_ref(&gradient))?;
        let power = (step + 1) as i32;
        for ([value, first, second], gradient) in plain.iter_mut().zip(gradient) {
            let gradient = scale * f64::from(gradient);
            *first = betas[0] * *first + (1.0 - betas[0]) * gradient;
            *second = betas[1] * *second + (1.0 - betas[1]) * gradient * gradient;
            let (mean, square) = (*first / (1.0 - betas[0].powi(power)), *second / (1.0 - betas[1].powi(power)));
            *value = *value * (1.0 - rate * decay) - rate * mean / (square.sqrt() + 1e-8);
        }
    }
    for (got, [expected, ..]) in parameters[0].variable.to_tensor().into_values().into_iter().zip(plain) {
        assert!((f64::from(got) - expected).abs() < 1e-6, "{got} {expected}");
    }
    let norm = gradient_norm(&[start.values(), start.values()]);
    let squares: f64 = start.values().iter().map(|value| f64::from(*value).powi(2)).sum();
    let expected = (2.0 * squares).sqrt();
    assert!((norm / expected - 1.0).abs() < 1e-5);
    Ok(())
}

#[test]
fn learning_rates_rise_and_fall() {
    let rates = |changes: &str| -> Vec<f64> {
        let config = config(changes);
        (0..7).map(|step| 100.0 * learning_rate(&config, step)).collect()
    };
    let constant = rates(r#"{ "learning_rate": 0.01, "warmup_steps": 2, "steps": 7 }"#);
    assert_eq!(constant, [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    let cosine = r#"{ "learning_rate": 0.01, "warmup_steps": 0, "steps": 5, "annealing": { "cosine": { "final_share": 0.2 } } }"#;
    for (got, expected) in rates(cosine).into_iter().zip([1.0, 0.8828, 0.6, 0.3172, 0.2, 0.2, 0.2]) {
        assert!((got - expected).abs() < 1e-4, "{got} {expected}");
    }
}

#[test]
fn sizes_are_measured_for_each_coefficient() -> Result<()> {
    let sizes = measure_sigma_data(&IMAGES, 400)?;
    // A factor uniform in the square has parts of variance 1/3.
    for (size, expected) in sizes.iter().zip(SIZES) {
        assert!((size / (f64::from(expected) / 3.0_f64.sqrt()) - 1.0).abs() < 0.1, "{sizes:?}");
    }
    assert!(measure_sigma_data(&IMAGES, 0).is_err());
    assert!(measure_sigma_data(&Images { broken_from: 3 }, 5).is_err());
    Ok(())
}

/// With every condition dropped, what the source gives as condition makes no difference.
#[test]
fn dropped_conditions_are_zero() -> Result<()> {
    struct WithCondition(f32);
    impl SampleSource for WithCondition {
        fn sample(&self, number: u64) -> Result<TrainingSample> {
            let TrainingSample { clean, .. } = IMAGES.sample(number)?;
            let condition = Some(clean.mapv(|value| value * self.0));
            Ok(TrainingSample { clean, condition })
        }
    }
    let changes = |dropout: f32| {
        format!(r#"{{ "model": {{ "unet": {{ "conditional": true }} }}, "condition_dropout": {dropout} }}"#)
    };
    let losses = |dropout: f32, factor: f32| -> Result<Vec<f64>> {
        let mut trainer = Trainer::new(config(&changes(dropout)))?;
        assert_eq!(trainer.checkpoint(None)?.config.condition_optional, dropout > 0.0);
        (0..3).map(|_| Ok(trainer.step(&WithCondition(factor))?.loss)).collect()
    };
    assert_eq!(losses(1.0, 0.0)?, losses(1.0, 3.0)?);
    assert_eq!(losses(1.0, 0.0)?, losses(0.0, 0.0)?);
    assert_ne!(losses(0.5, 3.0)?, losses(0.0, 3.0)?);
    Ok(())
}

#[test]
fn images_that_do_not_fit_leave_the_run_as_it_was() -> Result<()> {
    let directory = directory();
    let (before, after) = (directory.path().join("before"), directory.path().join("after"));
    let mut trainer = Trainer::new(config(r#"{ "batch": 2 }"#))?;
    trainer.step(&IMAGES)?;
    let state = bytes(&trainer, &before)?;
    let message = trainer.step(&Images { broken_from: 3 }).unwrap_err().to_string();
    assert_eq!(message, "training image 3: image: expected finite values, got NaN in channel value 211");

    struct Given(TrainingSample);
    impl SampleSource for Given {
        fn sample(&self, _: u64) -> Result<TrainingSample> {
            Ok(self.0.clone())
        }
    }
    let clean = Array3::from_elem((1, 8, 8), Complex32::ONE);
    let message = trainer.step(&Given(TrainingSample { clean, condition: None })).unwrap_err().to_string();
    assert!(message.contains("training image 2: shape of the image: expected (2, y, x)"), "{message}");
    // The squared error of such an image is infinite.
    let clean = Array3::from_elem((2, 8, 8), Complex32::new(1e30, 0.0));
    let error = trainer.step(&Given(TrainingSample { clean, condition: None })).map(drop);
    assert!(matches!(error, Err(Error::Diverged { step: 1, .. })), "{error:?}");
    assert!(state == bytes(&trainer, &after)?);

    let mut conditional = Trainer::new(config(r#"{ "model": { "unet": { "conditional": true } } }"#))?;
    let clean = Array3::from_elem((2, 8, 8), Complex32::ONE);
    let message = conditional.step(&Given(TrainingSample { clean, condition: None })).unwrap_err().to_string();
    assert!(message.contains("training image 0: condition: expected an image"), "{message}");
    Ok(())
}

#[test]
fn files_that_are_no_state_are_named() -> Result<()> {
    let directory = directory();
    let path = directory.path().join("state.safetensors");
    let trainer = Trainer::new(config("{}"))?;
    let state = bytes(&trainer, &path)?;
    let message = |path: &Path| Trainer::resume(path).map(|_| ()).unwrap_err().to_string();
    let write = |bytes: &[u8]| std::fs::write(&path, bytes).expect("a file in a temporary directory");
    assert!(message(&directory.path().join("absent")).contains("absent"));
    for end in [0, 5, 100, state.len() - 1] {
        write(&state[..end]);
        let message = message(&path);
        assert!(message.contains("state.safetensors") && message.contains("not a safetensors file"), "{message}");
    }
    trainer.checkpoint(None)?.write(&path, WeightFormat::F32)?;
    assert!(message(&path).contains("not the state of a training run"));

    // The header of another architecture with these tensors, lengths kept.
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let position = state.windows(from.len()).position(|text| text == from.as_bytes());
        let position = position.expect("text of the header");
        let mut state = state.clone();
        state[position..][..from.len()].copy_from_slice(to.as_bytes());
        write(&state);
        message(&path)
    };
    let other = replaced(r#"model_channels\":32"#, r#"model_channels\":64"#);
    assert!(other.contains("tensor `parameters/input_blocks.0.0.bias`: expected shape [64], got [32]"), "{other}");
    let other = replaced("\"ema_0.999/out.2.bias\"", "\"ema_0.999/out.2.bios\"");
    assert!(other.contains("tensor `ema_0.999/out.2.bias` of shape [4] is missing"), "{other}");
    let other = replaced(r#"ema_rates\":[0.999]"#, r#"ema_rates\":[     ]"#);
    assert!(other.contains("tensor `ema_0.999/") && other.contains("has no place"), "{other}");
    Ok(())
}

#[test]
fn a_state_that_cannot_be_written_is_an_error() -> Result<()> {
    let directory = directory();
    std::fs::write(directory.path().join("file"), "in the way of a folder").expect("a file");
    let message = Trainer::new(config("{}"))?.save(directory.path().join("file/state")).unwrap_err().to_string();
    assert!(message.contains("file/state: cannot write"), "{message}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("a folder").count(), 1);
    Ok(())
}

#[test]
fn settings_that_make_no_run_are_named() {
    for (changes, setting) in [
        (r#"{ "steps": 0 }"#, "steps"),
        (r#"{ "batch": 0 }"#, "batch"),
        (r#"{ "batch": 100000000 }"#, "batch"),
        (r#"{ "microbatch": 0 }"#, "microbatch"),
        (r#"{ "learning_rate": 0.0 }"#, "learning_rate"),
        (r#"{ "weight_decay": -1.0 }"#, "weight_decay"),
        (r#"{ "betas": [0.9, 1.0] }"#, "betas"),
        (r#"{ "annealing": { "cosine": { "final_share": 2.0 } } }"#, "final_share"),
        (r#"{ "gradient_clip": 0.0 }"#, "gradient_clip"),
        (r#"{ "ema_rates": [1.0] }"#, "ema_rates"),
        (r#"{ "ema_rates": [0.9, 0.9] }"#, "ema_rates"),
        (r#"{ "bound_weight": -1.0 }"#, "bound_weight"),
        (r#"{ "condition_dropout": 0.1 }"#, "condition_dropout"),
        (r#"{ "model": { "condition_optional": true } }"#, "condition_optional"),
        (r#"{ "noise_levels": { "log_normal": { "deviation": -1.0 } } }"#, "log_normal"),
        (
            r#"{ "model": { "diffusion": { "parametrisation": "v" } }, "noise_levels": { "log_normal": {} } }"#,
            "noise_levels",
        ),
        (r#"{ "model": { "diffusion": { "parametrisation": { "edm": { "sigma_data": [1.0] } } } } }"#, "sigma_data"),
        (r#"{ "model": { "diffusion": { "parametrisation": { "edm": { "sigma_data": [] } } } } }"#, "sigma_data"),
    ] {
        let message = Trainer::new(config(changes)).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(setting), "{changes}: {message}");
    }
}
