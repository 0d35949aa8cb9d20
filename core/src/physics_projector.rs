//! The physics: which signals a voxel can have.

use crate::{Parameter, ParameterMaps, Result, View, ViewMut};

/// Projection on the set of signals that the physics allows, voxel by voxel: planes and volumes alike.
///
/// The set is a cone under complex scaling: `project(c x) = c project(x)` for every complex `c`.
pub trait PhysicsProjector: Send + Sync {
    /// Short name for messages, for example `bloch-dictionary`.
    fn name(&self) -> &str;

    /// Number of coefficients of the images that it takes.
    fn coefficients(&self) -> usize;

    /// What the maps of [`project`](Self::project) hold.
    fn parameters(&self) -> &[Parameter];

    /// Writes the nearest allowed signal of every voxel of `x`, (coefficient, y, x) or (coefficient, z, y, x), into `z`, and
    /// where `maps` is given, its parameters. A voxel of zeros gives zeros.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when a view has another shape, [`Error::NotContiguous`](crate::Error::NotContiguous) when it is
    /// not C-contiguous, and [`Error::NotFinite`](crate::Error::NotFinite) when `x` holds a NaN or an infinity.
    fn project(&self, x: View<'_>, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()>;
}
