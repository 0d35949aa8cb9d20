//! `A^H` as an operator of its own.

use std::sync::Arc;

use crate::{ForwardOperator, Result, Space, View, ViewMut};

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
