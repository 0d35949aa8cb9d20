use std::collections::BTreeMap;

use diph_core::{Error, Prior, PriorContext, Rng};
use ndarray::{ArrayD, IxDyn};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

use super::DiffusionPrior;
use crate::tensors_for_tests::random;
use crate::{Checkpoint, DiffusionConfig, IntensityConfig, ModelConfig, Parametrisation, PriorOptions, Result};
use diph_network::Parameters;

/// A network of 32 channels on images of 16 x 16 with two coefficients.
fn prior(conditional: bool, parametrisation: Parametrisation, options: PriorOptions) -> Result<DiffusionPrior> {
    let unet = format!(
        r#"{{ "image_size": 16, "coefficients": 2, "model_channels": 32, "channel_mult": [1, 1], "num_res_blocks": 1,
             "conditional": {conditional} }}"#
    );
    let config = ModelConfig {
        diffusion: DiffusionConfig { parametrisation, ..Default::default() },
        ..ModelConfig::new(serde_json::from_str(&unet).expect("a configuration"))
    };
    let parameters = Parameters::initialise(&config.unet, &mut Rng::seed_from_u64(1))?;
    DiffusionPrior::new(&Checkpoint { config, parameters, notes: BTreeMap::new() }, options)
}

/// The same with the configuration changed.
fn conditional_prior(change: impl FnOnce(&mut ModelConfig), options: PriorOptions) -> Result<DiffusionPrior> {
    let denoiser = prior(true, Parametrisation::Epsilon, PriorOptions::default())?;
    let mut config = denoiser.denoiser().config().clone();
    change(&mut config);
    // An untrained network would put out zeros whatever its condition.
    let tensors = Parameters::shapes(&config.unet)?.into_iter().enumerate();
    let tensors = tensors.map(|(seed, (name, shape))| (name, random(&shape, seed as u64))).collect();
    let parameters = Parameters::new(&config.unet, tensors)?;
    DiffusionPrior::new(&Checkpoint { config, parameters, notes: BTreeMap::new() }, options)
}

fn image(height: usize, width: usize) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(5);
    let mut value = || rng.random_range(-1.0..1.0);
    ArrayD::from_shape_simple_fn(IxDyn(&[2, height, width]), || Complex32::new(value(), value()))
}

fn denoise(
    prior: &DiffusionPrior,
    noisy: &ArrayD<Complex32>,
    sigma: f32,
    conditions: &BTreeMap<String, ArrayD<Complex32>>,
) -> diph_core::Result<ArrayD<Complex32>> {
    let mut clean = ArrayD::zeros(noisy.raw_dim());
    let conditions = diph_core::lend_conditions(conditions);
    let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut Rng::seed_from_u64(6) };
    prior.denoise(noisy.view(), sigma, clean.view_mut(), &mut context)?;
    Ok(clean)
}

/// An untrained network puts out zeros, so each parametrisation has a closed form.
#[test]
fn an_untrained_network_has_closed_forms() -> diph_core::Result<()> {
    let noisy = image(16, 16);
    let sigma = 0.5_f32;
    for (parametrisation, factor) in [
        (Parametrisation::Epsilon, 1.0),
        (Parametrisation::X0, 0.0),
        (Parametrisation::V, 0.8),
        (Parametrisation::Edm { sigma_data: vec![1.0, 1.0].into() }, 0.8),
    ] {
        let prior = prior(false, parametrisation.clone(), PriorOptions::default())?;
        let clean = denoise(&prior, &noisy, sigma, &BTreeMap::new())?;
        for (clean, noisy) in clean.iter().zip(&noisy) {
            assert!((clean - noisy * factor).norm() < 1e-5, "{parametrisation:?}");
        }
    }
    Ok(())
}

#[test]
fn outside_of_the_network_the_image_is_zero() -> diph_core::Result<()> {
    let options = PriorOptions { image_size: Some(16), ..Default::default() };
    let prior = prior(false, Parametrisation::Epsilon, options)?;
    let noisy = image(20, 12);
    let clean = denoise(&prior, &noisy, 0.1, &BTreeMap::new())?;
    assert_eq!(clean[[1, 1, 6]], Complex32::ZERO);
    assert!((clean[[1, 2, 0]] - noisy[[1, 2, 0]]).norm() < 1e-5);
    Ok(())
}

#[test]
fn the_canvas_is_an_option() -> diph_core::Result<()> {
    let with_size = |image_size| {
        prior(false, Parametrisation::Epsilon, PriorOptions { image_size: Some(image_size), ..Default::default() })
    };
    let noisy = image(16, 16);
    let clean = denoise(&with_size(8)?, &noisy, 0.1, &BTreeMap::new())?;
    assert_eq!(clean.iter().filter(|value| **value != Complex32::ZERO).count(), 2 * 8 * 8);
    assert!((clean[[1, 4, 11]] - noisy[[1, 4, 11]]).norm() < 1e-5);
    for size in [0, 7, 100_000] {
        let message = with_size(size).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.starts_with("image_size: expected a multiple of 2"), "{message}");
    }
    Ok(())
}

#[test]
fn clipping_is_an_option() -> diph_core::Result<()> {
    let noisy = image(16, 16).mapv(|value| value * 10.0);
    let options = PriorOptions { clip_denoised: true, ..Default::default() };
    let clean = denoise(&prior(false, Parametrisation::Epsilon, options)?, &noisy, 0.1, &BTreeMap::new())?;
    assert!(clean.iter().all(|value| value.re.abs() <= 1.0 && value.im.abs() <= 1.0));
    Ok(())
}

#[test]
fn a_conditional_network_wants_its_condition() -> diph_core::Result<()> {
    let prior = prior(true, Parametrisation::Epsilon, PriorOptions::default())?;
    let noisy = image(16, 16);
    let conditions = BTreeMap::from([("adjoint".into(), noisy.clone())]);
    let message = denoise(&prior, &noisy, 0.1, &conditions).unwrap_err().to_string();
    assert!(message.contains("`low_res`") && message.contains("adjoint"), "{message}");
    denoise(&prior, &noisy, 0.1, &BTreeMap::from([("low_res".into(), noisy.clone())]))?;
    let small = BTreeMap::from([("low_res".into(), noisy.slice_axis(ndarray::Axis(0), (0..1).into()).to_owned())]);
    assert!(matches!(denoise(&prior, &noisy, 0.1, &small), Err(Error::Shape { .. })));
    Ok(())
}

#[test]
fn only_a_network_trained_for_it_goes_without_its_condition() -> diph_core::Result<()> {
    let without = PriorOptions { use_condition: Some(false), ..Default::default() };
    let refused = prior(true, Parametrisation::Epsilon, without.clone()).err().map(|error| error.to_string());
    assert!(refused.unwrap_or_default().contains("never trained without"));
    let mut config = prior(true, Parametrisation::Epsilon, PriorOptions::default())?.denoiser().config().clone();
    config.condition_optional = true;
    let parameters = Parameters::initialise(&config.unet, &mut Rng::seed_from_u64(1)).map_err(crate::Error::from)?;
    let checkpoint = Checkpoint { config, parameters, notes: BTreeMap::new() };
    for image_size in [None, Some(8)] {
        let without = DiffusionPrior::new(&checkpoint, PriorOptions { image_size, ..without.clone() })?;
        denoise(&without, &image(16, 16), 0.1, &BTreeMap::new())?;
    }
    let wanted = PriorOptions { use_condition: Some(true), ..Default::default() };
    assert!(prior(false, Parametrisation::Epsilon, wanted).is_err());
    Ok(())
}

#[test]
fn the_condition_is_that_of_the_option_or_of_the_checkpoint() -> diph_core::Result<()> {
    let noisy = image(16, 16);
    let names_adjoint = |config: &mut ModelConfig| config.condition = Some("adjoint".into());
    let wants = |options: PriorOptions| -> diph_core::Result<String> {
        let prior = conditional_prior(names_adjoint, options)?;
        Ok(denoise(&prior, &noisy, 0.1, &BTreeMap::new()).unwrap_err().to_string())
    };
    assert!(wants(PriorOptions::default())?.contains("`adjoint`"));
    assert!(wants(PriorOptions { use_condition: Some(true), ..Default::default() })?.contains("`adjoint`"));
    assert!(wants(PriorOptions { condition: Some("cg-10".into()), ..Default::default() })?.contains("`cg-10`"));
    Ok(())
}

#[test]
fn without_its_condition_a_network_sees_zeros() -> diph_core::Result<()> {
    let noisy = image(16, 16);
    let optional = |config: &mut ModelConfig| config.condition_optional = true;
    let without = PriorOptions { use_condition: Some(false), ..Default::default() };
    let prior_without = conditional_prior(optional, without.clone())?;
    let prior_with = conditional_prior(optional, PriorOptions::default())?;
    let given = |image: ArrayD<Complex32>| BTreeMap::from([("low_res".to_string(), image)]);
    let zeros = given(ArrayD::zeros(noisy.raw_dim()));
    let from_zeros = denoise(&prior_with, &noisy, 0.1, &zeros)?;
    assert_eq!(denoise(&prior_without, &noisy, 0.1, &BTreeMap::new())?, from_zeros);
    assert_ne!(denoise(&prior_with, &noisy, 0.1, &given(noisy.clone()))?, from_zeros);

    let message = |prior: Result<DiffusionPrior>| prior.map(|_| ()).unwrap_err().to_string();
    assert!(message(conditional_prior(|_| (), without.clone())).contains("never trained without"));
    // To an unconditional network it is no news.
    prior(false, Parametrisation::Epsilon, without)?;
    let with = PriorOptions { use_condition: Some(true), ..Default::default() };
    assert!(message(prior(false, Parametrisation::Epsilon, with)).contains("unconditional"));
    Ok(())
}

#[test]
fn schedules_come_from_the_checkpoint_and_the_respacing() -> diph_core::Result<()> {
    let even = prior(false, Parametrisation::Epsilon, PriorOptions::default())?;
    let Some(schedule) = even.noise_schedule(30)? else { panic!("no schedule") };
    assert_eq!(schedule.entries[1].timestep, 34);
    assert!(schedule.entries.iter().enumerate().all(|(index, entry)| entry.index == index));
    assert!(even.noise_schedule(0).is_err() && even.noise_schedule(1001).is_err());

    let options = PriorOptions { respacing: Some("ddim25".into()), ..Default::default() };
    let strided = prior(false, Parametrisation::Epsilon, options)?;
    let Some(schedule) = strided.noise_schedule(25)? else { panic!("no schedule") };
    assert_eq!(schedule.entries[1].timestep, 40);
    assert!(strided.noise_schedule(30).unwrap_err().to_string().contains("which has 25"));
    Ok(())
}

#[test]
fn bad_input_is_an_error() -> diph_core::Result<()> {
    let prior = prior(false, Parametrisation::Epsilon, PriorOptions::default())?;
    let mut noisy = image(16, 16);
    for sigma in [0.0, -1.0, f32::NAN] {
        assert!(denoise(&prior, &noisy, sigma, &BTreeMap::new()).is_err());
    }
    noisy[[0, 3, 3]].re = f32::NAN;
    assert!(matches!(denoise(&prior, &noisy, 0.1, &BTreeMap::new()), Err(Error::NotFinite { .. })));
    Ok(())
}

#[test]
fn a_condition_comes_in_the_units_of_the_image() -> diph_core::Result<()> {
    let noisy = image(16, 16);
    let given = |image: ArrayD<Complex32>| BTreeMap::from([("low_res".to_string(), image)]);
    let with_factors = |config: &mut ModelConfig| {
        config.intensity = IntensityConfig { reference_factor: Some(0.5), condition_factor: Some(0.125) };
    };
    let with = conditional_prior(with_factors, PriorOptions::default())?;
    let without = conditional_prior(|_| (), PriorOptions::default())?;
    let expected = denoise(&without, &noisy, 0.1, &given(noisy.mapv(|value| value * 4.0)))?;
    assert_eq!(denoise(&with, &noisy, 0.1, &given(noisy.clone()))?, expected);
    Ok(())
}
