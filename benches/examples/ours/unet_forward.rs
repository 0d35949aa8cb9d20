//! A forward pass of the network.

use std::path::Path;

use diph_diffusion::{Checkpoint, ModelConfig};
use diph_formats::NpzWriter;
use diph_network::{ForwardMode, Precision, Tensor, UNet, WeightFormat};
use ndarray::{ArrayView, aview0};
use serde::Deserialize;

use crate::{Result, Work, weights};

pub const TIMESTEP: f32 = 150.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    model: ModelConfig,
    precision: Precision,
}

pub struct Forward {
    network: UNet,
    x: Tensor,
    y: Option<Tensor>,
}

impl Forward {
    /// Writes the checkpoint `weights.safetensors`, and `x` (1, channel, y, x) with its `timestep`.
    pub fn new(folder: &Path, Options { model, precision }: Options) -> Result<Self> {
        let parameters = weights::random(&model.unet)?;
        let network = UNet::with_precision(&model.unet, &parameters, precision)?;
        let x = weights::random_image(&model.unet, model.unet.image_channels(), 2)?;
        let problem = NpzWriter::new().with("timestep", aview0(&TIMESTEP));
        write_image(problem, "x", &x)?.write(folder.join("problem.npz"))?;
        let checkpoint = Checkpoint { config: model, parameters, notes: Default::default() };
        checkpoint.write(folder.join("weights.safetensors"), WeightFormat::F32)?;
        Ok(Self { network, x, y: None })
    }
}

impl Work for Forward {
    fn run(&mut self) -> Result {
        self.y = Some(self.network.forward(&self.x, &[TIMESTEP], None, &mut ForwardMode::Inference)?);
        Ok(())
    }

    fn write(&self, path: &Path) -> Result {
        let y = self.y.as_ref().ok_or("nothing has run yet")?;
        Ok(write_image(NpzWriter::new(), "y", y)?.write(path)?)
    }
}

/// Adds an image under a name.
pub fn write_image(archive: NpzWriter, key: &str, image: &Tensor) -> Result<NpzWriter> {
    Ok(archive.with(key, ArrayView::from_shape(image.shape(), image.values())?))
}
