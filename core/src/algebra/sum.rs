//! One operator plus another.

use std::sync::Arc;

use crate::{Error, ForwardOperator, Result, Space, View, ViewMut};

/// `A + B` between the same spaces.
pub struct Sum {
    first: Arc<dyn ForwardOperator>,
    second: Arc<dyn ForwardOperator>,
    name: String,
}

impl Sum {
    /// `first + second`.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the operators map between different spaces, or one of them carries data weights:
    /// a sum of weighted operators has no weights of its own.
    pub fn new(first: Arc<dyn ForwardOperator>, second: Arc<dyn ForwardOperator>) -> Result<Self> {
        let name = format!("({} + {})", first.name(), second.name());
        if (first.domain(), first.range()) != (second.domain(), second.range()) {
            return Err(Error::incompatible(
                format!("{name}: sum"),
                format!("{} -> {}", first.domain(), first.range()),
                format!("{} -> {}", second.domain(), second.range()),
            ));
        }
        for operator in [&first, &second] {
            if operator.data_weights()?.is_some() {
                return Err(Error::incompatible(
                    format!("{name}: sum"),
                    "operators without data weights",
                    format!("{} with weights", operator.name()),
                ));
            }
        }
        Ok(Self { first, second, name })
    }
}

impl ForwardOperator for Sum {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.first.domain()
    }

    fn range(&self) -> &Space {
        self.first.range()
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        let mut other = self.range().zeros();
        self.first.forward(x.view(), y.view_mut())?;
        self.second.forward(x, other.view_mut())?;
        y += &other;
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        let mut other = self.domain().zeros();
        self.first.adjoint(y.view(), x.view_mut())?;
        self.second.adjoint(y, other.view_mut())?;
        x += &other;
        Ok(())
    }
}
