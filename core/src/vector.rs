//! Arithmetic on flat complex arrays. Sums run in double precision and in a fixed order, so that results do not
//! depend on the machine's load.

use num_complex::{Complex32, Complex64};

/// Partial sums that are kept side by side, so that the compiler can use vector registers.
const LANES: usize = 8;

/// `<a, b> = sum conj(a_i) b_i`.
///
/// ```
/// use num_complex::{Complex32, Complex64};
/// let i = Complex32::i();
/// assert_eq!(diph_core::vector::dot(&[i], &[Complex32::ONE]), Complex64::new(0.0, -1.0));
/// ```
pub fn dot(a: &[Complex32], b: &[Complex32]) -> Complex64 {
    let mut re = [0.0f64; LANES];
    let mut im = [0.0f64; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (lane, (a, b)) in a.iter().zip(b).enumerate() {
            let (ar, ai, br, bi) = (f64::from(a.re), f64::from(a.im), f64::from(b.re), f64::from(b.im));
            re[lane] += ar * br + ai * bi;
            im[lane] += ar * bi - ai * br;
        }
    }
    Complex64::new(re.iter().sum(), im.iter().sum())
}

/// Squared Euclidean norm `||a||^2`, summed in double precision.
pub fn norm_sqr(a: &[Complex32]) -> f64 {
    let mut sums = [0.0f64; LANES];
    for chunk in a.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let (re, im) = (f64::from(value.re), f64::from(value.im));
            *sum += re * re + im * im;
        }
    }
    sums.iter().sum()
}

/// Euclidean norm `||a||`, summed in double precision.
pub fn norm(a: &[Complex32]) -> f64 {
    norm_sqr(a).sqrt()
}

/// Euclidean distance `||a - b||`, summed in double precision.
pub fn distance(a: &[Complex32], b: &[Complex32]) -> f64 {
    let mut sums = [0.0f64; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            let (re, im) = (f64::from(a.re) - f64::from(b.re), f64::from(a.im) - f64::from(b.im));
            *sum += re * re + im * im;
        }
    }
    sums.iter().sum::<f64>().sqrt()
}

/// Adds a multiple in place: `y += alpha x`.
pub fn add_scaled(y: &mut [Complex32], alpha: f32, x: &[Complex32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x * alpha;
    }
}

/// Scales and adds in place: `y = x + beta y`.
pub fn scale_and_add(y: &mut [Complex32], beta: f32, x: &[Complex32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = x + *y * beta;
    }
}

/// Scales in place: `y *= alpha`.
pub fn scale(y: &mut [Complex32], alpha: f32) {
    for y in y {
        *y *= alpha;
    }
}

/// Flat index of the first value that is not finite.
pub fn first_not_finite(values: &[Complex32]) -> Option<usize> {
    // The branch-free sum decides almost always; only a bad array is searched.
    let poison: f32 = values.iter().map(|value| (value.re + value.im) * 0.0).sum();
    if poison == 0.0 {
        return None;
    }
    values.iter().position(|value| !(value.re.is_finite() && value.im.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = (Vec<Complex32>, Vec<Complex32>)> {
        prop::collection::vec(((-9f32..9.0, -9f32..9.0), (-9f32..9.0, -9f32..9.0)), 0..40)
            .prop_map(|pairs| pairs.iter().map(|(a, b)| (Complex32::new(a.0, a.1), Complex32::new(b.0, b.1))).unzip())
    }

    proptest! {
        #[test]
        fn dot_is_the_plain_sum((a, b) in vectors()) {
            let plain: Complex64 = a.iter().zip(&b)
                .map(|(a, b)| Complex64::new(a.re.into(), -f64::from(a.im)) * Complex64::new(b.re.into(), b.im.into()))
                .sum();
            prop_assert!((dot(&a, &b) - plain).norm() < 1e-9);
        }

        #[test]
        fn distance_is_the_norm_of_the_difference((a, b) in vectors()) {
            let difference: Vec<Complex32> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            prop_assert!((distance(&a, &b) - norm(&difference)).abs() < 1e-4);
            prop_assert!((norm_sqr(&a) - dot(&a, &a).re).abs() < 1e-9);
        }
    }

    #[test]
    fn finds_the_first_bad_value() {
        let mut values = vec![Complex32::ONE; 10];
        assert_eq!(first_not_finite(&values), None);
        values[7].im = f32::NAN;
        values[4].re = f32::INFINITY;
        assert_eq!(first_not_finite(&values), Some(4));
    }
}
