//! Tests of whole runs, on a network and samples as small as they come.

use diph_network::{CheckpointConfig, WeightFormat};
use ndarray::Array3;
use num_complex::Complex32;

use super::*;
use crate::{Error, Features, Maps, Normalisation, RegressionConfig, RegressionNetwork, Result, target_planes};

fn model() -> RegressionConfig {
    let unet = r#"{ "image_size": 16, "patch": 2, "coefficients": 2, "input_channels": 6, "output_channels": 4,
        "model_channels": 32, "channel_mult": [1], "num_res_blocks": 1, "num_heads": 1 }"#;
    RegressionConfig {
        unet: serde_json::from_str(unet).unwrap(),
        normalisation: Normalisation {
            scale: 1.0,
            sizes: vec![0.8, 0.6],
            phase_coefficient: 1,
            phase_blur: 1.0,
            residual_sizes: None,
        },
        t1: [0.1, 4.0],
        t2: [0.01, 2.0],
        basis: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
        training: None,
    }
}

/// An untrained network of either stage.
pub(crate) fn test_network(second_stage: bool) -> diph_network::Checkpoint<RegressionConfig> {
    let mut model = model();
    if second_stage {
        model.unet.input_channels = Some(RegressionConfig::input_planes(2, true));
        model.normalisation.residual_sizes = Some(vec![0.1, 0.2]);
    }
    let settings = TrainingSettings { crop: 16, ..TrainingSettings::new(1) };
    Trainer::new(TrainingConfig { model, settings }).unwrap().average().unwrap()
}

fn config(steps: u64) -> TrainingConfig {
    let settings = TrainingSettings { crop: 16, pool: 8, warmup_steps: 2, ..TrainingSettings::new(steps) };
    TrainingConfig { model: model(), settings }
}

/// Smooth maps, and an image that follows from them.
struct Discs {
    broken_from: u64,
}

const DISCS: Discs = Discs { broken_from: u64::MAX };

fn disc(number: u64) -> (Maps, Array3<Complex32>) {
    let wave = |at: usize, rate: f32| (at as f32 * rate + number as f32).sin();
    let shape = (20, 18);
    let t1 = ndarray::Array2::from_shape_fn(shape, |(y, x)| 1.0 + 0.4 * wave(y, 0.3) * wave(x, 0.2));
    let t2 = t1.mapv(|value| 0.08 * value);
    let inside = |y: usize, x: usize| (y as f32 - 10.0).hypot(x as f32 - 9.0) < 7.0;
    let pd = ndarray::Array2::from_shape_fn(shape, |(y, x)| match inside(y, x) {
        true => Complex32::from_polar(1.0, 0.1 * y as f32),
        false => Complex32::ZERO,
    });
    let image = Array3::from_shape_fn((2, 20, 18), |(k, y, x)| {
        pd[[y, x]] * if k == 0 { t1[[y, x]] } else { 1.0 } + Complex32::new(0.01 * wave(y + x, 2.0), 0.0)
    });
    (Maps { t1, t2, pd }, image)
}

impl SampleSource for Discs {
    fn sample(&self, number: u64) -> Result<Sample> {
        let (maps, mut image) = disc(number);
        if number >= self.broken_from {
            image.fill(Complex32::new(f32::NAN, 0.0));
        }
        let features = Features::new(&model().normalisation, image.view())?;
        let target = target_planes(&maps, &features, 0.5);
        Ok(Sample { planes: features.planes, log_scale: features.log_scale, target })
    }
}

fn bytes(trainer: &Trainer) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    trainer.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_small_network_learns_a_small_set() {
    let mut trainer = Trainer::new(config(60)).unwrap();
    let losses: Vec<f64> = (0..60).map(|_| trainer.step(&DISCS).unwrap().loss).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (early, late) = (mean(&losses[..5]), mean(&losses[55..]));
    assert!(late < 0.5 * early, "{early} {late}");

    // The average answers maps of the right size and order, also where the levels do not divide the image.
    let network = RegressionNetwork::new(&trainer.average().unwrap(), Default::default()).unwrap();
    let (maps, image) = disc(3);
    for mirrors in [false, true] {
        let found = network.maps(image.slice(ndarray::s![.., ..19, ..17]), None, mirrors).unwrap();
        assert_eq!(found.pd.dim(), (19, 17));
        assert!((found.t1[[10, 9]] / maps.t1[[10, 9]] - 1.0).abs() < 0.5, "{}", found.t1[[10, 9]]);
    }
    assert!(network.maps(image.view(), Some((image.view(), &maps)), true).is_err(), "a first stage wants no residual");
}

#[test]
fn a_resumed_run_equals_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut whole = Trainer::new(config(9)).unwrap();
    for step in 0..9 {
        whole.step(&DISCS).unwrap();
        if step == 4 {
            whole.save(&path).unwrap();
        }
    }
    let mut resumed = Trainer::resume(&path).unwrap();
    assert_eq!((resumed.step_number(), resumed.config()), (5, whole.config()));
    while resumed.step_number() < 9 {
        resumed.step(&DISCS).unwrap();
    }
    assert!(bytes(&whole) == bytes(&resumed));
}

#[test]
fn samples_that_do_not_fit_leave_the_run_as_it_was() {
    let mut trainer = Trainer::new(config(100)).unwrap();
    let broken = Discs { broken_from: 3 };
    let before = loop {
        let before = bytes(&trainer);
        if let Err(error) = trainer.step(&broken) {
            assert!(matches!(error, Error::Sample { number: 3, .. }), "{error}");
            break before;
        }
    };
    // The first two samples are drawn six times each on average before the fourth is made.
    assert_eq!(trainer.step_number(), 6);
    assert!(before == bytes(&trainer));
}

#[test]
fn checkpoints_keep_what_a_network_was_trained_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let average = Trainer::new(config(1)).unwrap().average().unwrap();
    average.write(&path, WeightFormat::Bf16).unwrap();
    let read = diph_network::Checkpoint::<RegressionConfig>::read(&path).unwrap();
    assert_eq!(read.config, model());
}

#[test]
fn settings_that_make_no_run_are_named() {
    let named = |settings: TrainingSettings, name: &str| {
        let error = Trainer::new(TrainingConfig { model: model(), settings }).map(drop).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    };
    named(TrainingSettings { steps: 0, ..config(1).settings }, "steps");
    named(TrainingSettings { crop: 15, ..config(1).settings }, "crop");
    named(TrainingSettings { pool: 1, ..config(1).settings }, "pool");
    named(TrainingSettings { learning_rate: 0.0, ..config(1).settings }, "learning_rate");
    named(TrainingSettings { ema_rate: 1.0, ..config(1).settings }, "ema_rate");
    let changed = |change: &dyn Fn(&mut RegressionConfig)| {
        let mut model = model();
        change(&mut model);
        model.check().unwrap_err().to_string()
    };
    assert!(changed(&|model| model.unet.output_channels = None).contains("output_channels"));
    assert!(changed(&|model| model.normalisation.sizes.push(1.0)).contains("input_channels"));
    assert!(changed(&|model| model.normalisation.phase_coefficient = 2).contains("phase_coefficient"));
    assert!(changed(&|model| model.t1 = [2.0, 1.0]).contains("t1"));
    assert!(changed(&|model| model.basis.clear()).contains("basis"));
}
