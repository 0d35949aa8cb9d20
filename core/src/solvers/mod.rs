//! Solvers: each an [`Iteration`](crate::Iteration) with its state.

mod cg_settings;
mod cg_state;
mod conjugate_gradient;
mod fista;
mod fista_settings;
mod fista_state;
mod intensity;
mod objective;
mod operator_norm;
mod problem;
mod proximal_splitting;
mod renoising;
mod solution;
mod splitting_settings;
mod splitting_state;

pub use cg_settings::CgSettings;
pub use cg_state::CgState;
pub use conjugate_gradient::ConjugateGradient;
pub use fista::Fista;
pub use fista_settings::FistaSettings;
pub use fista_state::FistaState;
pub use intensity::estimate_intensity;
pub use objective::objective;
pub use operator_norm::{OperatorNorm, PowerState};
pub use problem::Problem;
pub use proximal_splitting::ProximalSplitting;
pub use renoising::Renoising;
pub use solution::Solution;
pub use splitting_settings::SplittingSettings;
pub use splitting_state::SplittingState;

#[cfg(test)]
mod tests;
