//! A training step of the network: forward, backward, AdamW.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Tensor, Var};
use diph_datasets::NpzWriter;
use diph_diffusion::{Checkpoint, ForwardMode, ModelConfig, Parameters, UNet, WeightFormat};
use ndarray::aview1;
use serde::Deserialize;

use crate::unet_forward::write_image;
use crate::{Result, Work, weights};

const TIMESTEP: f32 = 150.0;
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    model: ModelConfig,
    learning_rate: f64,
    weight_decay: f64,
}

/// One parameter with AdamW's moments.
struct Trained {
    variable: Var,
    first_moment: Tensor,
    second_moment: Tensor,
}

pub struct Training {
    network: UNet,
    trained: Vec<Trained>,
    learning_rate: f64,
    weight_decay: f64,
    x: Tensor,
    target: Tensor,
    losses: Vec<f32>,
}

impl Training {
    /// Writes the checkpoint `weights.safetensors`, and `x` and `target` (1, channel, y, x).
    pub fn new(folder: &Path, options: Options) -> Result<Self> {
        let Options { model, learning_rate, weight_decay } = options;
        let parameters = weights::random(&model.unet)?;
        let x = weights::random_image(&model.unet, model.unet.image_channels(), 2)?;
        let target = weights::random_image(&model.unet, model.unet.image_channels(), 3)?;
        let problem = NpzWriter::new().with("timestep", ndarray::aview0(&TIMESTEP));
        write_image(write_image(problem, "x", &x)?, "target", &target)?.write(folder.join("problem.npz"))?;
        let mut variables = BTreeMap::new();
        let mut trained = Vec::new();
        for (name, tensor) in parameters.tensors() {
            let variable = Var::from_tensor(tensor)?;
            variables.insert(name.clone(), variable.as_tensor().clone());
            let zeros = tensor.zeros_like()?;
            trained.push(Trained { variable, first_moment: zeros.clone(), second_moment: zeros });
        }
        let network = UNet::new(&model.unet, &Parameters::new(&model.unet, variables)?)?;
        let checkpoint = Checkpoint { config: model, parameters, notes: Default::default() };
        checkpoint.write(folder.join("weights.safetensors"), WeightFormat::F32)?;
        Ok(Self { network, trained, learning_rate, weight_decay, x, target, losses: Vec::new() })
    }
}

impl Work for Training {
    fn run(&mut self) -> Result {
        let output = self.network.forward(&self.x, &[TIMESTEP], None, &mut ForwardMode::Inference)?;
        let loss = (output - &self.target)?.sqr()?.mean_all()?;
        let gradients = loss.backward()?;
        self.losses.push(loss.to_scalar()?);
        let step = self.losses.len() as i32;
        let corrections = BETAS.map(|beta| 1.0 - beta.powi(step));
        for Trained { variable, first_moment, second_moment } in &mut self.trained {
            let gradient = gradients.get(variable).ok_or("a parameter without a gradient")?;
            *first_moment = first_moment.affine(BETAS[0], 0.0)?.add(&gradient.affine(1.0 - BETAS[0], 0.0)?)?;
            *second_moment = second_moment.affine(BETAS[1], 0.0)?.add(&gradient.sqr()?.affine(1.0 - BETAS[1], 0.0)?)?;
            let size = second_moment.affine(1.0 / corrections[1], 0.0)?.sqrt()?.affine(1.0, EPSILON)?;
            let move_by = first_moment.affine(self.learning_rate / corrections[0], 0.0)?.div(&size)?;
            let decayed = variable.affine(1.0 - self.learning_rate * self.weight_decay, 0.0)?;
            variable.set(&decayed.sub(&move_by)?)?;
        }
        Ok(())
    }

    fn write(&self, path: &Path) -> Result {
        Ok(NpzWriter::new().with("losses", aview1(&self.losses)).write(path)?)
    }
}
