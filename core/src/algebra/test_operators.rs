//! Small operators for the tests of this crate.

use nalgebra::DMatrix;
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

use crate::{
    Error, ForwardOperator, ImageShape, Preconditioner, RegularisedInverse, Result, Rng, Space, View, ViewMut,
};

pub(crate) fn random_complex(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
}

/// A dense matrix, whose adjoint is known for certain.
pub(crate) struct Dense {
    pub(crate) matrix: DMatrix<Complex32>,
    domain: Space,
    range: Space,
}

impl Dense {
    pub(crate) fn new(matrix: DMatrix<Complex32>) -> Self {
        let domain = Space::new([("column", matrix.ncols())]);
        let range = Space::new([("row", matrix.nrows())]);
        Self { matrix, domain, range }
    }

    /// The same on images of one voxel, a coefficient for every column.
    pub(crate) fn of_voxel(matrix: DMatrix<Complex32>) -> Self {
        let domain = Space::image(matrix.ncols(), &ImageShape::plane(1, 1));
        Self { domain, ..Self::new(matrix) }
    }

    pub(crate) fn random(rows: usize, columns: usize, seed: u64) -> Self {
        let values = random_complex(&[rows * columns], seed);
        Self::new(DMatrix::from_iterator(rows, columns, values))
    }
}

impl ForwardOperator for Dense {
    fn name(&self) -> &str {
        "dense"
    }

    fn domain(&self) -> &Space {
        &self.domain
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        let x = self.domain.slice("dense: forward", "image", &x)?;
        self.range.check("dense: forward", "samples", y.shape())?;
        let product = &self.matrix * nalgebra::DVector::from_column_slice(x);
        y.iter_mut().zip(product.iter()).for_each(|(y, value)| *y = *value);
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        let y = self.range.slice("dense: adjoint", "samples", &y)?;
        self.domain.check("dense: adjoint", "image", x.shape())?;
        let product = self.matrix.adjoint() * nalgebra::DVector::from_column_slice(y);
        x.iter_mut().zip(product.iter()).for_each(|(x, value)| *x = *value);
        Ok(())
    }
}

/// Knows its normal only: whoever composes it wrongly gets an error.
pub(crate) struct NormalOnly(pub(crate) Dense);

impl ForwardOperator for NormalOnly {
    fn name(&self) -> &str {
        "normal-only"
    }

    fn domain(&self) -> &Space {
        self.0.domain()
    }

    fn range(&self) -> &Space {
        self.0.range()
    }

    fn forward(&self, _: View<'_>, _: ViewMut<'_>) -> Result<()> {
        Err(Error::external("normal-only", "forward must not be called"))
    }

    fn adjoint(&self, _: View<'_>, _: ViewMut<'_>) -> Result<()> {
        Err(Error::external("normal-only", "adjoint must not be called"))
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        self.0.normal(x, out)
    }
}

/// A dense matrix that offers its regularised inverse by elimination, and the inverse of its normal's diagonal as
/// preconditioner.
pub(crate) struct Solvable(pub(crate) Dense);

impl Solvable {
    fn damped_normal(&self, rho: f32) -> DMatrix<Complex32> {
        let size = self.0.matrix.ncols();
        self.0.matrix.adjoint() * &self.0.matrix + DMatrix::identity(size, size) * Complex32::from(rho)
    }
}

impl ForwardOperator for Solvable {
    fn name(&self) -> &str {
        "solvable"
    }

    fn domain(&self) -> &Space {
        self.0.domain()
    }

    fn range(&self) -> &Space {
        self.0.range()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.0.forward(x, y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.0.adjoint(y, x)
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        Some(self)
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        Some(self)
    }
}

impl RegularisedInverse for Solvable {
    fn solve(&self, rho: f32, b: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        let b = nalgebra::DVector::from_iterator(b.len(), b.iter().copied());
        let solution = self.damped_normal(rho).lu().solve(&b);
        let solution = solution.ok_or_else(|| Error::parameter("solvable", "rho", "a positive number", rho))?;
        x.iter_mut().zip(solution.iter()).for_each(|(x, value)| *x = *value);
        Ok(())
    }
}

impl Preconditioner for Solvable {
    fn apply(&self, rho: f32, r: View<'_>, mut z: ViewMut<'_>) -> Result<()> {
        let diagonal = self.damped_normal(rho).diagonal();
        z.iter_mut().zip(r.iter().zip(diagonal.iter())).for_each(|(z, (r, diagonal))| *z = r / diagonal.re);
        Ok(())
    }
}
