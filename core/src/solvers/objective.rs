//! The objective that convex solvers minimise.

use crate::{Error, Prior, Problem, Result, View, vector};

/// `1/2 ||A x - y||^2 + lambda R(x)`.
///
/// # Errors
/// [`Error::Parameter`] when the prior has no penalty R, and whatever operator and prior report.
pub fn objective(problem: &Problem, prior: &dyn Prior, lambda: f32, x: View<'_>) -> Result<f64> {
    let Some(penalty) = prior.penalty(x.view())? else {
        return Err(Error::parameter(
            "objective",
            "prior",
            "a prior that is a proximal map of a penalty",
            prior.name(),
        ));
    };
    let mut predicted = problem.operator().range().zeros();
    problem.operator().forward(x, predicted.view_mut())?;
    predicted -= problem.samples();
    let misfit = vector::norm_sqr(predicted.as_slice().unwrap_or_default());
    Ok(0.5 * misfit + f64::from(lambda) * penalty)
}
