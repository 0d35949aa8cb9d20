//! Linear-operator algebra: operators made of operators.
//!
//! Spaces are compared when operators are put together, and the `normal` of the parts is used wherever mathematics
//! allows it, so that a Toeplitz embedding survives composition. A regularised inverse and a preconditioner survive scaling;
//! neither that of a sum nor that of a product follows from those of the parts.

mod adjoint_operator;
mod composed;
mod identity;
mod scaled;
mod stacked;
mod sum;

pub use adjoint_operator::AdjointOperator;
pub use composed::Composed;
pub use identity::Identity;
pub use scaled::Scaled;
pub use stacked::Stacked;
pub use sum::Sum;

#[cfg(test)]
pub(crate) mod test_operators;

#[cfg(test)]
mod tests;
