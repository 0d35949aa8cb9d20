//! The data step.

use diph_core::ConjugateGradient;
use num_complex::Complex32;

use crate::recorded_run::CG;
use crate::relative_error::relative_error;
use crate::{Comparison, Reference, Stage};
use diph_recon::{Blame, ReconError};

const FILE: &str = "prox_pair.npz";
/// Both normal operators differ by the accuracy of the Python code's transform.
const TOLERANCE: f64 = 5e-5;

/// `argmin ||A z - y||^2_W + rho ||z - x||^2` by five steps of conjugate gradients from zero.
pub struct ConjugateGradients;

impl Stage for ConjugateGradients {
    fn name(&self) -> String {
        "conjugate gradients".into()
    }

    fn files(&self) -> Vec<String> {
        [FILE].into_iter().chain(Reference::ACQUISITION).map(String::from).collect()
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let folder = &reference.folder;
        let x = folder.image(FILE, "x")?;
        let operator = reference.operator(&reference.acquisition(x.shape())?, true)?;
        let damping = folder.number(FILE, "rho")? as f32;
        let mut right_hand_side = folder.complex(FILE, "AHy", x.shape())?;
        right_hand_side.scaled_add(Complex32::from(damping), &x);
        let outcome = ConjugateGradient {
            operator: &*operator,
            damping,
            right_hand_side: &right_hand_side,
            warm_start: None,
            settings: CG,
        }
        .solve()
        .step("conjugate gradients")?;
        let theirs = folder.complex(FILE, "prox", x.shape())?;
        let error = relative_error(&theirs, &outcome.state.solution);
        Ok(vec![Comparison::error(format!("solution after {} steps", outcome.iterations), error, TOLERANCE)])
    }
}
