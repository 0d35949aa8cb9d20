//! Whether an acquisition is the one that a network was trained for.

use diph_network::{Error, Result};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView2};

use crate::RegressionConfig;

/// Bases whose columns differ by less than this share of their size are the same: rounding, and other software's SVD.
const SAME: f64 = 0.01;

impl RegressionConfig {
    /// Whether both networks were trained for the same temporal basis.
    pub fn has_basis_of(&self, other: &Self) -> bool {
        let (frames, coefficients) = (other.basis.len(), other.coefficients());
        let basis = Array2::from_shape_fn((frames, coefficients), |(frame, k)| other.basis[frame][k]);
        self.check_basis(basis.view()).is_ok()
    }

    /// Fails unless `basis` (frame, coefficient) is the temporal basis that the network was trained for: coefficients of another
    /// one mean something else, and the network would answer wrong maps without a word.
    ///
    /// # Errors
    /// [`Error::Setting`] with the largest principal angle between both subspaces, and what to do.
    pub fn check_basis(&self, basis: ArrayView2<'_, f32>) -> Result<()> {
        let own = matrix(self.basis.len(), self.coefficients(), |frame, k| self.basis[frame][k]);
        let other = matrix(basis.nrows(), basis.ncols(), |frame, k| basis[[frame, k]]);
        let expected = format!("that of the training set, of {} frames and {} coefficients", own.nrows(), own.ncols());
        let advice = "name weights that were trained for this acquisition with the option `checkpoint`";
        if own.shape() != other.shape() {
            let got = format!("one of {} frames and {} coefficients; {advice}", other.nrows(), other.ncols());
            return Err(Error::setting("temporal basis", expected, got));
        }
        let difference = (&own - &other).norm() / own.norm();
        // Written so that NaN is a difference.
        if difference < SAME {
            return Ok(());
        }
        let angle = largest_principal_angle(&own, &other).to_degrees();
        let got = format!(
            "one that differs by {:.0} % (largest principal angle between the subspaces: {angle:.1} degrees); {advice}",
            100.0 * difference
        );
        Err(Error::setting("temporal basis", expected, got))
    }
}

fn matrix(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |row, column| f64::from(value(row, column)))
}

/// The largest principal angle between the column spaces in radians (Björck & Golub 1973): the sine squared of it is the largest
/// eigenvalue of `B^T (I - A A^T) B` with orthonormal A and B.
fn largest_principal_angle(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    let (a, b) = (a.clone().qr().q(), b.clone().qr().q());
    let outside = &b - &a * (a.transpose() * &b);
    let eigenvalues = SymmetricEigen::new(outside.transpose() * outside).eigenvalues;
    eigenvalues.max().clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_those_between_planes() {
        let turned = |angle: f64| DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 0.0, angle.cos(), 0.0, angle.sin()]);
        for angle in [0.0, 0.3, 1.2] {
            assert!((largest_principal_angle(&turned(0.0), &turned(angle)) - angle).abs() < 1e-6);
        }
        // Another basis of the same plane.
        let mixed = &turned(0.4) * DMatrix::from_row_slice(2, 2, &[2.0, 1.0, -1.0, 1.0]);
        assert!(largest_principal_angle(&turned(0.4), &mixed) < 1e-6);
    }
}
