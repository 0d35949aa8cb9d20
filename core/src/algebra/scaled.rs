//! An operator times a number.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::{Error, ForwardOperator, Result, Space, View, ViewMut};

/// `s A` for a real `s`.
pub struct Scaled {
    inner: Arc<dyn ForwardOperator>,
    scale: f32,
    name: String,
}

impl Scaled {
    /// `scale * inner`.
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
}
