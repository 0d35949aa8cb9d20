//! Convolutions against the sum that defines them.

use super::*;
use crate::products::precision::Precision;
use crate::tape::Arena;
use crate::tensor::testing::{random, relative_error};
use packed_weight::PackedWeight;

/// (batch, inputs, outputs, height, width): single pixels, odd sizes, more than a block or tile of everything.
const SHAPES: [(usize, usize, usize, usize, usize); 8] = [
    (1, 1, 1, 1, 1),
    (2, 3, 5, 4, 3),
    (1, 4, 8, 16, 16),
    (2, 33, 12, 9, 33),
    (1, 40, 64, 24, 26),
    (1, 130, 9, 5, 7),
    (2, 7, 70, 3, 65),
    (3, 6, 9, 16, 17),
];

/// `bias[o] + sum_{i, tap} weight[o, i, tap] x[n, i, p + tap]` in f64.
pub fn plain_convolution(geometry: &Conv2dGeometry, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let Conv2dGeometry { batch, inputs, outputs, height, width, kernel } = *geometry;
    let border = geometry.border() as isize;
    let mut y = Vec::with_capacity(batch * outputs * height * width);
    for (image, output, row, column) in (0..batch * outputs * height * width).map(|index| {
        let (plane, pixel) = (index / (height * width), index % (height * width));
        (plane / outputs, plane % outputs, pixel / width, pixel % width)
    }) {
        let mut sum = f64::from(bias[output]);
        for (input, tap) in (0..inputs).flat_map(|input| (0..kernel * kernel).map(move |tap| (input, tap))) {
            let y = row as isize + (tap / kernel) as isize - border;
            let x_column = column as isize + (tap % kernel) as isize - border;
            if y < 0 || y >= height as isize || x_column < 0 || x_column >= width as isize {
                continue;
            }
            let pixel = y as usize * width + x_column as usize;
            sum += f64::from(weight[(output * inputs + input) * kernel * kernel + tap])
                * f64::from(x[(image * inputs + input) * height * width + pixel]);
        }
        y.push(sum as f32);
    }
    y
}

struct Example {
    geometry: Conv2dGeometry,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    y_gradient: Vec<f32>,
}

fn examples() -> impl Iterator<Item = Example> {
    SHAPES.into_iter().flat_map(|shape| [1, 3].map(|kernel| (shape, kernel))).map(|(shape, kernel)| {
        let (batch, inputs, outputs, height, width) = shape;
        Example {
            geometry: Conv2dGeometry { batch, inputs, outputs, height, width, kernel },
            x: random(&[batch, inputs, height, width], 1).into_values(),
            weight: random(&[outputs, inputs, kernel, kernel], 2).into_values(),
            bias: random(&[outputs], 3).into_values(),
            y_gradient: random(&[batch, outputs, height, width], 4).into_values(),
        }
    })
}

impl Example {
    fn run(&self, precision: Precision) -> Vec<f32> {
        let weight = PackedWeight::new(&self.geometry, &self.weight, precision);
        let mut y = vec![f32::NAN; self.y_gradient.len()];
        let geometry = self.geometry;
        let convolution = Convolution { geometry, weight: &weight, bias: Some(&self.bias), residual: None };
        convolution.run(&ImagePlanes::new(&geometry, &self.x), &mut y);
        y
    }

    /// Of weight and bias.
    fn weight_gradient(&self, precision: Precision) -> (Vec<f32>, Vec<f32>) {
        let geometry = self.geometry;
        let (mut weight, mut bias) = (vec![f32::NAN; self.weight.len()], vec![f32::NAN; self.bias.len()]);
        let x = ImagePlanes::new(&geometry, &self.x);
        let y_gradient = ImagePlanes::new(&geometry.transposed(), &self.y_gradient);
        let gradient = WeightGradient { geometry, precision, arena: &Arena::default() };
        gradient.run(&x, &y_gradient, &mut weight, &mut bias);
        (weight, bias)
    }

    fn x_gradient(&self, precision: Precision) -> Vec<f32> {
        let geometry = self.geometry.transposed();
        let weight = PackedWeight::transposed(&self.geometry, &self.weight, precision);
        let mut gradient = vec![f32::NAN; self.x.len()];
        let convolution = Convolution { geometry, weight: &weight, bias: None, residual: None };
        convolution.run(&ImagePlanes::new(&geometry, &self.y_gradient), &mut gradient);
        gradient
    }
}

fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 3e-6,
        Precision::Bf16 => 2e-2,
    }
}

#[test]
fn is_the_sum_that_defines_it() {
    for example in examples() {
        let Example { geometry, x, weight, bias, .. } = &example;
        let expected = plain_convolution(geometry, x, weight, bias);
        for precision in [Precision::F32, Precision::Bf16] {
            let error = relative_error(&example.run(precision), &expected);
            assert!(error < tolerance(precision), "{geometry:?} {precision:?}: {error:e}");
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The convolution is linear in its input, its weight and its bias, so that each gradient is the adjoint of it.
#[test]
fn gradients_are_adjoints() {
    for example in examples() {
        let geometry = example.geometry;
        let no_bias = vec![0.0; example.bias.len()];
        for precision in [Precision::F32, Precision::Bf16] {
            let (weight, bias) = example.weight_gradient(precision);
            let x = example.x_gradient(precision);
            let size = |values: &[f32]| dot(values, values).sqrt();
            let y = plain_convolution(&geometry, &example.x, &example.weight, &no_bias);
            let (expected, scale) = (dot(&y, &example.y_gradient), size(&y) * size(&example.y_gradient));
            for got in [dot(&weight, &example.weight), dot(&x, &example.x)] {
                let error = (got - expected).abs() / scale;
                assert!(error < tolerance(precision), "{geometry:?} {precision:?}: {got} {expected}");
            }
            let planes = example.y_gradient.chunks_exact(geometry.pixels()).enumerate();
            let mut sums = vec![0.0_f64; geometry.outputs];
            planes.for_each(|(plane, values)| {
                sums[plane % geometry.outputs] += values.iter().map(|value| f64::from(*value)).sum::<f64>();
            });
            let sums: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
            assert!(relative_error(&bias, &sums) < 1e-5, "{geometry:?}");
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    for example in examples() {
        for precision in [Precision::F32, Precision::Bf16] {
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                pool.install(|| {
                    (example.run(precision), example.x_gradient(precision), example.weight_gradient(precision))
                })
            };
            assert!(run(1) == run(3), "{:?} {precision:?}", example.geometry);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let message = |x: &[usize], weight: &[usize]| Conv2dGeometry::new(x, weight).unwrap_err().to_string();
    assert!(message(&[1, 2, 4, 4], &[3, 4, 3, 3]).contains("[outputs, 2, 3, 3]"));
    assert!(message(&[1, 2, 4, 4], &[3, 2, 5, 5]).contains("got [3, 2, 5, 5]"));
    assert!(message(&[2, 4, 4], &[3, 2, 3, 3]).contains("[batch, channel, y, x]"));
    for (x, weight) in [([0, 2, 4, 4], [3, 2, 3, 3]), ([1, 2, 0, 4], [3, 2, 3, 3]), ([1, 2, 4, 4], [0, 2, 1, 1])] {
        assert!(message(&x, &weight).contains("at least one image, channel and pixel"));
    }
}
