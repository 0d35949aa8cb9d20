//! What training minimises.

use ndarray::{ArrayView3, ArrayViewMut3};

use crate::OUTPUTS;

/// Errors beyond this count as this much and no longer pull: one pixel must not move the network.
const GREATEST_ERROR: f32 = 3.0;

const T1_WEIGHT: f32 = 1.0;
const T2_WEIGHT: f32 = 0.5;
/// Against the bias of relative errors: a value that is too low has a relative error of at most 1, one too high any.
const LOG_T2_WEIGHT: f32 = 0.1;
const PD_WEIGHT: f32 = 0.3;
/// Of pixels outside of the head, where there is none to be seen.
const EMPTY_PD_WEIGHT: f32 = 0.1;

/// Weighted sums over the pixels of an image, and the sum of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Sum of all terms of the loss over the weighted pixels.
    pub sum: f64,
    /// Sum of the weights of the pixels.
    pub weight: f64,
}

/// Loss of an output (plane, y, x) against a target (plane, y, x), the last plane of which holds weights w:
/// `sum w (|exp(d log T1) - 1| + 0.5 |exp(d log T2) - 1| + 0.1 |d log T2|) + sum v (|d Re PD| + |d Im PD|)`, v = 0.3 where w > 0 and 0.1
/// elsewhere.
///
/// The first two terms are the relative errors of T1 and T2 that reconstructions are judged by. Writes the derivative of the sum
/// times `factor` with respect to the output into `gradient`.
pub fn loss_and_gradient(
    output: ArrayView3<'_, f32>,
    target: ArrayView3<'_, f32>,
    factor: f32,
    mut gradient: ArrayViewMut3<'_, f32>,
) -> Loss {
    let (_, height, width) = output.dim();
    let mut loss = Loss::default();
    for y in 0..height {
        for x in 0..width {
            let weight = target[[OUTPUTS, y, x]];
            loss.weight += f64::from(weight);
            for plane in 0..OUTPUTS {
                let difference = output[[plane, y, x]] - target[[plane, y, x]];
                let (value, slope) = match plane {
                    0 => scaled(relative(difference), weight * T1_WEIGHT),
                    1 => {
                        let (value, slope) = scaled(relative(difference), weight * T2_WEIGHT);
                        let (more, steeper) = scaled(absolute(difference), weight * LOG_T2_WEIGHT);
                        (value + more, slope + steeper)
                    }
                    _ if weight > 0.0 => scaled(absolute(difference), PD_WEIGHT),
                    _ => scaled(absolute(difference), EMPTY_PD_WEIGHT),
                };
                loss.sum += f64::from(value);
                gradient[[plane, y, x]] = factor * slope;
            }
        }
    }
    loss
}

fn scaled((value, slope): (f32, f32), factor: f32) -> (f32, f32) {
    (factor * value, factor * slope)
}

/// `|exp(d) - 1|` and its slope.
fn relative(difference: f32) -> (f32, f32) {
    let clamped = difference.clamp(-GREATEST_ERROR, GREATEST_ERROR);
    let ratio = clamped.exp();
    let slope = if clamped == difference { sign(difference) * ratio } else { 0.0 };
    ((ratio - 1.0).abs(), slope)
}

/// `|d|` and its slope.
fn absolute(difference: f32) -> (f32, f32) {
    let clamped = difference.clamp(-GREATEST_ERROR, GREATEST_ERROR);
    (clamped.abs(), if clamped == difference { sign(difference) } else { 0.0 })
}

/// -1, 0 or 1.
fn sign(value: f32) -> f32 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn planes(count: usize, seed: f32) -> Array3<f32> {
        Array3::from_shape_fn((count, 5, 4), |(plane, y, x)| 2.5 * ((plane * 20 + y * 4 + x) as f32 * 1.7 + seed).sin())
    }

    fn target() -> Array3<f32> {
        let mut target = planes(OUTPUTS + 1, 0.4);
        let weights = [0.0, 0.3, 1.3];
        target
            .index_axis_mut(ndarray::Axis(0), OUTPUTS)
            .indexed_iter_mut()
            .for_each(|((y, x), w)| *w = weights[(y + x) % 3]);
        target
    }

    /// Finite differences, away from the kinks at 0 and at the greatest error.
    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let (output, target, mut gradient) = (planes(OUTPUTS, 2.0), target(), Array3::zeros((OUTPUTS, 5, 4)));
        let loss = |output: &Array3<f32>| {
            let mut unused = Array3::zeros(output.dim());
            loss_and_gradient(output.view(), target.view(), 1.0, unused.view_mut()).sum
        };
        loss_and_gradient(output.view(), target.view(), 2.0, gradient.view_mut());
        let (step, mut checked) = (1e-3, 0);
        for (at, slope) in gradient.indexed_iter() {
            let difference = output[at] - target[at];
            if difference.abs() < 0.01 || (difference.abs() - GREATEST_ERROR).abs() < 0.01 {
                continue;
            }
            let mut moved = [output.clone(), output.clone()];
            moved[0][at] += step;
            moved[1][at] -= step;
            let measured = (loss(&moved[0]) - loss(&moved[1])) / f64::from(2.0 * step);
            assert!(
                (2.0 * measured - f64::from(*slope)).abs() < 2e-2 * (1.0 + measured.abs()),
                "{at:?}: {measured} {slope}"
            );
            checked += 1;
        }
        assert!(checked > 60, "{checked}");
    }

    #[test]
    fn the_truth_has_no_loss_and_a_known_error_its_own() {
        let target = target();
        let truth = target.slice(ndarray::s![..OUTPUTS, .., ..]).to_owned();
        let mut gradient = Array3::ones(truth.dim());
        let loss = loss_and_gradient(truth.view(), target.view(), 1.0, gradient.view_mut());
        assert_eq!(loss.sum, 0.0);
        assert!(gradient.iter().all(|slope| *slope == 0.0));
        let mut doubled = truth;
        doubled.index_axis_mut(ndarray::Axis(0), 0).mapv_inplace(|value| value + 2.0_f32.ln());
        let loss = loss_and_gradient(doubled.view(), target.view(), 1.0, gradient.view_mut());
        assert!(
            (loss.sum - loss.weight).abs() < 1e-4 * loss.weight,
            "every T1 is twice the truth: a relative error of 1"
        );
    }
}
