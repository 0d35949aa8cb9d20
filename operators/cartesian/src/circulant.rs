//! The circulant matrix nearest to the normal operator, as its preconditioner.

use diph_core::{Error, ForwardOperator, Preconditioner, Result, View, ViewMut};
use ndarray::{ArrayD, Dimension, IxDyn};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::CartesianOperator;
use crate::cartesian_operator::Circulant;

const OPERATION: &str = "cartesian: preconditioner";
/// Smallest shift of the matrices, as a share of their mean eigenvalue: below it they are rounding, as points that no
/// frame reads have none.
const LEAST_SHIFT: f64 = 1e-6;

/// With the unnormalised transform F of n points, the normal operator is `sum over c of S_c^H F^H G F S_c`. The matrix nearest
/// to it that is the same at every pixel (T. Chan, SIAM J. Sci. Stat. Comput. 9, 1988) has in Fourier space the diagonal of
/// the operator there: G, smeared by the power spectra of the coils,
///
/// ```text
/// C(k) = 1/n sum over q of G(q) sum over c of |F S_c (q - k)|^2
/// ```
///
/// Without coil maps, and with a single coil of modulus 1 and constant phase, it is the normal operator itself.
impl CartesianOperator {
    fn circulant(&self) -> &Circulant {
        self.circulant.get_or_init(|| {
            let matrices = self.nearest_matrices();
            let planes = (0..self.coefficients).map(|k| self.plane(&matrices, k, k));
            let trace: f64 = planes.flatten().map(|value| f64::from(*value)).sum();
            let mean = trace / (self.coefficients * self.fourier.pixels()) as f64;
            // An operator of zeros has a preconditioner too.
            Circulant { matrices, least_shift: (LEAST_SHIFT * mean).max(f64::from(f32::MIN_POSITIVE)) }
        })
    }

    fn nearest_matrices(&self) -> Vec<f32> {
        let pixels = self.fourier.pixels();
        if self.coil_map(0).is_none() {
            return self.gram_matrices().iter().map(|value| value * pixels as f32).collect();
        }
        let overlap = self.coil_overlap();
        let mut matrices = vec![0.0; self.gram_matrices().len()];
        matrices.par_chunks_exact_mut(pixels).zip(self.gram_matrices().par_chunks_exact(pixels)).for_each(
            |(nearest, gram)| {
                let mut spectrum: Vec<Complex32> = gram.iter().map(|value| Complex32::from(*value)).collect();
                let mut function = vec![Complex32::ZERO; pixels];
                self.fourier.adjoint(&mut spectrum, &mut function);
                function.iter_mut().zip(&overlap).for_each(|(value, overlap)| *value *= overlap);
                self.fourier.forward(&mut function, &mut spectrum);
                // The imaginary part is rounding.
                nearest.iter_mut().zip(&spectrum).for_each(|(value, point)| *value = point.re);
            },
        );
        matrices
    }

    /// The periodic `sum over c and r of conj(S_c(r)) S_c(r - d)` at distances d in the order of the image, divided by the
    /// number of pixels.
    fn coil_overlap(&self) -> Vec<Complex32> {
        let pixels = self.fourier.pixels();
        let mut powers = vec![Complex32::ZERO; pixels];
        let mut spectrum = vec![Complex32::ZERO; pixels];
        let factor = 1.0 / (pixels as f32 * pixels as f32);
        for map in (0..self.coils()).filter_map(|coil| self.coil_map(coil)) {
            self.fourier.forward(&mut map.to_vec(), &mut spectrum);
            powers.iter_mut().zip(&spectrum).for_each(|(power, value)| power.re += factor * value.norm_sqr());
        }
        self.fourier.adjoint(&mut powers, &mut spectrum);
        spectrum.iter().map(|value| value.conj()).collect()
    }
}

/// The regularised inverse where there is one, otherwise the inverse of the nearest circulant matrix.
impl Preconditioner for CartesianOperator {
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        if !(rho.is_finite() && rho >= 0.0) {
            return Err(Error::parameter(OPERATION, "rho", "a number of at least 0", rho));
        }
        let Circulant { matrices, least_shift } = self.circulant();
        let shift = f64::from(rho).max(*least_shift);
        if let Some(inverse) = self.regularised_inverse() {
            return inverse.solve(shift as f32, r, z);
        }
        let r = self.domain().slice(OPERATION, "residual", &r)?;
        let z = self.domain().slice_mut(OPERATION, "output", z)?;
        self.solve_points(matrices, 1.0, shift, None, r, z);
        Ok(())
    }

    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        let circulant = self.circulant();
        let shape = [&[self.coefficients], &*self.domain().shape()].concat();
        let symbol = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
            let index = index.slice();
            self.plane(&circulant.matrices, index[0], index[1])[self.fourier.index(&index[2..])]
        });
        Ok(Some(symbol))
    }
}
