//! Solvers against closed forms and against each other.

mod annealed;
mod conjugate_gradient;
mod convex;
mod problem;

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::algebra::test_operators::{Dense, random_complex};
use crate::{
    Conditions, ForwardOperator, ParameterMaps, PhysicsProjector, Prior, PriorContext, Problem, Result, View, ViewMut,
};

/// Soft threshold: the proximal map of the sum of magnitudes.
struct Magnitudes;

impl Prior for Magnitudes {
    fn name(&self) -> &str {
        "magnitudes"
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        _: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        clean.zip_mut_with(&noisy, |clean, noisy| {
            *clean = noisy * (1.0 - sigma * sigma / noisy.norm().max(1e-30)).max(0.0);
        });
        Ok(Some(clean.iter().map(|value| f64::from(value.norm())).sum()))
    }
}

/// Posterior mean of an image whose values are N(0, 1) in each part.
struct UnitGaussian;

impl Prior for UnitGaussian {
    fn name(&self) -> &str {
        "unit gaussian"
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        _: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        clean.zip_mut_with(&noisy, |clean, noisy| *clean = noisy / (1.0 + sigma * sigma));
        Ok(None)
    }
}

/// Projection on a line, standing in for a dictionary of one atom.
struct OneAtom(Vec<f32>);

impl PhysicsProjector for OneAtom {
    fn name(&self) -> &str {
        "one atom"
    }

    fn coefficients(&self) -> usize {
        self.0.len()
    }

    fn parameters(&self) -> &[crate::Parameter] {
        &[]
    }

    fn project(&self, x: View<'_>, mut z: ViewMut<'_>, _: Option<&mut ParameterMaps>) -> Result<()> {
        let amplitude: Complex32 = x.iter().zip(&self.0).map(|(x, d)| x * d).sum();
        z.iter_mut().zip(&self.0).for_each(|(z, d)| *z = amplitude * d);
        Ok(())
    }
}

/// Random samples of a matrix, as a problem and once more as the plain operator.
fn problem(matrix: DMatrix<Complex32>, norm: f64, seed: u64) -> (Problem, Dense) {
    let dense = Dense::new(matrix.clone());
    let samples = random_complex(&dense.range().shape(), seed);
    (Problem::new(Arc::new(Dense::new(matrix)), norm, 1.0, samples.view()).unwrap(), dense)
}

/// The same on images of one voxel, which a projector takes.
fn voxel_problem(matrix: DMatrix<Complex32>, norm: f64, seed: u64) -> Problem {
    let samples = random_complex(&[matrix.nrows()], seed);
    Problem::new(Arc::new(Dense::of_voxel(matrix)), norm, 1.0, samples.view()).unwrap()
}

fn flat(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap()
}

/// `(A^H A + damping I)^-1 b` by elimination.
fn linear_solution(matrix: &DMatrix<Complex32>, damping: f32, right_hand_side: &ArrayD<Complex32>) -> Vec<Complex32> {
    let size = matrix.ncols();
    let normal = matrix.adjoint() * matrix + DMatrix::identity(size, size) * Complex32::from(damping);
    let solution = normal.lu().solve(&DVector::from_column_slice(flat(right_hand_side))).unwrap();
    solution.iter().copied().collect()
}
