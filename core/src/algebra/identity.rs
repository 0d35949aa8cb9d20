//! The operator that changes nothing.

use crate::{Error, ForwardOperator, RegularisedInverse, Result, Space, View, ViewMut};

/// `I` on a space.
pub struct Identity {
    space: Space,
}

impl Identity {
    /// The identity of `space`.
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

/// `b / (1 + rho)`.
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
