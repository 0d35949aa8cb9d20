//! Spaces: the named axes of what operators take and give, and the array views that cross the traits.

use std::borrow::Cow;
use std::fmt;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};
use num_complex::Complex32;

use crate::{Error, ImageShape, Result};

/// One axis of a space: what it counts, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Name in the field's terms: `coefficient`, `y`, `coil`, `frame`, ...
    pub name: Cow<'static, str>,
    /// Number of entries along the axis.
    pub len: usize,
}

/// A space of complex arrays: named axes with their lengths, slowest first.
///
/// Operators say which spaces they map between, and everything that joins operators compares them.
///
/// ```
/// use diph_core::{ImageShape, Space};
/// let image = Space::image(5, &ImageShape::plane(230, 230));
/// assert_eq!(image.to_string(), "[coefficient 5, y 230, x 230]");
/// assert_eq!(image.len(), 264_500);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    axes: Vec<Axis>,
}

impl Space {
    /// A space with the given axes, slowest first.
    pub fn new<N: Into<Cow<'static, str>>>(axes: impl IntoIterator<Item = (N, usize)>) -> Self {
        Self { axes: axes.into_iter().map(|(name, len)| Axis { name: name.into(), len }).collect() }
    }

    /// SVD-compressed time series of magnetisation images (TSMI): (coefficient, y, x) or (coefficient, z, y, x).
    pub fn image(coefficients: usize, image: &ImageShape) -> Self {
        let spatial = image.names().iter().copied().zip(image.lengths().iter().copied());
        Self::new(std::iter::once(("coefficient", coefficients)).chain(spatial))
    }

    /// Acquired samples: (coil, frame, sample).
    pub fn kspace(coils: usize, frames: usize, samples: usize) -> Self {
        Self::new([("coil", coils), ("frame", frames), ("sample", samples)])
    }

    /// The axes of the space, that which changes slowest in memory first.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Lengths of the axes, that which changes slowest in memory first.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.len).collect()
    }

    /// Number of complex values in an element.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.len).product()
    }

    /// Whether an element holds no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The zero of the space.
    pub fn zeros(&self) -> ArrayD<Complex32> {
        ArrayD::zeros(self.shape())
    }

    /// Fails with [`Error::Shape`] when `shape` is not the shape of this space.
    pub fn check(&self, operation: &str, role: &str, shape: &[usize]) -> Result<()> {
        if self.axes.len() == shape.len() && self.axes.iter().zip(shape).all(|(axis, len)| axis.len == *len) {
            return Ok(());
        }
        Err(Error::Shape {
            operation: operation.into(),
            role: role.into(),
            expected: self.shape(),
            got: shape.to_vec(),
        })
    }

    /// The values of a view, after checking its shape and layout. `operation` and `role` go into the error.
    pub fn slice<'a>(&self, operation: &str, role: &str, view: &View<'a>) -> Result<&'a [Complex32]> {
        self.check(operation, role, view.shape())?;
        view.to_slice().ok_or_else(|| Error::NotContiguous { operation: operation.into(), role: role.into() })
    }

    /// The values of a mutable view, after checking its shape and layout.
    pub fn slice_mut<'a>(&self, operation: &str, role: &str, view: ViewMut<'a>) -> Result<&'a mut [Complex32]> {
        self.check(operation, role, view.shape())?;
        view.into_slice().ok_or_else(|| Error::NotContiguous { operation: operation.into(), role: role.into() })
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes.iter().map(|axis| format!("{} {}", axis.name, axis.len)).collect();
        write!(f, "[{}]", axes.join(", "))
    }
}

/// A borrowed complex array of any number of axes, C-contiguous.
pub type View<'a> = ArrayViewD<'a, Complex32>;

/// A borrowed complex array to write into, C-contiguous.
pub type ViewMut<'a> = ArrayViewMutD<'a, Complex32>;
