//! How a network's input and output become a denoiser.

use crate::{Error, Result};

/// What a network is told as time where it is told the noise level: EDM's `ln(sigma) / 4`, brought to the range 0..1000 that the
/// timestep embedding resolves.
pub(crate) fn noise_time(sigma: f64) -> f64 {
    250.0 * sigma.ln()
}

/// `x_0 = skip * y + output * F(input * y, time)` for the noisy image `y = x_0 + sigma n` (Karras et al. 2022, table 1).
///
/// Predicting the noise, the image or v are special cases, so that one denoiser and one loss serve all.
#[derive(Clone, Debug, PartialEq)]
pub struct Preconditioning {
    /// One for all coefficients, or one for each.
    pub coefficients: Vec<CoefficientPreconditioning>,
    /// What the network is told as time.
    pub time: f64,
}

impl Preconditioning {
    /// The preconditioning of each real channel of an image: re_0, im_0, re_1, im_1, ...
    ///
    /// # Errors
    /// When there is one for each coefficient and the image has another number of them.
    pub fn channels(&self, channels: usize) -> Result<Vec<CoefficientPreconditioning>> {
        match self.coefficients.as_slice() {
            [all] => Ok(vec![*all; channels]),
            each if 2 * each.len() == channels => Ok(each.iter().flat_map(|one| [*one, *one]).collect()),
            each => {
                let expected = format!("one for each coefficient of an image of {channels} channels");
                Err(Error::setting("preconditioning", expected, each.len()))
            }
        }
    }
}

/// `x_0 = skip * y + output * F(input * y, time)`, for one complex coefficient or for all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoefficientPreconditioning {
    /// Scale of the network's input.
    pub input: f64,
    /// Weight of the noisy image.
    pub skip: f64,
    /// Scale of the network's output.
    pub output: f64,
}
