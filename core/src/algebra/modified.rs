//! Operators made of one: its adjoint, a multiple; and the identity, made of none.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::{Error, ForwardOperator, Preconditioner, RegularisedInverse, Result, Space, View, ViewMut};

/// The identity operator `I` on a space.
pub struct Identity {
    space: Space,
}

impl Identity {
    /// Makes the identity operator of `space`.
    pub fn new(space: Space) -> Self {
        Self { space }
    }

    fn copy(&self, method: &str, from: View<'_>, to: ViewMut<'_>) -> Result<()> {
        let from = self.space.slice(method, "image", &from)?;
        self.space.slice_mut(method, "result", to)?.copy_from_slice(from);
        Ok(())
    }
}

impl ForwardOperator for Identity {
    fn name(&self) -> &str {
        "identity"
    }

    fn domain(&self) -> &Space {
        &self.space
    }

    fn range(&self) -> &Space {
        &self.space
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.copy("identity: forward", x, y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.copy("identity: adjoint", y, x)
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        self.copy("identity: normal", x, out)
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        Some(self)
    }
}

/// The identity has `(I + rho I)^-1 b = b / (1 + rho)`.
impl RegularisedInverse for Identity {
    fn solve(&self, rho: f32, b: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        if !(rho.is_finite() && rho > 0.0) {
            return Err(Error::parameter("identity: regularised inverse", "rho", "a positive number", rho));
        }
        self.copy("identity: regularised inverse", b, x.view_mut())?;
        x.mapv_inplace(|value| value / (1.0 + rho));
        Ok(())
    }
}

/// `A^H`: forward and adjoint change places.
pub struct AdjointOperator {
    inner: Arc<dyn ForwardOperator>,
    name: String,
}

impl AdjointOperator {
    /// The adjoint of an operator.
    pub fn new(inner: Arc<dyn ForwardOperator>) -> Self {
        let name = format!("{}^H", inner.name());
        Self { inner, name }
    }
}

impl ForwardOperator for AdjointOperator {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.inner.range()
    }

    fn range(&self) -> &Space {
        self.inner.domain()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.inner.adjoint(x, y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.inner.forward(y, x)
    }
}

/// `s A` for a real `s`.
pub struct Scaled {
    inner: Arc<dyn ForwardOperator>,
    scale: f32,
    name: String,
}

impl Scaled {
    /// The operator `inner` times a number.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `scale` is not finite.
    pub fn new(scale: f32, inner: Arc<dyn ForwardOperator>) -> Result<Self> {
        if !scale.is_finite() {
            return Err(Error::parameter("scaled operator", "scale", "a finite number", scale));
        }
        let name = format!("{scale} * {}", inner.name());
        Ok(Self { inner, scale, name })
    }
}

impl ForwardOperator for Scaled {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.inner.domain()
    }

    fn range(&self) -> &Space {
        self.inner.range()
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        self.inner.forward(x, y.view_mut())?;
        y.mapv_inplace(|value| value * self.scale);
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        self.inner.adjoint(y, x.view_mut())?;
        x.mapv_inplace(|value| value * self.scale);
        Ok(())
    }

    fn normal(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
        self.inner.normal(x, out.view_mut())?;
        out.mapv_inplace(|value| value * (self.scale * self.scale));
        Ok(())
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        self.inner.data_weights()
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        self.inner.regularised_inverse().filter(|_| self.scale != 0.0).map(|_| self as &dyn RegularisedInverse)
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        self.inner.preconditioner().filter(|_| self.scale != 0.0).map(|_| self as &dyn Preconditioner)
    }
}

/// `(s^2 N + rho)^-1 = (N + rho / s^2)^-1 / s^2` with the inner operator's normal `N`.
impl RegularisedInverse for Scaled {
    fn solve(&self, rho: f32, b: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        let Some(inner) = self.inner.regularised_inverse() else {
            return Err(Error::incompatible(&self.name, "an operator with a regularised inverse", self.inner.name()));
        };
        let square = self.scale * self.scale;
        inner.solve(rho / square, b, x.view_mut())?;
        x.mapv_inplace(|value| value / square);
        Ok(())
    }
}

/// A multiple is preconditioned as its inner operator is, with `rho` divided by the square of the scale.
impl Preconditioner for Scaled {
    fn apply(&self, rho: f32, r: View<'_>, mut z: ViewMut<'_>) -> Result<()> {
        let Some(inner) = self.inner.preconditioner() else {
            return Err(Error::incompatible(&self.name, "an operator with a preconditioner", self.inner.name()));
        };
        let square = self.scale * self.scale;
        inner.apply(rho / square, r, z.view_mut())?;
        z.mapv_inplace(|value| value / square);
        Ok(())
    }

    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        let Some(inner) = self.inner.preconditioner() else { return Ok(None) };
        let square = self.scale * self.scale;
        Ok(inner.symbol()?.map(|symbol| symbol * square))
    }
}
