//! Conformance kit: the laws that operators, priors, projectors and estimators must obey, whoever wrote them.
//!
//! [`check_operator`], [`check_prior`] ([`check_conditional_prior`]) [`check_projector`] and [`check_estimator`] run every law on random input and give a [`Report`], one
//! [`Check`] per law with what was measured and what is allowed; nothing panics, so that it serves unit tests and
//! `diph plugin check` alike. [`dense_matrix`] writes an operator out as a matrix, to be compared with a formula.
//!
//! ```
//! use diph_core::{ForwardOperator, ImageShape, Result, Space, View, ViewMut};
//!
//! struct Half(Space);
//!
//! impl ForwardOperator for Half {
//!     fn name(&self) -> &str { "half" }
//!     fn domain(&self) -> &Space { &self.0 }
//!     fn range(&self) -> &Space { &self.0 }
//!     fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
//!         self.0.check("half: forward", "image", x.shape())?;
//!         y.assign(&x);
//!         y.mapv_inplace(|value| value * 0.5);
//!         Ok(())
//!     }
//!     fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> { self.forward(y, x) }
//! }
//!
//! let report = diph_test_kit::check_operator(&Half(Space::image(1, &ImageShape::plane(4, 5))), 7);
//! assert!(report.passed(), "{report}");
//! ```

mod check;
mod dense;
mod estimator;
mod guarded;
mod laws;
mod limits;
mod operator;
mod prior;
mod projector;
mod random;
mod report;
mod same;

pub use check::Check;
pub use dense::{dense_difference, dense_matrix};
pub use estimator::{check_estimator, watch_estimator};
pub use laws::{Unwatched, Watch};
pub use limits::Limits;
pub use operator::{check_operator, watch_operator};
pub use prior::{check_conditional_prior, check_prior, watch_prior};
pub use projector::{check_projector, watch_projector};
pub use report::Report;
