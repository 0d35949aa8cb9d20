//! How far apart two arrays are.

use ndarray::ArrayD;
use num_complex::Complex32;

/// `||ours - theirs|| / ||theirs||` from the squares of differences and of their values. 0 where both are zero, infinite
/// where only theirs are.
fn ratio(squares: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (difference, norm) = squares.fold((0.0, 0.0), |sum, square| (sum.0 + square.0, sum.1 + square.1));
    if difference == 0.0 { 0.0 } else { (difference / norm).sqrt() }
}

/// `||ours - theirs|| / ||theirs||` of complex images of equal shape.
pub fn relative_error(theirs: &ArrayD<Complex32>, ours: &ArrayD<Complex32>) -> f64 {
    relative_error_within(theirs, ours, &[true])
}

/// The same over the voxels to `keep` (in C order) of images (coefficient, y, x).
pub fn relative_error_within(theirs: &ArrayD<Complex32>, ours: &ArrayD<Complex32>, keep: &[bool]) -> f64 {
    let square = |value: Complex32| f64::from(value.re).powi(2) + f64::from(value.im).powi(2);
    let kept = theirs.iter().zip(ours).zip(keep.iter().cycle()).filter(|(_, keep)| **keep);
    ratio(kept.map(|((theirs, ours), _)| (square(ours - theirs), square(*theirs))))
}

/// `||ours - theirs|| / ||theirs||` of real values.
pub fn relative_error_real<'a>(
    theirs: impl IntoIterator<Item = &'a f32>,
    ours: impl IntoIterator<Item = &'a f32>,
) -> f64 {
    let pairs = theirs.into_iter().zip(ours).map(|(theirs, ours)| (f64::from(*theirs), f64::from(*ours)));
    ratio(pairs.map(|(theirs, ours)| ((ours - theirs).powi(2), theirs * theirs)))
}

/// The largest of several errors, none of which is negative; a NaN is larger than any.
pub fn worst(errors: impl IntoIterator<Item = f64>) -> f64 {
    errors.into_iter().map(f64::abs).max_by(f64::total_cmp).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_that_are_not_kept_do_not_count() {
        let theirs = ArrayD::from_elem(vec![3, 2, 2], Complex32::new(3.0, 4.0));
        let mut ours = theirs.clone();
        ours[[1, 0, 1]] = Complex32::ZERO;
        assert_eq!(relative_error_within(&theirs, &ours, &[true, false, true, true]), 0.0);
        assert!((relative_error(&theirs, &ours) - (1.0f64 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_nan_is_the_worst() {
        assert_eq!(worst([1.0, 3.0, 2.0]), 3.0);
        assert!(worst([1.0, f64::NAN, 2.0]).is_nan());
    }

    #[test]
    fn zeros_are_equal_to_zeros_only() {
        assert_eq!(relative_error_real(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(relative_error_real(&[0.0, 0.0], &[0.0, 1.0]), f64::INFINITY);
        assert!(relative_error_real(&[1.0], &[f32::NAN]).is_nan());
    }
}
