//! The measurement: forward and adjoint.

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::relative_error::relative_error;
use crate::{Comparison, Reference, Stage};
use diph_recon::{Blame, ReconError};

const FILE: &str = "nufft_pair.npz";
/// Against the direct sum: below the accuracy of 1e-4 that the transform is planned for.
const EXACT: f64 = 7e-5;
/// Against the Python code, whose own transform is 5e-4 to 7e-4 away from the direct sum.
const PYTHON: f64 = 1e-3;

/// Forward and density-compensated adjoint of the operator plugin, against the Python code and the direct sum.
pub struct Nufft;

impl Stage for Nufft {
    fn name(&self) -> String {
        "nufft".into()
    }

    fn files(&self) -> Vec<String> {
        [FILE, Reference::KSPACE].into_iter().chain(Reference::ACQUISITION).map(String::from).collect()
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let x = reference.folder.image(FILE, "x")?;
        let acquisition = reference.acquisition(x.shape())?;
        let operator = reference.operator(&acquisition, false)?;
        let mut kspace = operator.range().zeros();
        operator.forward(x.view(), kspace.view_mut()).step("forward")?;

        // The weighted operator has one square root of the weights, the data get the other.
        let weighted = reference.operator(&acquisition, true)?;
        let mut samples = reference.samples(&*weighted)?;
        if let Some(weights) = weighted.data_weights().step("data weights")? {
            samples.zip_mut_with(&weights, |sample, weight| *sample *= *weight);
        }
        let mut image = weighted.domain().zeros();
        weighted.adjoint(samples.view(), image.view_mut()).step("adjoint")?;

        let compare = |name, key, ours: &ArrayD<Complex32>, tolerance| -> Result<Comparison, ReconError> {
            let theirs = reference.folder.complex(FILE, key, ours.shape())?;
            Ok(Comparison::error(name, relative_error(&theirs, ours), tolerance))
        };
        Ok(vec![
            compare("forward", "forward", &kspace, PYTHON)?,
            compare("forward, direct sum", "forward_exact", &kspace, EXACT)?,
            compare("adjoint", "adjoint_of_y", &image, PYTHON)?,
            compare("adjoint, direct sum", "adjoint_exact", &image, EXACT)?,
        ])
    }
}
