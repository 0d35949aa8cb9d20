//! What every prior of this crate does with arguments and options, good and bad.

use crate::common::{Image, denoise, map, random_image, try_denoise};
use diph_core::{Error, Prior};
use diph_sparse::{
    LocallyLowRank, LocallyLowRankOptions, TotalVariation, TotalVariationOptions, Wavelet, WaveletOptions,
};
use ndarray::{ArrayD, IxDyn};
use num_complex::Complex32;

fn priors() -> [Box<dyn Prior>; 3] {
    [
        Box::new(TotalVariation::new(TotalVariationOptions::default()).unwrap()),
        Box::new(LocallyLowRank::new(LocallyLowRankOptions::default()).unwrap()),
        Box::new(Wavelet::new(WaveletOptions::default()).unwrap()),
    ]
}

#[test]
fn no_noise_and_no_signal_change_nothing() {
    let noisy = random_image([2, 9, 7], 1);
    let zero = Image::zeros(noisy.shape());
    for prior in priors() {
        assert_eq!(denoise(prior.as_ref(), &noisy, 0.0), noisy, "{}", prior.name());
        assert_eq!(denoise(prior.as_ref(), &zero, 0.5), zero, "{}", prior.name());
    }
}

#[test]
fn every_tiny_and_empty_shape_passes() {
    for shape in [[1, 1, 1], [3, 1, 1], [1, 1, 5], [2, 5, 1], [1, 2, 2], [0, 4, 4], [2, 0, 3], [2, 3, 0]] {
        let noisy = random_image(shape, 2);
        for prior in priors() {
            assert_eq!(denoise(prior.as_ref(), &noisy, 0.4).shape(), shape, "{}", prior.name());
            assert_eq!(denoise(prior.as_ref(), &noisy, 0.0), noisy, "{}", prior.name());
        }
    }
}

#[test]
fn bad_arguments_are_typed_errors() {
    let noisy = random_image([2, 6, 6], 3);
    for prior in priors() {
        let prior = prior.as_ref();
        for sigma in [-1.0, f32::NAN, f32::INFINITY] {
            let error = try_denoise(prior, noisy.view(), sigma, 0).unwrap_err();
            assert!(matches!(error, Error::Parameter { .. }), "{error}");
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut broken = noisy.clone();
            broken[[1, 2, 3]] = Complex32::new(0.0, value);
            let error = try_denoise(prior, broken.view(), 0.1, 0).unwrap_err();
            assert!(matches!(error, Error::NotFinite { index: 51, .. }), "{error}");
        }
        let flat = ArrayD::zeros(IxDyn(&[6, 6]));
        assert!(matches!(try_denoise(prior, flat.view(), 0.1, 0).unwrap_err(), Error::Incompatible { .. }));
        let transposed = noisy.view().permuted_axes(IxDyn(&[0, 2, 1]));
        assert!(matches!(try_denoise(prior, transposed, 0.1, 0).unwrap_err(), Error::NotContiguous { .. }));
    }
}

#[test]
fn output_of_another_shape_is_a_typed_error() {
    let noisy = random_image([2, 6, 6], 4);
    let mut clean = Image::zeros(IxDyn(&[2, 6, 5]));
    let prior = TotalVariation::new(TotalVariationOptions::default()).unwrap();
    let error = prior.proximal_map(noisy.view(), 0.1, clean.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "total-variation: denoise: expected clean image [2, 6, 6], got [2, 6, 5]");
}

#[test]
fn options_out_of_range_are_typed_errors() {
    let total_variation = |options: TotalVariationOptions| TotalVariation::new(options).map(|_| ()).unwrap_err();
    let default = TotalVariationOptions::default;
    let weights = |weights: &[f32]| TotalVariationOptions { coefficient_weights: Some(weights.to_vec()), ..default() };
    let errors = [
        total_variation(TotalVariationOptions { iterations: 0, ..default() }),
        total_variation(TotalVariationOptions { tolerance: -1.0, ..default() }),
        total_variation(TotalVariationOptions { tolerance: f32::NAN, ..default() }),
        total_variation(weights(&[1.0, -1.0])),
        total_variation(weights(&[0.0, 0.0])),
        total_variation(weights(&[])),
        LocallyLowRank::new(LocallyLowRankOptions { block: 0, ..Default::default() }).unwrap_err(),
        Wavelet::new(WaveletOptions { levels: 0, ..Default::default() }).unwrap_err(),
        Wavelet::new(WaveletOptions { levels: 17, ..Default::default() }).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Parameter { .. }), "{error}");
    }
}

#[test]
fn number_of_weights_has_to_fit_the_image() {
    let options = TotalVariationOptions { coefficient_weights: Some(vec![1.0, 2.0]), ..Default::default() };
    let error = try_denoise(&TotalVariation::new(options).unwrap(), random_image([3, 4, 4], 5).view(), 0.1, 0);
    assert_eq!(
        error.unwrap_err().to_string(),
        "total-variation: denoise: coefficient_weights: expected 3 values, one for each coefficient of the image, got 2"
    );
}

#[test]
fn options_are_read_with_defaults_and_unknown_keys_refused() {
    let options: WaveletOptions = serde_json::from_str(r#"{"family": "db2", "shift": "none"}"#).unwrap();
    let written = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<WaveletOptions>(&written).unwrap(), options);
    assert_eq!(serde_json::from_str::<TotalVariationOptions>("{}").unwrap(), TotalVariationOptions::default());
    assert_eq!(serde_json::from_str::<LocallyLowRankOptions>("{}").unwrap(), LocallyLowRankOptions::default());
    assert!(serde_json::from_str::<WaveletOptions>(r#"{"level": 3}"#).is_err());
    assert!(serde_json::from_str::<TotalVariationOptions>(r#"{"iteration": 3}"#).is_err());
    assert!(serde_json::from_str::<LocallyLowRankOptions>(r#"{"blocks": 3}"#).is_err());
}

#[test]
fn number_of_threads_changes_no_byte() {
    let noisy = random_image([5, 37, 41], 6);
    let on_threads = |prior: &dyn Prior, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (map(prior, &noisy, 0.4), map(prior, &noisy, 0.0)))
    };
    for prior in priors() {
        assert_eq!(on_threads(prior.as_ref(), 1), on_threads(prior.as_ref(), 3), "{}", prior.name());
    }
}
