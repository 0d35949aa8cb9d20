//! Whether an acquisition is the one that a network was trained for.

use diph_gaussian::principal_angles;
use diph_network::{Error, Result};
use ndarray::{Array2, ArrayView2};

use crate::RegressionConfig;

/// Bases whose columns differ by less than this share of their size are the same: rounding, and other software's SVD.
const SAME: f64 = 0.01;

impl RegressionConfig {
    /// Whether both networks were trained for the same temporal basis.
    pub fn has_basis_of(&self, other: &Self) -> bool {
        self.check_basis(other.basis_array().view()).is_ok()
    }

    /// The temporal basis as an array (frame, coefficient).
    fn basis_array(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.basis.len(), self.coefficients()), |(frame, k)| self.basis[frame][k])
    }

    /// Fails unless `basis` (frame, coefficient) is the temporal basis that the network was trained for: coefficients of another
    /// one mean something else, and the network would answer wrong maps without a word.
    ///
    /// # Errors
    /// [`Error::Setting`] with the largest principal angle between both subspaces, and what to do.
    pub fn check_basis(&self, basis: ArrayView2<'_, f32>) -> Result<()> {
        let own = self.basis_array();
        let expected = format!("that of the training set, of {} frames and {} coefficients", own.nrows(), own.ncols());
        let advice = "name weights that were trained for this acquisition with the option `checkpoint`";
        if own.dim() != basis.dim() {
            let got = format!("one of {} frames and {} coefficients; {advice}", basis.nrows(), basis.ncols());
            return Err(Error::setting("temporal basis", expected, got));
        }
        let sum = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
        let squared_difference =
            sum(&mut own.iter().zip(basis).map(|(own, other)| f64::from(*own) - f64::from(*other)));
        let difference = (squared_difference / sum(&mut own.iter().map(|value| f64::from(*value)))).sqrt();
        // Written so that NaN is a difference.
        if difference < SAME {
            return Ok(());
        }
        let angle = match principal_angles(own.view(), basis) {
            Ok(angles) => format!("{:.1} degrees", angles.last().copied().unwrap_or_default()),
            Err(fault) => format!("none, {fault}"),
        };
        let got = format!(
            "one that differs by {:.0} % (largest principal angle between the subspaces: {angle}); {advice}",
            100.0 * difference
        );
        Err(Error::setting("temporal basis", expected, got))
    }
}
