//! One forward pass of a network.

use diph_network::{ForwardMode, Tensor, UNet};
use ndarray::{ArrayD, Ix1, Ix4};

use crate::relative_error::relative_error_real;
use crate::{Comparison, Reference, Stage};
use diph_recon::{Blame, ReconError};

/// Single precision in another order; fast convolutions (Winograd) round more often.
const TOLERANCE: f64 = 4e-6;

/// One forward pass of a network with the Python code's weights.
pub struct Network {
    /// Name of the network.
    pub name: &'static str,
}

impl Network {
    fn pair(&self) -> String {
        format!("unet_pair_{}.npz", self.name)
    }
}

impl Stage for Network {
    fn name(&self) -> String {
        format!("network, {}", self.name)
    }

    fn files(&self) -> Vec<String> {
        vec!["meta.json".into(), Reference::checkpoint_file(self.name), self.pair()]
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let (folder, pair) = (&reference.folder, self.pair());
        let checkpoint = reference.checkpoint(&folder.meta()?, self.name)?;
        let unet = UNet::new(&checkpoint.config.unet, &checkpoint.parameters).step("building the network")?;
        let input = |key| tensor(folder.array::<f32, Ix4>(&pair, key, "(batch, channel, y, x)")?.into_dyn());
        let condition = if unet.config().conditional { Some(input("low_res")?) } else { None };
        let times = folder.array::<f32, Ix1>(&pair, "t", "(batch)")?.to_vec();
        let theirs = folder.array::<f32, Ix4>(&pair, "y", "(batch, channel, y, x)")?;

        let x = input("x")?;
        let output = unet.forward(&x, &times, condition.as_ref(), &mut ForwardMode::Inference);
        let output = output.file(&folder.path(&pair)?)?;
        folder.check_shape(&pair, "y", output.shape(), theirs.shape())?;
        let error = relative_error_real(&theirs, output.values());
        Ok(vec![Comparison::error(format!("output at t = {times:?}"), error, TOLERANCE)])
    }
}

/// An array for a network.
pub fn tensor(array: ArrayD<f32>) -> Result<Tensor, ReconError> {
    let shape = array.shape().to_vec();
    Tensor::new(shape, array.into_iter().collect()).step("preparing the network's input")
}
