//! Solvers: each an [`Iteration`](crate::Iteration) with its settings and its state, over steps that they share.
//!
//! | solver | file | shared steps |
//! |---|---|---|
//! | [`LeastSquares`] | `least_squares.rs` | [`ConjugateGradient`] |
//! | [`Admm`] | `admm.rs` | data step, physics step |
//! | [`AnnealedSplitting`] | `annealed_splitting.rs` | data step, physics step, [`Renoising`] |
//! | [`Fista`] | `fista.rs` | none |

mod admm;
mod annealed_splitting;
mod conjugate_gradient;
mod fista;
mod least_squares;
mod operator_norm;
mod problem;
mod renoising;
mod solution;
mod splitting_steps;

pub use admm::{Admm, AdmmSettings, AdmmState};
pub use annealed_splitting::{AnnealedSettings, AnnealedSplitting, AnnealedState, DataSettings, PhysicsSettings};
pub use conjugate_gradient::{CgSettings, CgState, ConjugateGradient};
pub use fista::{Fista, FistaSettings, FistaState};
pub use least_squares::{LeastSquares, LeastSquaresSettings, LeastSquaresState};
pub use operator_norm::{OperatorNorm, PowerState};
pub use problem::{Problem, objective};
pub use renoising::Renoising;
pub use solution::Solution;
pub use splitting_steps::PhysicsState;

#[cfg(test)]
mod tests;
