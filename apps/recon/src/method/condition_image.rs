//! The image that a conditional prior is shown beside the noisy one.

use std::fmt;
use std::str::FromStr;

use diph_core::{CgSettings, ConjugateGradient, Error, Problem, Result, StopReason};
use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BUILT_IN, Method};

/// What a conditional prior is shown beside the noisy image: a quick reconstruction, by its name `adjoint` or `cg-10`, or
/// the result of another method: a built-in one by its name, such as `unet`, any other one as the whole content of its file.
///
/// ```
/// use diph_recon::ConditionImage;
/// let condition: ConditionImage = "cg-10".parse()?;
/// assert_eq!(condition, ConditionImage::ConjugateGradient { steps: 10 });
/// assert_eq!(condition.to_string(), "cg-10");
/// let ConditionImage::Method(method) = "mmse".parse()? else { panic!("a method") };
/// assert_eq!(method.name, "mmse");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum ConditionImage {
    /// `A^H W y` with density compensation W, at the scale that explains the (weighted) data best.
    Adjoint,
    /// Conjugate gradients on `A^H A x = A^H y` from zero, without density compensation: the noise is white, so that these
    /// are the weights of its likelihood. Few steps regularise.
    ConjugateGradient {
        /// Number of steps.
        steps: usize,
    },
    /// The TSMI that another method finds; where that method's maps come from an estimator, the signal of those maps.
    Method(Box<Method>),
}

impl ConditionImage {
    /// Whether the image is made from data that are weighted with the density compensation.
    pub fn is_density_compensated(&self) -> bool {
        *self == Self::Adjoint
    }

    /// Computes the image `(coefficient, [z,] y, x)` of a measurement, in the units of the problem, whose operator has the weights
    /// that [`is_density_compensated`](Self::is_density_compensated) tells.
    ///
    /// # Errors
    /// Those of the operator, of steps that break down, and [`Error::Incompatible`] for the image of another method, which
    /// needs the parts of that method: see [`Parts::condition`](crate::reconstruction::Parts::condition).
    pub fn compute(&self, problem: &Problem) -> Result<ArrayD<Complex32>> {
        // The first step of conjugate gradients from zero is the right-hand side at its best scale.
        let steps = match self {
            Self::Adjoint => 1,
            Self::ConjugateGradient { steps } => *steps,
            Self::Method(method) => {
                let got = format!("the method `{}`", method.name);
                return Err(Error::incompatible("condition image", "`adjoint` or `cg-N`", got));
            }
        };
        let outcome = ConjugateGradient {
            operator: problem.operator(),
            damping: 0.0,
            right_hand_side: problem.adjoint(),
            warm_start: None,
            // Plain steps, whatever the operator offers: their number says how far the image is from the adjoint.
            settings: CgSettings {
                max_iterations: steps,
                relative_tolerance: 0.0,
                preconditioned: Some(false),
                ..CgSettings::default()
            },
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
            Self::Method(method) => formatter.write_str(&method.name),
        }
    }
}

impl FromStr for ConditionImage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "adjoint" {
            return Ok(Self::Adjoint);
        }
        if let Some(steps @ 1..=1000) = text.strip_prefix("cg-").and_then(|steps| steps.parse().ok()) {
            return Ok(Self::ConjugateGradient { steps });
        }
        match BUILT_IN.iter().find(|(name, _)| *name == text) {
            Some(_) => {
                let mut method = Method::read(text, &[]).map_err(|error| error.to_string())?;
                // Of a condition the image counts, not how sure its maps are.
                method.calibration = None;
                Ok(Self::Method(method.into()))
            }
            None => Err(format!(
                "expected `adjoint`, `cg-N` with N from 1 to 1000 or the name of a built-in method, got `{text}`"
            )),
        }
    }
}

/// As text, or a whole method.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Method(Box<Method>),
}

impl<'de> Deserialize<'de> for ConditionImage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Name(name) => name.parse().map_err(serde::de::Error::custom),
            Written::Method(method) => Ok(Self::Method(method)),
        }
    }
}

impl Serialize for ConditionImage {
    /// A method is written out as a whole, so that what was run stands there even when built-in methods change.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Method(method) => method.serialize(serializer),
            name => serializer.collect_str(name),
        }
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
        let [few, many] = ["cg-3", "cg-60"].map(|name| error(name.parse().unwrap()));
        assert!(many < 0.02, "{many}");
        assert!(many < few && few < 0.7 && error(ConditionImage::Adjoint) < 0.7);
    }

    #[test]
    fn names() {
        for name in ["adjoint", "cg-1", "cg-1000"] {
            let condition: ConditionImage = serde_json::from_value(name.into()).unwrap();
            assert_eq!(serde_json::to_value(condition).unwrap(), name);
        }
        for name in ["", "cg", "cg-0", "cg-1001", "cg--1", "no-such-method"] {
            assert!(name.parse::<ConditionImage>().unwrap_err().contains("expected `adjoint`, `cg-N`"));
        }
    }

    /// A method stands in a configuration as a whole, so that its settings can be changed there.
    #[test]
    fn methods_are_written_out() {
        let condition: ConditionImage = serde_json::from_value("mmse".into()).unwrap();
        let mut written = serde_json::to_value(&condition).unwrap();
        assert_eq!(serde_json::from_value::<ConditionImage>(written.clone()).unwrap(), condition);
        written["solver"]["posterior-mean"]["iterations"] = 3.into();
        let ConditionImage::Method(changed) = serde_json::from_value(written).unwrap() else { panic!("a method") };
        assert_eq!(changed.solver.facts().iterations, 3);
    }
}
