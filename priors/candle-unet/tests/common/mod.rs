//! Small networks with random parameters, and the modules in f64 with the gradient of everything.

#![allow(dead_code, reason = "every test compiles this file and uses a part of it")]

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Var};
use candle_nn::VarBuilder;
use diph_candle_unet::UNet;
use diph_network::{Parameters, Tensor, UNetConfig};
use rand::{RngExt, SeedableRng};

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Settings that take every way through the network at least once, to [`config`].
pub const SETTINGS: [&str; 7] = [
    "{}",
    r#"{ "conditional": true, "attention_resolutions": [4], "patch": 2, "num_res_blocks": 2 }"#,
    r#"{ "patch": 4, "image_size": 16, "learn_sigma": true }"#,
    r#"{ "resblock_updown": false, "use_scale_shift_norm": false, "learn_sigma": true }"#,
    r#"{ "resblock_updown": false, "conv_resample": false, "use_new_attention_order": true, "last_kernel": 1,
         "attention_resolutions": [8] }"#,
    r#"{ "model_channels": 64, "channel_mult": [0.5, 1.5, 1], "num_head_channels": 16, "attention_resolutions": [4] }"#,
    r#"{ "input_channels": 3, "output_channels": 5, "channel_mult": [1, 3], "num_heads_upsample": 4,
         "attention_resolutions": [8] }"#,
];

/// Two levels of 32 and 64 channels on images of 8 x 8, with changes.
pub fn config(changes: &str) -> Result<UNetConfig> {
    let mut settings: serde_json::Value = serde_json::from_str(
        r#"{ "image_size": 8, "coefficients": 1, "model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
             "num_heads": 2 }"#,
    )?;
    let changes: BTreeMap<String, serde_json::Value> = serde_json::from_str(changes)?;
    changes.into_iter().for_each(|(name, value)| settings[name] = value);
    Ok(serde_json::from_value(settings)?)
}

/// Uniform in [-1, 1].
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = diph_core::Rng::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::new(shape, values).expect("shape and values fit")
}

/// Parameters that are all random, so that blocks which start at zero do something.
pub fn random_parameters(config: &UNetConfig) -> Result<Parameters> {
    let tensors = Parameters::shapes(config)?.into_iter().enumerate().map(|(seed, (name, shape))| {
        let fan_in: usize = shape[1..].iter().product();
        (name, random(&shape, seed as u64).map(|value| value / (fan_in as f32).sqrt()))
    });
    Ok(Parameters::new(config, tensors.collect())?)
}

/// `|a - b| / (|b| + floor)` in the Euclidean norm.
pub fn relative_error(a: &[f32], b: &[f64], floor: f64) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - b));
    difference / (norm(&mut b.iter().copied()) + floor)
}

/// What goes into a network, and the weights by which a loss sums its output.
pub struct Example {
    pub x: Tensor,
    pub timesteps: [f32; 2],
    pub condition: Option<Tensor>,
    pub weights: Tensor,
}

impl Example {
    pub fn new(config: &UNetConfig) -> Self {
        let size = config.image_size;
        let x = random(&[2, config.image_channels(), size, size], 6);
        let condition = config.conditional.then(|| random(x.shape(), 7));
        let outputs = config.out_channels() / config.patch.pow(2);
        Self { x, timesteps: [100.0, 7.0], condition, weights: random(&[2, outputs, size, size], 8) }
    }
}

/// Gradients by every parameter, by name.
pub type ParameterGradients = BTreeMap<String, Vec<f64>>;

/// The modules in f64: parameters and the image are variables.
pub struct Reference {
    pub variables: BTreeMap<String, Var>,
    pub x: Var,
    unet: UNet,
    timesteps: candle_core::Tensor,
    condition: Option<candle_core::Tensor>,
    weights: candle_core::Tensor,
}

fn widened(tensor: &Tensor) -> candle_core::Result<candle_core::Tensor> {
    candle_core::Tensor::from_slice(tensor.values(), tensor.shape(), &Device::Cpu)?.to_dtype(DType::F64)
}

impl Reference {
    pub fn new(config: &UNetConfig, parameters: &Parameters, example: &Example) -> Result<Self> {
        let variables = parameters
            .iter()
            .map(|(name, parameter)| Ok((name.to_string(), Var::from_tensor(&widened(&parameter.to_tensor())?)?)));
        let variables = variables.collect::<candle_core::Result<BTreeMap<_, _>>>()?;
        let tensors: HashMap<_, _> =
            variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect();
        Ok(Self {
            unet: UNet::new(config, VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu))?,
            variables,
            x: Var::from_tensor(&widened(&example.x)?)?,
            timesteps: candle_core::Tensor::from_slice(&example.timesteps, 2, &Device::Cpu)?.to_dtype(DType::F64)?,
            condition: example.condition.as_ref().map(widened).transpose()?,
            weights: widened(&example.weights)?,
        })
    }

    pub fn output(&self) -> candle_core::Result<candle_core::Tensor> {
        self.unet.forward(&self.x, &self.timesteps, self.condition.as_ref())
    }

    /// The output summed with the weights of the example.
    pub fn loss(&self) -> candle_core::Result<candle_core::Tensor> {
        (self.output()? * &self.weights)?.sum_all()
    }

    /// The gradients of the loss by every parameter, and by the image.
    pub fn gradients(&self) -> Result<(ParameterGradients, Vec<f64>)> {
        let gradients = self.loss()?.backward()?;
        let of = |name: &str, variable: &Var| -> Result<Vec<f64>> {
            let gradient = gradients.get(variable).ok_or_else(|| format!("{name} has no gradient"))?;
            Ok(values(gradient)?)
        };
        let parameters = self
            .variables
            .iter()
            .map(|(name, variable)| Ok((name.clone(), of(name, variable)?)))
            .collect::<Result<_>>()?;
        Ok((parameters, of("the image", &self.x)?))
    }
}

pub fn values(tensor: &candle_core::Tensor) -> candle_core::Result<Vec<f64>> {
    tensor.flatten_all()?.to_vec1()
}
