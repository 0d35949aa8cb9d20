//! The acquisition operator at the size of an in-vivo slice: 230 x 230 pixels, five coefficients, 200 frames of 920
//! spiral samples, one coil.

use criterion::{Criterion, criterion_group, criterion_main};
use diph_benches::{acquisition, noise};
use diph_core::ForwardOperator;
use diph_nufft::MrfOperator;

fn transforms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nufft");
    group.sample_size(50);
    group.bench_function("plan 1e-4", |bencher| bencher.iter(|| MrfOperator::new(acquisition::options(1e-4))));
    for eps in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
        let operator = MrfOperator::new(acquisition::options(eps)).expect("valid options");
        let (mut x, mut y) = (noise(&operator.domain().shape(), 1), noise(&operator.range().shape(), 2));
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
    let operator = MrfOperator::new(acquisition::options(1e-4)).expect("valid options");
    let x = noise(&operator.domain().shape(), 1);
    let mut out = operator.domain().zeros();
    operator.normal(x.view(), out.view_mut()).expect("kernels");
    criterion.bench_function("normal 1e-4", |bencher| bencher.iter(|| operator.normal(x.view(), out.view_mut())));
}

criterion_group!(benches, transforms, normal);
criterion_main!(benches);
