//! An image prior of one's own, in plug-and-play ADMM: small values are set to zero.
//!
//! `cargo run --example own_prior -p diph-recon`

mod common;

use std::error::Error;

use diph_bloch::DictionaryMatcher;
use diph_core::{Prior, PriorContext, View, ViewMut};
use diph_recon::{Method, Parts, reconstruct};

use common::Measurement;

/// Soft threshold: the proximal map of the sum of magnitudes.
struct Sparse;

impl Prior for Sparse {
    fn name(&self) -> &str {
        "sparse"
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        _: &mut PriorContext<'_>,
    ) -> diph_core::Result<Option<f64>> {
        clean.zip_mut_with(&noisy, |clean, noisy| {
            *clean = noisy * (1.0 - sigma * sigma / noisy.norm().max(1e-30)).max(0.0);
        });
        Ok(Some(clean.iter().map(|value| f64::from(value.norm())).sum()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Measurement { dictionary, operator, samples } = Measurement::new()?;
    // The method says how the parts are joined; the parts themselves are those that are handed over.
    let changes = ["weights=none".parse()?, "solver={\"admm\": {\"iterations\": 10, \"lambda\": 0.001}}".parse()?];
    let method = Method::read("lsq", &changes)?;
    let projector = Box::new(DictionaryMatcher::new(dictionary));
    let parts = Parts::of(operator.clone(), operator, Some(Box::new(Sparse)), projector);
    let result = reconstruct(&method, &parts, samples.view(), 0)?;
    println!("{} steps, T1 in the middle {:.2} s", result.iterations, result.maps.parameter("T1")?[[24, 24]]);
    Ok(())
}
