use rayon::ThreadPoolBuilder;

use super::*;
use crate::convolution::geometry::ImagePlanes;
use crate::convolution::packed_weight::{Method, PackedWeight};

fn values(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
}

/// (batch, inputs, outputs, height, width): one pixel, odd, more tiles than a group, more inputs than a block.
const SHAPES: [(usize, usize, usize, usize, usize); 10] = [
    (1, 1, 1, 1, 1),
    (1, 2, 3, 2, 2),
    (2, 3, 5, 4, 3),
    (1, 5, 9, 1, 17),
    (1, 2, 8, 19, 1),
    (2, 7, 17, 13, 11),
    (1, 33, 32, 5, 131),
    (1, 131, 10, 6, 7),
    (1, 259, 9, 3, 5),
    (1, 40, 12, 28, 30),
];

fn geometry((batch, inputs, outputs, height, width): (usize, usize, usize, usize, usize)) -> Conv2dGeometry {
    Conv2dGeometry { batch, inputs, outputs, height, width, kernel: 3 }
}

/// With bias and a residual.
fn run(geometry: Conv2dGeometry, x: &[f32], precision: Precision, method: Method) -> Vec<f32> {
    let weight = values(geometry.outputs * geometry.inputs * 9, 1);
    let weight = PackedWeight::with_method(&geometry, &weight, precision, method);
    let (bias, residual) =
        (values(geometry.outputs, 2), values(geometry.batch * geometry.outputs * geometry.pixels(), 3));
    let residual = ImagePlanes::new(&geometry.transposed(), &residual);
    let mut y = vec![f32::NAN; geometry.batch * geometry.outputs * geometry.pixels()];
    Convolution { geometry, weight: &weight, bias: Some(&bias), residual: Some(&residual) }
        .run(&ImagePlanes::new(&geometry, x), &mut y);
    y
}

fn image(geometry: &Conv2dGeometry) -> Vec<f32> {
    values(geometry.batch * geometry.inputs * geometry.pixels(), 4)
}

/// Of the difference, in the Euclidean norm.
fn relative_error(a: &[f32], b: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    (difference / b.iter().map(|b| square(*b)).sum::<f64>()).sqrt()
}

/// The direct method, which is tested against the definition.
#[test]
fn both_methods_are_one_convolution() {
    for shape in SHAPES {
        let geometry = geometry(shape);
        let x = image(&geometry);
        let direct = run(geometry, &x, Precision::F32, Method::Direct);
        for (precision, bound) in [(Precision::F32, 3e-6), (Precision::Bf16, 2e-2)] {
            let error = relative_error(&run(geometry, &x, precision, Method::Winograd), &direct);
            assert!(error < bound, "{shape:?} {precision:?}: {error:e}");
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() -> Result<(), rayon::ThreadPoolBuildError> {
    for (shape, precision) in SHAPES.iter().flat_map(|shape| [(*shape, Precision::F32), (*shape, Precision::Bf16)]) {
        let geometry = geometry(shape);
        let x = image(&geometry);
        let on = |threads: usize| -> Result<Vec<f32>, rayon::ThreadPoolBuildError> {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
            Ok(pool.install(|| run(geometry, &x, precision, Method::Winograd)))
        };
        assert_eq!(on(1)?, on(3)?, "{shape:?} {precision:?}");
    }
    Ok(())
}

/// A thread's memory is used again; nothing of what it held may come back.
#[test]
fn an_image_of_nan_leaves_nothing_behind() -> Result<(), rayon::ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| {
        for (shape, precision) in SHAPES.iter().flat_map(|shape| [(*shape, Precision::F32), (*shape, Precision::Bf16)])
        {
            let large = geometry((1, 300, 16, 20, 64));
            run(large, &vec![f32::NAN; large.inputs * large.pixels()], precision, Method::Winograd);
            let geometry = geometry(shape);
            let y = run(geometry, &image(&geometry), precision, Method::Winograd);
            assert!(y.iter().all(|value| value.is_finite()), "{shape:?} {precision:?}");
        }
    });
    Ok(())
}

/// What reaches a pixel is what lies around it, at most one tile away.
#[test]
fn a_value_that_is_not_finite_stays_near() {
    let geometry = geometry((1, 2, 3, 12, 14));
    let mut x = image(&geometry);
    x[5 * geometry.width + 6] = f32::INFINITY;
    let y = run(geometry, &x, Precision::F32, Method::Winograd);
    for (index, value) in y.iter().enumerate() {
        let (row, column) = (index / geometry.width % geometry.height, index % geometry.width);
        let near = row.abs_diff(5) <= 2 && column.abs_diff(6) <= 2;
        assert!(near || value.is_finite(), "{row} {column}: {value}");
    }
}
