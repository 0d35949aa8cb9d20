//! A training step of the network: forward, backward, AdamW.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Tensor, Var};
use diph_datasets::NpzWriter;
use diph_diffusion::ops::Precision;
use diph_diffusion::{Checkpoint, ForwardMode, ModelConfig, Parameters, UNet, WeightFormat};
use ndarray::{aview0, aview1};
use rayon::prelude::*;
use serde::Deserialize;

use crate::adam_w::{AdamW, Parameter};
use crate::unet_forward::{TIMESTEP, write_image};
use crate::{Result, Work, weights};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    model: ModelConfig,
    precision: Precision,
    learning_rate: f64,
    weight_decay: f64,
}

pub struct Training {
    network: UNet,
    parameters: Vec<Parameter>,
    learning_rate: f64,
    weight_decay: f64,
    x: Tensor,
    target: Tensor,
    losses: Vec<f32>,
}

impl Training {
    /// Writes the checkpoint `weights.safetensors`, and `x` and `target` (1, channel, y, x) with their `timestep`.
    pub fn new(folder: &Path, options: Options) -> Result<Self> {
        let Options { model, precision, learning_rate, weight_decay } = options;
        let initial = weights::random(&model.unet)?;
        let x = weights::random_image(&model.unet, model.unet.image_channels(), 2)?;
        let target = weights::random_image(&model.unet, model.unet.image_channels(), 3)?;
        let problem = NpzWriter::new().with("timestep", aview0(&TIMESTEP));
        write_image(write_image(problem, "x", &x)?, "target", &target)?.write(folder.join("problem.npz"))?;
        let mut tracked = BTreeMap::new();
        let mut parameters = Vec::new();
        for (name, tensor) in initial.tensors() {
            let variable = Var::from_tensor(tensor)?;
            tracked.insert(name.clone(), variable.as_tensor().clone());
            parameters.push(Parameter::new(variable));
        }
        let tracked = Parameters::new(&model.unet, tracked)?;
        let network = UNet::with_precision(&model.unet, &tracked, precision)?;
        let checkpoint = Checkpoint { config: model, parameters: initial, notes: Default::default() };
        checkpoint.write(folder.join("weights.safetensors"), WeightFormat::F32)?;
        Ok(Self { network, parameters, learning_rate, weight_decay, x, target, losses: Vec::new() })
    }
}

impl Work for Training {
    fn run(&mut self) -> Result {
        let output = self.network.forward(&self.x, &[TIMESTEP], None, &mut ForwardMode::Inference)?;
        let loss = (output - &self.target)?.sqr()?.mean_all()?;
        let gradients = loss.backward()?;
        self.losses.push(loss.to_scalar()?);
        let adam_w = AdamW::new(self.losses.len(), self.learning_rate, self.weight_decay);
        let missing = "a parameter without a gradient";
        let gradient = |parameter: &Parameter| gradients.get(&parameter.variable).cloned().ok_or(missing);
        let gradients: Vec<Tensor> = self.parameters.iter().map(gradient).collect::<Result<_, _>>()?;
        let updates = self.parameters.par_iter_mut().zip(&gradients);
        updates.try_for_each(|(parameter, gradient)| adam_w.update(parameter, gradient))
    }

    fn write(&self, path: &Path) -> Result {
        Ok(NpzWriter::new().with("losses", aview1(&self.losses)).write(path)?)
    }
}
