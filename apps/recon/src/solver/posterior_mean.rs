//! The posterior mean of a Gaussian prior as methods name it.

use diph_core::{Error, ImageShape, Result, Rng, Solution, StopReason, View};
use diph_gaussian::{GaussianModel, MmseSettings};
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;

use super::{Draw, PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch};

/// Vectors of conjugate gradients, what the whitened operator makes on the way, matrices of prior and preconditioner
/// (as five images each), and the result.
const IMAGES: usize = 26;

/// The only state that is shown: the estimate itself, or the sample.
struct Estimate(ArrayD<Complex32>);

impl Solution for Estimate {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.0
    }

    fn relative_change(&self) -> f32 {
        1.0
    }
}

/// Its steps work on white images, which show nothing, so that the run is watched once, at its end.
impl Solve for MmseSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "posterior-mean", iterations: self.iterations, prior: PriorUse::Needed, images: IMAGES }
    }

    fn draws_samples(&self) -> bool {
        true
    }

    fn knows_mean(&self) -> bool {
        true
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn response(&self, inputs: &SolverInputs<'_>, image: View<'_>, noise: Option<f32>) -> Result<ArrayD<Complex32>> {
        let settings = Self { sigma: noise.or(self.sigma), ..*self };
        model(self, inputs)?.response(inputs.problem.samples().view(), image, settings)
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let model = model(self, inputs)?;
        let samples = inputs.problem.samples().view();
        let noise = model.noise(samples.view(), *self)?;
        let settings = Self { sigma: Some(noise), ..*self };
        let (image, iterations, is_converged) = match inputs.draw {
            Draw::Estimate => {
                let found = model.mmse(samples, settings)?;
                (found.image, found.iterations, found.residual < self.tolerance)
            }
            Draw::Sample => {
                let mut rng = Rng::seed_from_u64(inputs.seed);
                (model.mmse_sample(samples, settings, &mut rng)?, self.iterations, false)
            }
        };
        let last = Estimate(image);
        let stop = match (watch(iterations, self.iterations, &last)?.is_break(), is_converged) {
            (true, _) => StopReason::Cancelled,
            (false, true) => StopReason::Converged,
            (false, false) => StopReason::MaxIterations,
        };
        Ok(Solved { last: Box::new(last), iterations, stop, noise: Some(noise) })
    }
}

/// Prior and acquisition together.
fn model<'a>(settings: &MmseSettings, inputs: &SolverInputs<'a>) -> Result<GaussianModel<'a>> {
    let (operator, prior) = (inputs.problem.operator(), inputs.prior(settings)?);
    let name = settings.facts().name;
    let (coefficients, image) = ImageShape::split(name, &operator.domain().shape())?;
    if image.is_volume() {
        let expected =
            "an image of a plane, whose spectrum the prior knows; take another method, such as `lrtv`, for a volume";
        return Err(Error::incompatible(name, expected, format!("an image of {image}")));
    }
    let expected = "a stationary Gaussian prior, such as `diph.gaussian`";
    let root = prior.gaussian_root(coefficients, &image)?;
    let root = root.ok_or_else(|| Error::parameter(name, "prior", expected, prior.name()))?;
    GaussianModel::new(operator, &root)
}
