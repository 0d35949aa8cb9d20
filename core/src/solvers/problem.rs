//! What solvers work on: operator and data, the image value that counts as 1, and the objective of convex solvers.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;

use super::ConjugateGradient;
use crate::{CgSettings, Error, ForwardOperator, Prior, PriorContext, Result, Rng, Scaled, View, vector};

/// `min 1/2 ||A x - y||^2` with the data weights and both scales already in `A` and `y`.
///
/// - The operator is divided by `sqrt(L)`, `L = ||A^H A||`, so that a regularisation weight means the same everywhere.
/// - The data are divided by the same and by an *intensity*, the image value that counts as 1, so that noise levels
///   and regularisation weights do not depend on the receiver's gain. A solution times the intensity is the image.
pub struct Problem {
    operator: Arc<dyn ForwardOperator>,
    samples: ArrayD<Complex32>,
    adjoint: ArrayD<Complex32>,
    intensity: f32,
}

impl Problem {
    /// Puts a measurement and its operator together as they are: the operator is not normalised, and 1 counts as 1. `samples` are
    /// the measured data without weights.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NotFinite`] for samples that cannot be used, and whatever the operator reports.
    pub fn unscaled(operator: Arc<dyn ForwardOperator>, samples: View<'_>) -> Result<Self> {
        let values = operator.range().slice("problem", "k-space", &samples)?;
        if let Some(index) = vector::first_not_finite(values) {
            return Err(Error::NotFinite { operation: "problem".into(), role: "k-space".into(), index });
        }
        let mut samples = samples.to_owned();
        if let Some(weights) = operator.data_weights()? {
            operator.range().check("problem", "data weights", weights.shape())?;
            samples.zip_mut_with(&weights, |value, weight| *value *= *weight);
        }
        let mut adjoint = operator.domain().zeros();
        operator.adjoint(samples.view(), adjoint.view_mut())?;
        Ok(Self { operator, samples, adjoint, intensity: 1.0 })
    }

    /// The same measurement with the operator divided by the square root of `operator_norm`, and with `intensity` as the unit of
    /// images. Takes no call of the operator.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a norm or an intensity that is not a positive number.
    pub fn scaled(mut self, operator_norm: f64, intensity: f32) -> Result<Self> {
        positive("operator norm", operator_norm)?;
        positive("intensity", intensity.into())?;
        let scale = (1.0 / operator_norm.sqrt()) as f32;
        let of_samples = scale / intensity;
        self.samples.mapv_inplace(|value| value * of_samples);
        self.adjoint.mapv_inplace(|value| value * (of_samples * scale));
        if scale != 1.0 {
            self.operator = Arc::new(Scaled::new(scale, self.operator)?);
        }
        self.intensity *= intensity;
        Ok(self)
    }

    /// Puts a measurement and its operator together.
    ///
    /// `operator_norm` is the `L` that the (weighted) operator is normalised with; 1 leaves it as it is. `samples` are
    /// the measured data without weights.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::NotFinite`] for samples that cannot be used, [`Error::Parameter`] for a norm or an
    /// intensity that is not a positive number, and whatever the operator reports.
    pub fn new(
        operator: Arc<dyn ForwardOperator>,
        operator_norm: f64,
        intensity: f32,
        samples: View<'_>,
    ) -> Result<Self> {
        Self::unscaled(operator, samples)?.scaled(operator_norm, intensity)
    }

    /// The operator, weighted and normalised.
    pub fn operator(&self) -> &dyn ForwardOperator {
        &*self.operator
    }

    /// The samples `y`, weighted and scaled.
    pub fn samples(&self) -> &ArrayD<Complex32> {
        &self.samples
    }

    /// The adjoint image `A^H y`, computed once when the problem was made.
    pub fn adjoint(&self) -> &ArrayD<Complex32> {
        &self.adjoint
    }

    /// `1/2 ||A x - y||^2`.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn misfit(&self, x: View<'_>) -> Result<f64> {
        let mut predicted = self.operator.range().zeros();
        self.operator.forward(x, predicted.view_mut())?;
        predicted -= &self.samples;
        Ok(0.5 * vector::norm_sqr(predicted.as_slice().unwrap_or_default()))
    }

    /// The image value that counts as 1.
    pub fn intensity(&self) -> f32 {
        self.intensity
    }
}

fn positive(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::parameter("problem", name, "a positive number", value))
}

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

/// Share of the pixels that lie below the intensity.
const PERCENTILE: f64 = 0.99;

impl Problem {
    /// Estimates the intensity from the measurement: the 99th percentile over pixels of the norm of the adjoint image at its best
    /// scale, in the units of this problem. The percentile rather than the maximum, because a few bright pixels of fat or flow
    /// would rule.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the measurement holds nothing but zeros, and whatever the operator reports.
    pub fn estimate_intensity(&self) -> Result<f32> {
        let settings = CgSettings { max_iterations: 1, preconditioned: Some(false), ..CgSettings::default() };
        let image = ConjugateGradient {
            operator: self.operator(),
            damping: 0.0,
            right_hand_side: self.adjoint(),
            warm_start: None,
            settings,
        }
        .solve()?
        .state
        .solution;
        let mut energies =
            image.map_axis(ndarray::Axis(0), |voxel| voxel.iter().map(|value| value.norm_sqr()).sum::<f32>());
        let energies = energies.as_slice_mut().unwrap_or_default();
        let index = (energies.len() as f64 * PERCENTILE) as usize;
        let intensity = match energies.len() {
            0 => 0.0,
            n => energies.select_nth_unstable_by(index.min(n - 1), f32::total_cmp).1.sqrt(),
        };
        if intensity.is_finite() && intensity > 0.0 {
            return Ok(intensity);
        }
        Err(Error::parameter(
            "intensity",
            "k-space",
            "a measurement with signal",
            format!("an image of intensity {intensity}"),
        ))
    }
}
