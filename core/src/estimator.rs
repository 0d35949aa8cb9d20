//! Supervised estimators: maps or an image from images.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Parameter, ParameterMaps, Result, ViewMut};

/// Makes parameter maps, an image, or both from images: a trained regression network, for example.
///
/// It is no [`Prior`](crate::Prior), because it knows no noise level, and no
/// [`PhysicsProjector`](crate::PhysicsProjector), because its results need not lie in a set. Equal images give equal results.
pub trait Estimator: Send + Sync {
    /// Short name for messages, for example `regression-unet`.
    fn name(&self) -> &str;

    /// Names of the images that [`estimate`](Self::estimate) wants, for example `adjoint`.
    fn inputs(&self) -> &[String];

    /// The quantities of the maps that it makes; empty for an estimator that gives an image only.
    fn parameters(&self) -> &[Parameter];

    /// Writes what is given of `image`, (coefficient, [z,] y, x), and `maps`, from the images by the names of
    /// [`inputs`](Self::inputs), all of one shape.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) when an image is missing,
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::Incompatible`](crate::Error::Incompatible) when a shape does not
    /// fit, or an image is asked for and there is none.
    fn estimate(
        &self,
        images: &BTreeMap<String, ArrayD<Complex32>>,
        image: Option<ViewMut<'_>>,
        maps: Option<&mut ParameterMaps>,
    ) -> Result<()>;
}
