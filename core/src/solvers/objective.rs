//! The objective that convex solvers minimise.

use std::collections::BTreeMap;

use rand::SeedableRng;

use crate::{Error, Prior, PriorContext, Problem, Result, Rng, View};

/// `1/2 ||A x - y||^2 + lambda R(x)` of any image. A solver whose state knows R tells it at the price of one application of
/// the operator: [`Fista::objective`](super::Fista::objective), [`Admm::objective`](super::Admm::objective).
///
/// # Errors
/// [`Error::Parameter`] when the prior is no proximal map of a penalty R, and whatever operator and prior report.
pub fn objective(problem: &Problem, prior: &dyn Prior, lambda: f32, x: View<'_>) -> Result<f64> {
    let mut rng = Rng::seed_from_u64(0);
    let mut context = PriorContext { schedule: None, conditions: &BTreeMap::new(), rng: &mut rng };
    // At noise level 0 the proximal map is the identity, so that the penalty is that of x itself.
    let mut same = x.to_owned();
    let Some(penalty) = prior.denoise(x.view(), 0.0, same.view_mut(), &mut context)? else {
        return Err(Error::parameter(
            "objective",
            "prior",
            "a prior that is a proximal map of a penalty",
            prior.name(),
        ));
    };
    Ok(problem.misfit(x)? + f64::from(lambda) * penalty)
}
