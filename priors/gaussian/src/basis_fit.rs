//! Whether a spectrum is of an acquisition's temporal basis.

use diph_core::{Error, Result};
use nalgebra::DMatrix;
use ndarray::{Array3, ArrayView2, Axis};

use crate::Spectrum;

/// Largest principal angle, in degrees, between bases that count as the same. Bases of one sequence differ by less than
/// one degree (rounding, another grid of the dictionary), those of other sequences by tens of degrees in the last coefficients.
const LARGEST_ANGLE: f64 = 5.0;

/// Bases whose columns differ by less than this share of their size are the same: rounding, and other software's SVD.
const SAME: f64 = 0.01;

/// The principal angles in degrees between the spans of two temporal bases (frame, coefficient), smallest first: as many as
/// the smaller basis has columns. Björck and Golub 1973.
///
/// # Errors
/// [`Error::Shape`] when they have not the same number of frames, [`Error::Parameter`] for a basis of dependent columns.
///
/// ```
/// use ndarray::array;
/// let (a, b) = (array![[1.0], [0.0]], array![[1.0], [1.0]]);
/// let angles = diph_gaussian::principal_angles(a.view(), b.view())?;
/// assert!((angles[0] - 45.0).abs() < 1e-4);
/// # Ok::<(), diph_core::Error>(())
/// ```
pub fn principal_angles(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
    if a.nrows() != b.nrows() {
        return Err(Error::Shape {
            operation: "principal angles".into(),
            role: "basis (frame, coefficient)".into(),
            expected: vec![a.nrows(), b.ncols()],
            got: b.shape().to_vec(),
        });
    }
    let (a, b) = (orthonormal(a)?, orthonormal(b)?);
    let (large, small) = if a.ncols() < b.ncols() { (b, a) } else { (a, b) };
    // The sines of small angles come out exactly where their cosines are all 1.
    let outside = &small - &large * large.tr_mul(&small);
    let mut angles: Vec<f64> =
        outside.singular_values().iter().map(|sine| sine.clamp(0.0, 1.0).asin().to_degrees()).collect();
    angles.sort_by(f64::total_cmp);
    Ok(angles)
}

/// How the temporal basis of an acquisition (frame, coefficient) differs from the one that a network was trained for, in words;
/// `None` where both are the same. A network knows coefficients, not spans: a turned basis of the same span is another one to it.
pub fn basis_misfit(trained: ArrayView2<'_, f32>, acquisition: ArrayView2<'_, f32>) -> Option<String> {
    if trained.dim() != acquisition.dim() {
        return Some(format!("one of {} frames and {} coefficients", acquisition.nrows(), acquisition.ncols()));
    }
    let (trained_wide, wide) = (wide(trained), wide(acquisition));
    let difference = (&trained_wide - wide).norm() / trained_wide.norm();
    // Written so that NaN is a difference.
    if difference < SAME {
        return None;
    }
    let angle = match principal_angles(trained, acquisition) {
        Ok(angles) => format!("{:.1} degrees", angles.last().copied().unwrap_or_default()),
        Err(fault) => format!("none, {fault}"),
    };
    let percent = 100.0 * difference;
    Some(format!("one that differs by {percent:.0} % (largest principal angle between the spans: {angle})"))
}

fn orthonormal(basis: ArrayView2<'_, f32>) -> Result<DMatrix<f64>> {
    let qr = wide(basis).qr();
    let (diagonal, largest) = (qr.r().diagonal(), qr.r().amax());
    let independent = basis.nrows() >= basis.ncols() && diagonal.iter().all(|entry| entry.abs() > 1e-6 * largest);
    if !independent {
        let got = format!("a basis of shape {:?} with dependent columns", basis.shape());
        return Err(Error::parameter("principal angles", "basis", "independent columns", got));
    }
    Ok(qr.q())
}

fn wide(matrix: ArrayView2<'_, f32>) -> DMatrix<f64> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| f64::from(matrix[(i, j)]))
}

impl Spectrum {
    /// The same prior for images of another basis V' (frame, coefficient) of the same span, or of a part of it. The images
    /// of one magnetisation are `x` and `x' = R x` with `V' R = V` in the sense of least squares, so that the covariance
    /// becomes `R S R^T`: signs, order and lengths of basis vectors do not matter.
    ///
    /// # Errors
    /// [`Error::Incompatible`], with the advice to learn another spectrum, when frames differ or a direction of V' lies
    /// more than five degrees outside of the span of this spectrum's basis.
    pub fn for_basis(&self, basis: ArrayView2<'_, f32>) -> Result<Self> {
        const ADVICE: &str = "learn one for this acquisition: `diph train --objective spectrum`";
        let refused = |got: String| {
            let frames = self.basis().nrows();
            let expected = format!("the temporal basis of {frames} frames that it was learned for");
            Err(Error::incompatible("Gaussian spectrum", expected, format!("{got}; {ADVICE}")))
        };
        if basis.nrows() != self.basis().nrows() {
            return refused(format!("one of {} frames", basis.nrows()));
        }
        if basis.ncols() > self.coefficients() {
            return refused(format!("one of {} coefficients instead of {}", basis.ncols(), self.coefficients()));
        }
        if basis == self.basis() {
            return Ok(self.clone());
        }
        let angles = principal_angles(self.basis(), basis)?;
        if angles.last().is_some_and(|largest| *largest > LARGEST_ANGLE) {
            let angles: Vec<String> = angles.iter().map(|angle| format!("{angle:.1}")).collect();
            return refused(format!("one at principal angles of {} degrees", angles.join(", ")));
        }
        let (old, new) = (wide(self.basis()), wide(basis));
        let Some(gram) = new.tr_mul(&new).cholesky() else {
            return refused("one with dependent columns".into());
        };
        let turn = gram.solve(&new.tr_mul(&old));
        let mut rings = Array3::zeros((self.rings().dim().0, basis.ncols(), basis.ncols()));
        for (ring, mut out) in self.rings().axis_iter(Axis(0)).zip(rings.axis_iter_mut(Axis(0))) {
            let covariance = &turn * wide(ring) * turn.transpose();
            out.indexed_iter_mut().for_each(|((i, j), value)| *value = covariance[(i, j)] as f32);
        }
        Self::new(basis.to_owned(), rings, self.images())?.rescaled(self.energy_ratio())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn basis() -> Array2<f32> {
        Array2::from_shape_fn((12, 3), |(t, k)| ((k + 1) as f32 * 0.4 * t as f32).cos())
    }

    fn spectrum() -> Spectrum {
        let matrix = [[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]];
        let rings = Array3::from_shape_fn((4, 3, 3), |(ring, i, j)| matrix[i][j] / (1 + ring) as f32);
        Spectrum::new(basis(), rings, 5).unwrap()
    }

    #[test]
    fn angles_are_those_between_planes() {
        let plane = |angle: f32| array![[1.0, 0.0], [0.0, angle.cos()], [0.0, angle.sin()]];
        for angle in [0.0_f32, 0.3, 1.2] {
            let angles = principal_angles(plane(0.0).view(), plane(angle).view()).unwrap();
            assert!(angles[0] < 1e-4 && (angles[1] - f64::from(angle).to_degrees()).abs() < 1e-4, "{angles:?}");
        }
        let mixed = plane(0.4).dot(&array![[2.0, 1.0], [-1.0, 1.0]]);
        let angles = principal_angles(plane(0.4).view(), mixed.view()).unwrap();
        assert!(angles[1] < 1e-4, "another basis of the same plane: {angles:?}");
    }

    #[test]
    fn the_covariance_of_the_signal_is_the_same_in_a_turned_basis() {
        let turn = array![[0.0, 2.0, 0.1], [-1.0, 0.0, 0.0], [0.0, 0.3, 1.5]];
        let turned = spectrum().for_basis(basis().dot(&turn).view()).unwrap();
        for (old, new) in spectrum().rings().outer_iter().zip(turned.rings().outer_iter()) {
            let signal = |basis: &Array2<f32>, s: ArrayView2<'_, f32>| basis.dot(&s).dot(&basis.t());
            let difference = signal(&basis(), old) - signal(&turned.basis().to_owned(), new);
            assert!(difference.iter().all(|value| value.abs() < 1e-4), "{difference}");
        }
        assert_eq!(spectrum().for_basis(basis().view()).unwrap(), spectrum());
    }

    #[test]
    fn another_basis_is_refused_with_advice() {
        let mut other = basis();
        other.column_mut(2).assign(&Array2::from_shape_fn((12, 1), |(t, _)| (2.9 * t as f32).sin()).column(0));
        for basis in [other, Array2::ones((11, 1)), Array2::ones((12, 4))] {
            let message = spectrum().for_basis(basis.view()).unwrap_err().to_string();
            assert!(message.contains("diph train --objective spectrum"), "{message}");
        }
        // A basis of fewer coefficients in the same span fits.
        assert_eq!(spectrum().for_basis(basis().slice(ndarray::s![.., ..2])).unwrap().coefficients(), 2);
    }
}
