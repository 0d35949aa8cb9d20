//! An image prior of one's own, in plug-and-play ADMM: small values are set to zero.
//!
//! `cargo run --example own_prior -p diph-recon`

use std::error::Error;
use std::sync::Arc;

use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, Sequence};
use diph_core::{ForwardOperator, Prior, PriorContext, View, ViewMut};
use diph_datasets::BrainPhantom;
use diph_nufft::{MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use diph_recon::{Method, Parts, parameter_maps, reconstruct};
use ndarray::ArrayD;
use num_complex::Complex32;

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
    let (dictionary, operator, samples) = measure()?;
    // The method says how the parts are joined; the parts themselves are those that are handed over.
    let changes = ["weights=none".parse()?, "solver={\"admm\": {\"iterations\": 10, \"lambda\": 0.001}}".parse()?];
    let method = Method::read("lsq", &changes)?;
    let projector = Box::new(DictionaryMatcher::new(dictionary));
    let parts = Parts::of(operator.clone(), operator, Some(Box::new(Sparse)), projector);
    let result = reconstruct(&method, &parts, samples.view(), 0)?;
    println!("{} steps, T1 in the middle {:.2} s", result.iterations, result.maps.parameter("T1")?[[24, 24]]);
    Ok(())
}

/// A small measurement: the signals of a phantom of 48 x 48 pixels and 60 frames, along one spiral arm each.
fn measure() -> Result<(Dictionary, Arc<dyn ForwardOperator>, ArrayD<Complex32>), Box<dyn Error>> {
    let t1: Vec<f64> = (1..40).map(|i| 0.1 * f64::from(i)).collect();
    let t2: Vec<f64> = (1..40).map(|i| 0.01 * f64::from(i)).collect();
    let sequence = Sequence::deli_cs().truncated(60)?;
    let dictionary = Dictionary::simulate(&sequence, &DictionaryGrid::product(&t1, &t2, &[])?, 3)?;
    let trajectory = Trajectory::spiral(60, &SpiralOptions { samples: 300, ..SpiralOptions::default() })?;
    let options = MrfOptions::new(trajectory, dictionary.basis().to_owned(), 48, 48);
    let operator: Arc<dyn ForwardOperator> = Arc::new(MrfOperator::new(options)?);
    let truth = BrainPhantom::new(48, 48).render()?.maps;
    let image = dictionary.lookup_tsmi(&parameter_maps(&truth))?;
    let mut samples = operator.range().zeros();
    operator.forward(image.view().into_dyn(), samples.view_mut())?;
    Ok((dictionary, operator, samples))
}
