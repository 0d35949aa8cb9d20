//! One operator after another.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::{Error, ForwardOperator, Result, Space, View, ViewMut};

/// `A B`: `B` first, then `A`, in mathematical order.
pub struct Composed {
    outer: Arc<dyn ForwardOperator>,
    inner: Arc<dyn ForwardOperator>,
    name: String,
}

impl Composed {
    /// `outer * inner`.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when `inner` ends in another space than `outer` starts from.
    pub fn new(outer: Arc<dyn ForwardOperator>, inner: Arc<dyn ForwardOperator>) -> Result<Self> {
        let name = format!("({} * {})", outer.name(), inner.name());
        if outer.domain() != inner.range() {
            return Err(Error::incompatible(
                format!("{name}: composition"),
                format!("range of {} to be {}", inner.name(), outer.domain()),
                inner.range(),
            ));
        }
        Ok(Self { outer, inner, name })
    }
}

impl ForwardOperator for Composed {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.inner.domain()
    }

    fn range(&self) -> &Space {
        self.outer.range()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        self.inner.forward(x, between.view_mut())?;
        self.outer.forward(between.view(), y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        self.outer.adjoint(y, between.view_mut())?;
        self.inner.adjoint(between.view(), x)
    }

    /// `B^H (A^H A) B`, so that a fast normal of the outer operator is used.
    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        let mut normal = self.inner.range().zeros();
        self.inner.forward(x, between.view_mut())?;
        self.outer.normal(between.view(), normal.view_mut())?;
        self.inner.adjoint(normal.view(), out)
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        self.outer.data_weights()
    }
}
