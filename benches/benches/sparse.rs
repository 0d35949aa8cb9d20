//! Proximal maps of the sparse priors on a TSMI of 5 x 230 x 230.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use diph_core::{Prior, PriorContext, Rng};
use diph_sparse::{
    LocallyLowRank, LocallyLowRankOptions, TotalVariation, TotalVariationOptions, Wavelet, WaveletOptions,
};
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

const SHAPE: (usize, usize, usize) = (5, 230, 230);
const SIGMA: f32 = 0.1;

/// Discs of different contrast in every coefficient, with noise.
fn noisy_discs() -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(1);
    let mut noise = || rng.random_range(-1.0_f32..1.0) * SIGMA;
    Array3::from_shape_fn(SHAPE, |(k, y, x)| {
        let radius = (y as f32 - 115.0).hypot(x as f32 - 115.0);
        let ring = (radius / 25.0).floor();
        let value = if ring < 4.0 { (ring + k as f32).cos() / (1.0 + k as f32) } else { 0.0 };
        Complex32::new(value + noise(), 0.3 * value + noise())
    })
    .into_dyn()
}

fn denoise(prior: &dyn Prior, noisy: &ArrayD<Complex32>, clean: &mut ArrayD<Complex32>, rng: &mut Rng) {
    let mut context = PriorContext { schedule: None, conditions: &BTreeMap::new(), rng };
    prior.denoise(noisy.view(), SIGMA, clean.view_mut(), &mut context).expect("the image is finite");
}

fn proximal_maps(criterion: &mut Criterion) {
    let total_variation = |options| TotalVariation::new(options).expect("valid options");
    let twenty = TotalVariationOptions { iterations: 20, tolerance: 0.0, ..Default::default() };
    let priors: [(&str, Box<dyn Prior>); 4] = [
        ("total variation, 20 iterations", Box::new(total_variation(twenty))),
        ("total variation, default tolerance", Box::new(total_variation(TotalVariationOptions::default()))),
        (
            "locally low rank, 8 x 8",
            Box::new(LocallyLowRank::new(LocallyLowRankOptions::default()).expect("valid options")),
        ),
        ("wavelet db4, 4 levels", Box::new(Wavelet::new(WaveletOptions::default()).expect("valid options"))),
    ];
    let noisy = noisy_discs();
    let mut clean = noisy.clone();
    let mut rng = Rng::seed_from_u64(2);
    let mut group = criterion.benchmark_group("sparse 5x230x230");
    group.sample_size(20);
    for (name, prior) in priors {
        group.bench_function(name, |bencher| {
            bencher.iter(|| denoise(prior.as_ref(), black_box(&noisy), &mut clean, &mut rng));
        });
    }
}

criterion_group!(benches, proximal_maps);
criterion_main!(benches);
