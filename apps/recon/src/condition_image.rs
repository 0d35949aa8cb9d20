//! The image that a conditional prior is shown beside the noisy one.

use std::fmt;
use std::str::FromStr;

use diph_core::{CgSettings, ConjugateGradient, Error, Problem, Result, StopReason};
use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// What a conditional prior is shown beside the noisy image: a quick reconstruction, by its name `adjoint` or `cg-10`.
///
/// ```
/// use diph_recon::ConditionImage;
/// let condition: ConditionImage = "cg-10".parse()?;
/// assert_eq!(condition, ConditionImage::ConjugateGradient { steps: 10 });
/// assert_eq!(condition.to_string(), "cg-10");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConditionImage {
    /// `A^H W y` with density compensation W, at the scale that explains the (weighted) data best.
    Adjoint,
    /// Conjugate gradients on `A^H A x = A^H y` from zero, without density compensation: the noise is white, so that these
    /// are the weights of its likelihood. Few steps regularise.
    ConjugateGradient {
        /// Number of steps.
        steps: usize,
    },
}

impl ConditionImage {
    /// Whether the image is made from data that are weighted with the density compensation.
    pub fn is_density_compensated(self) -> bool {
        self == Self::Adjoint
    }

    /// Computes the image `(coefficient, [z,] y, x)` of a measurement, in the units of the problem, whose operator has the weights
    /// that [`is_density_compensated`](Self::is_density_compensated) tells.
    ///
    /// # Errors
    /// Those of the operator, and of steps that break down.
    pub fn compute(self, problem: &Problem) -> Result<ArrayD<Complex32>> {
        // The first step of conjugate gradients from zero is the right-hand side at its best scale.
        let steps = match self {
            Self::Adjoint => 1,
            Self::ConjugateGradient { steps } => steps,
        };
        let outcome = ConjugateGradient {
            operator: problem.operator(),
            damping: 0.0,
            right_hand_side: problem.adjoint(),
            warm_start: None,
            settings: CgSettings { max_iterations: steps, relative_tolerance: 0.0, ..CgSettings::default() },
        }
        .solve()?;
        match outcome.stop {
            StopReason::Breakdown(reason) => {
                Err(Error::external("condition image", format!("{self}: conjugate gradients broke down ({reason:?})")))
            }
            _ => Ok(outcome.state.solution),
        }
    }
}

impl fmt::Display for ConditionImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adjoint => formatter.write_str("adjoint"),
            Self::ConjugateGradient { steps } => write!(formatter, "cg-{steps}"),
        }
    }
}

impl FromStr for ConditionImage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps = text.strip_prefix("cg-").and_then(|steps| steps.parse().ok());
        match (text, steps) {
            ("adjoint", _) => Ok(Self::Adjoint),
            (_, Some(steps @ 1..=1000)) => Ok(Self::ConjugateGradient { steps }),
            _ => Err(format!("expected `adjoint` or `cg-N` with N from 1 to 1000, got `{text}`")),
        }
    }
}

impl TryFrom<String> for ConditionImage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ConditionImage> for String {
    fn from(condition: ConditionImage) -> Self {
        condition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diph_core::ForwardOperator;
    use diph_nufft::{MrfOperator, MrfOptions, Trajectory, density};
    use ndarray::Array2;

    use super::*;

    /// A fully sampled measurement: enough steps find the image.
    #[test]
    fn many_steps_invert_a_full_measurement() {
        let trajectory = Trajectory::golden_angle_radial(30, 24).unwrap();
        let basis = Array2::from_shape_fn((30, 2), |(frame, k)| if k == 0 { 0.18 } else { 0.3 * (frame as f32).sin() });
        let mut options = MrfOptions::new(trajectory.clone(), basis, 12, 12);
        let plain: Arc<dyn ForwardOperator> = Arc::new(MrfOperator::new(options.clone()).unwrap());
        options.weights = Some(density::by_area(&trajectory));
        let weighted: Arc<dyn ForwardOperator> = Arc::new(MrfOperator::new(options).unwrap());
        let image = ArrayD::from_shape_fn(plain.domain().shape(), |place| {
            Complex32::new((place[1] * (11 - place[2])) as f32, place[0] as f32)
        });
        let mut samples = plain.range().zeros();
        plain.forward(image.view(), samples.view_mut()).unwrap();
        let error = |condition: ConditionImage| {
            let operator = if condition.is_density_compensated() { &weighted } else { &plain };
            let found = condition.compute(&Problem::unscaled(operator.clone(), samples.view()).unwrap()).unwrap();
            let norm = |image: &ArrayD<Complex32>| image.iter().map(|value| value.norm_sqr()).sum::<f32>().sqrt();
            norm(&(found - &image)) / norm(&image)
        };
        let (few, many) = ("cg-3".parse().unwrap(), "cg-60".parse().unwrap());
        assert!(error(many) < 0.02, "{}", error(many));
        assert!(error(many) < error(few) && error(few) < 0.7 && error(ConditionImage::Adjoint) < 0.7);
    }

    #[test]
    fn names() {
        for name in ["adjoint", "cg-1", "cg-1000"] {
            let condition: ConditionImage = serde_json::from_value(name.into()).unwrap();
            assert_eq!(serde_json::to_value(condition).unwrap(), name);
        }
        for name in ["", "cg", "cg-0", "cg-1001", "cg--1", "lsq"] {
            assert!(name.parse::<ConditionImage>().unwrap_err().contains("expected `adjoint` or `cg-N`"));
        }
    }
}
