//! What the plugin interface costs: the same operator called directly, as a plugin that is linked into the program, and as one that
//! is loaded from a shared library.
//!
//! The normal operator of an in-vivo slice shows the share, that of an image of 2 x 2 pixels the time of a call itself.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

use criterion::{Criterion, criterion_group, criterion_main};
use diph_benches::{acquisition, noise};
use diph_core::{ForwardOperator, ImageShape};
use diph_nufft::{MrfOperator, MrfOptions};
use diph_plugin_host::{Acquisition, Facts, HostServices, Registry};
use ndarray::{ArrayView, Ix3};
use serde_json::json;

const EPS: f64 = 1e-4;

fn linked() -> Registry {
    let mut registry = Registry::new(HostServices::new());
    registry.register_static(&diph_plugin_mrf_nufft::PLUGIN).expect("a plugin that keeps the rules");
    registry
}

/// Cargo leaves the library beside this program.
fn loaded() -> Registry {
    let program = env::current_exe().expect("a path of this program");
    let file = program.with_file_name(format!("{DLL_PREFIX}diph_mrf_nufft{DLL_SUFFIX}"));
    let mut registry = Registry::new(HostServices::new());
    registry.open(&file).expect("the library that cargo built");
    registry
}

fn create(registry: &Registry, options: &MrfOptions) -> Box<dyn ForwardOperator> {
    let trajectory = &options.trajectory;
    let shape = Ix3(trajectory.frames(), trajectory.samples(), 2);
    let positions = ArrayView::from_shape(shape, trajectory.as_slice()).expect("two numbers a position");
    let image = Some(ImageShape::plane(options.height, options.width));
    let weights = options.weights.as_ref().expect("weights by area");
    let acquisition = Acquisition::new(Facts { image, ..Facts::default() })
        .with("trajectory", positions)
        .with("basis", options.basis.view())
        .with("weights", weights.view());
    registry.create_operator("diph.mrf-nufft", &json!({ "accuracy": EPS }), &acquisition).expect("an operator")
}

fn calls(criterion: &mut Criterion) {
    let (linked, loaded) = (linked(), loaded());
    for (name, side, frames) in [("slice", diph_benches::SIZE, 200), ("2 x 2 pixels", 2, 5)] {
        let options = acquisition::sized(EPS, side, frames, 1);
        let operators: [(&str, Box<dyn ForwardOperator>); 3] = [
            ("direct", Box::new(MrfOperator::new(options.clone()).expect("valid options"))),
            ("linked", create(&linked, &options)),
            ("loaded", create(&loaded, &options)),
        ];
        let mut group = criterion.benchmark_group(format!("normal operator, {name}"));
        for (way, operator) in operators {
            let (x, mut out) = (noise(&operator.domain().shape(), 1), operator.domain().zeros());
            // The kernels are made by the first call.
            operator.normal(x.view(), out.view_mut()).expect("kernels");
            group.bench_function(way, |bencher| bencher.iter(|| operator.normal(x.view(), out.view_mut())));
        }
        group.finish();
    }
}

criterion_group!(benches, calls);
criterion_main!(benches);
