//! Whether an acquisition is the one that a network was trained for.

use diph_gaussian::basis_misfit;
use diph_network::{Error, Result};
use ndarray::{Array2, ArrayView2};

use crate::RegressionConfig;

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
        let Some(misfit) = basis_misfit(own.view(), basis) else { return Ok(()) };
        let expected = format!("that of the training set, of {} frames and {} coefficients", own.nrows(), own.ncols());
        let advice = "name weights that were trained for this acquisition with the option `checkpoint`";
        Err(Error::setting("temporal basis", expected, format!("{misfit}; {advice}")))
    }
}
