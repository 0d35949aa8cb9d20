//! Images, priors and norms that the tests of this crate share.

use std::collections::BTreeMap;

use diph_core::{Prior, PriorContext, Result, Rng, View};
use ndarray::ArrayD;
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};

pub type Image = ArrayD<Complex32>;

pub fn random_image(shape: impl AsRef<[usize]>, seed: u64) -> Image {
    let mut rng = Rng::seed_from_u64(seed);
    let mut part = || rng.random_range(-1.0_f32..1.0);
    ArrayD::from_shape_simple_fn(shape.as_ref(), || Complex32::new(part(), part()))
}

pub fn try_denoise(prior: &dyn Prior, noisy: View<'_>, sigma: f32, seed: u64) -> Result<Image> {
    Ok(try_map(prior, noisy, sigma, seed)?.0)
}

/// The denoised image and its penalty.
pub fn map(prior: &dyn Prior, noisy: &Image, sigma: f32) -> (Image, Option<f64>) {
    try_map(prior, noisy.view(), sigma, 7).expect("valid arguments")
}

/// R of an image, as the map of no noise tells it.
pub fn penalty(prior: &dyn Prior, x: &Image) -> f64 {
    map(prior, x, 0.0).1.expect("a proximal map")
}

fn try_map(prior: &dyn Prior, noisy: View<'_>, sigma: f32, seed: u64) -> Result<(Image, Option<f64>)> {
    let mut clean = ArrayD::zeros(noisy.shape());
    let (conditions, mut rng) = (BTreeMap::new(), Rng::seed_from_u64(seed));
    let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut rng };
    let penalty = prior.denoise(noisy, sigma, clean.view_mut(), &mut context)?;
    Ok((clean, penalty))
}

pub fn denoise(prior: &dyn Prior, noisy: &Image, sigma: f32) -> Image {
    try_denoise(prior, noisy.view(), sigma, 7).expect("valid arguments")
}

/// `<a, b>` in f64.
pub fn inner_product(a: &Image, b: &Image) -> Complex64 {
    let wide = |z: &Complex32| Complex64::new(f64::from(z.re), f64::from(z.im));
    a.iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
}

pub fn norm(a: &Image) -> f64 {
    inner_product(a, a).re.sqrt()
}

/// `||a - b|| / ||reference||`.
pub fn relative_distance(a: &Image, b: &Image, reference: &Image) -> f64 {
    norm(&(a - b)) / norm(reference)
}

/// The image in f64, for plain twins.
pub fn widen(image: &Image) -> ArrayD<Complex64> {
    image.map(|z| Complex64::new(f64::from(z.re), f64::from(z.im)))
}

/// The image in f32, from a plain twin.
pub fn narrow(image: &ArrayD<Complex64>) -> Image {
    image.map(|z| Complex32::new(z.re as f32, z.im as f32))
}
