//! The acquisition operator at the size of an in-vivo slice: 230 x 230 pixels, five coefficients, 200 frames of 920
//! spiral samples, one coil.

use std::f32::consts::PI;

use criterion::{Criterion, criterion_group, criterion_main};
use diph_core::ForwardOperator;
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, SpiralOptions, Trajectory, density};
use ndarray::{Array2, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZE: usize = 230;
const FRAMES: usize = 200;
const COEFFICIENTS: usize = 5;

fn options(eps: f64) -> MrfOptions {
    let trajectory = Trajectory::spiral(FRAMES, &SpiralOptions::default()).expect("a valid spiral");
    let basis = Array2::from_shape_fn((FRAMES, COEFFICIENTS), |(t, k)| {
        (PI * k as f32 * (t as f32 + 0.5) / FRAMES as f32).cos() / (FRAMES as f32).sqrt()
    });
    let mut options = MrfOptions::new(trajectory, basis, SIZE, SIZE);
    options.weights = Some(density::by_area(&options.trajectory));
    options.accuracy = Accuracy::new(eps).expect("a valid accuracy");
    options
}

fn noise(shape: &[usize]) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
}

fn transforms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nufft");
    group.sample_size(50);
    group.bench_function("plan 1e-4", |bencher| bencher.iter(|| MrfOperator::new(options(1e-4))));
    for eps in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
        let operator = MrfOperator::new(options(eps)).expect("valid options");
        let (mut x, mut y) = (noise(&operator.domain().shape()), noise(&operator.range().shape()));
        group.bench_function(format!("forward {eps:.0e}"), |bencher| {
            bencher.iter(|| operator.forward(x.view(), y.view_mut()));
        });
        group.bench_function(format!("adjoint {eps:.0e}"), |bencher| {
            bencher.iter(|| operator.adjoint(y.view(), x.view_mut()));
        });
    }
    group.finish();
}

fn normal(criterion: &mut Criterion) {
    let operator = MrfOperator::new(options(1e-4)).expect("valid options");
    let x = noise(&operator.domain().shape());
    let mut out = operator.domain().zeros();
    operator.normal(x.view(), out.view_mut()).expect("kernels");
    criterion.bench_function("normal 1e-4", |bencher| bencher.iter(|| operator.normal(x.view(), out.view_mut())));
}

criterion_group!(benches, transforms, normal);
criterion_main!(benches);
