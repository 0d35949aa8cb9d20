//! What users of a network need of it, whatever runs it.

use crate::{ForwardMode, Result, Tensor, UNet};

/// A trained network that maps images and timesteps to outputs.
pub trait Network: Send + Sync {
    /// The network's output, (batch, outputs, y, x).
    ///
    /// `x` is (batch, channel, y, x), `timesteps` one number for each image, `condition` an image of the shape of `x` for a
    /// conditional network.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) when a shape does not fit, or a condition is missing or not wanted;
    /// [`Error::Backend`](crate::Error::Backend) when the device fails that the network runs on.
    fn infer(&self, x: &Tensor, timesteps: &[f32], condition: Option<&Tensor>) -> Result<Tensor>;
}

/// On the processor, with the kernels of this crate.
impl Network for UNet {
    fn infer(&self, x: &Tensor, timesteps: &[f32], condition: Option<&Tensor>) -> Result<Tensor> {
        self.forward(x, timesteps, condition, &mut ForwardMode::Inference)
    }
}
