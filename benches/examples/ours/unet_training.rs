//! A training step of the network: forward, backward, AdamW.

use std::path::Path;

use diph_diffusion::{Checkpoint, ModelConfig};
use diph_formats::NpzWriter;
use diph_network::{AdamW, ForwardMode, ParameterState, Parameters, Precision, Tensor, UNet, WeightFormat};
use ndarray::{aview0, aview1};
use serde::Deserialize;

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
    parameters: Vec<ParameterState>,
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
        let state = |(name, parameter): (&str, &diph_network::Parameter)| {
            ParameterState::new(name.into(), parameter.to_tensor(), 0)
        };
        let parameters: Vec<ParameterState> = initial.iter().map(state).collect();
        let tracked = Parameters::of_states(&model.unet, &parameters)?;
        let network = UNet::with_precision(&model.unet, &tracked, precision)?;
        let checkpoint = Checkpoint { config: model, parameters: initial, notes: Default::default() };
        checkpoint.write(folder.join("weights.safetensors"), WeightFormat::F32)?;
        Ok(Self { network, parameters, learning_rate, weight_decay, x, target, losses: Vec::new() })
    }
}

impl Work for Training {
    fn run(&mut self) -> Result {
        let mut squared_error = None;
        let loss = |output: &Tensor| {
            let difference = output.zip(&self.target, |output, target| output - target)?;
            let count = difference.values().len() as f32;
            squared_error = Some(difference.values().iter().map(|value| value * value).sum::<f32>() / count);
            Ok::<_, diph_network::Error>(difference.map(|value| 2.0 * value / count))
        };
        let mut gradients = self.network.backward(&self.x, &[TIMESTEP], None, &mut ForwardMode::Inference, loss)?;
        let step = self.losses.len() as u64;
        self.losses.extend(squared_error);
        let adam_w = AdamW::new(step, self.learning_rate, self.weight_decay, [0.9, 0.999], 1.0, &[]);
        let gradient = |parameter: &ParameterState| {
            gradients.take(&parameter.variable).ok_or("a parameter without a gradient".into())
        };
        let gradients = self.parameters.iter().map(gradient).collect::<Result<Vec<_>>>()?;
        Ok(adam_w.update(&mut self.parameters, &gradients)?)
    }

    fn write(&self, path: &Path) -> Result {
        Ok(NpzWriter::new().with("losses", aview1(&self.losses)).write(path)?)
    }
}
