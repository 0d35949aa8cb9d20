//! Linear-operator algebra: operators made of operators.
//!
//! Spaces are compared when operators are put together, and the `normal` of the parts is used wherever mathematics
//! allows it, so that a Toeplitz embedding survives composition. A regularised inverse and a preconditioner survive scaling;
//! neither that of a sum nor that of a product follows from those of the parts.

mod combined;
mod modified;

pub use combined::{Composed, Stacked, Sum};
pub use modified::{AdjointOperator, Identity, Scaled};

#[cfg(test)]
pub(crate) mod test_operators;

#[cfg(test)]
mod tests;
