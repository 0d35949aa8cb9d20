//! Plugin with the prior of `diph-diffusion`: `diph.diffusion`. A conditional network wants its condition image from the context.
//!
//! | array | shape | |
//! |---|---|---|
//! | `basis` | (frame, coefficient) | temporal basis of the acquisition: a network that knows its own refuses another |
//!
//! Without the option `checkpoint` it runs one of the networks that come with Diph, whose weights are inside of this crate.
//!
//! The network runs on Diph's own kernels. With the feature `candle` it can also run on candle, with `cuda` and `metal` on candle's
//! devices of those names: `{"backend": "candle", "device": "cuda:0"}`. Of the devices only `cpu` was ever tried.

mod backend;

use std::path::{Path, PathBuf};
use std::time::Duration;

use diph_core::{Error, ImageShape, MemoryEstimate, Result};
use diph_diffusion::{Checkpoint, DiffusionPrior, ModelConfig, PriorOptions, ShippedNetwork};
use diph_network::NetworkCost;
use diph_plugin_sdk::{Acquisition, Component, Host, LogLevel, Requirements, Uses, plugin};
use ndarray::Ix2;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::backend::Backend;

/// The weights of a network that comes with Diph; see the model cards beside them.
fn shipped(network: ShippedNetwork) -> &'static [u8] {
    match network {
        ShippedNetwork::Brain => include_bytes!("../../../priors/diffusion/weights/brain.safetensors"),
        ShippedNetwork::DeliCsConditional => {
            include_bytes!("../../../priors/diffusion/weights/deli-cs-conditional.safetensors")
        }
        ShippedNetwork::DeliCsUnconditional => {
            include_bytes!("../../../priors/diffusion/weights/deli-cs-unconditional.safetensors")
        }
    }
}

/// What a user may set of `diph.diffusion`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// File with the weights: `.safetensors` as Diph writes it, or a PyTorch state dict (`.pt`) with its configuration in
    /// a `.json` file of the same name. By default one that comes with Diph.
    checkpoint: Option<PathBuf>,
    /// Which of the networks that come with Diph runs where there is no `checkpoint`.
    network: ShippedNetwork,
    /// File with the configuration of a PyTorch state dict, where it does not lie beside it.
    config: Option<PathBuf>,
    /// What runs the network: `kernels`, which are Diph's own and the fastest on processors, or `candle`.
    backend: Backend,
    /// Device that candle runs the network on: `cpu`, `cuda:0` with the number of a device, or `metal`. By default the processor.
    device: Option<String>,
    #[serde(flatten)]
    prior: PriorOptions,
}

impl Options {
    fn read_checkpoint(&self) -> Result<Checkpoint> {
        let checkpoint = match (&self.checkpoint, &self.config) {
            (None, None) => {
                let name = format!("{} (inside of the plugin)", self.network.file_name());
                Checkpoint::from_bytes(shipped(self.network), &name)
            }
            (Some(checkpoint), None) => Checkpoint::read(checkpoint),
            (Some(checkpoint), Some(config)) => Checkpoint::read_pytorch(checkpoint, read_config(config)?),
            (None, Some(config)) => {
                return Err(Error::parameter(
                    Diffusion::ID,
                    "config",
                    "a `checkpoint` to go with it",
                    config.display(),
                ));
            }
        };
        Ok(checkpoint.map_err(diph_diffusion::Error::from)?)
    }

    /// What the network costs on planes of this size, from the configuration alone.
    fn cost(&self, image: &ImageShape) -> Result<NetworkCost> {
        let config = match (&self.checkpoint, &self.config) {
            (None, _) => self.network.config()?,
            (Some(checkpoint), None) => Checkpoint::read_config(checkpoint).map_err(diph_diffusion::Error::from)?,
            (Some(_), Some(config)) => read_config(config)?,
        };
        config.check().map_err(diph_diffusion::Error::from)?;
        let factor = config.unet.size_factor().map_err(diph_diffusion::Error::from)?;
        // The canvas that the prior chooses.
        let longer = image.plane_lengths().into_iter().max().unwrap_or(0);
        let canvas = match config.diffusion.parametrisation.gaussian() {
            Some(_) => longer.next_multiple_of(factor),
            None => self.prior.image_size.unwrap_or_else(|| (longer - longer % factor).max(factor)),
        };
        let cost = NetworkCost::new(&config.unet, canvas, 1, self.prior.precision);
        Ok(cost.map_err(diph_diffusion::Error::from)?)
    }
}

fn read_config(path: &Path) -> Result<ModelConfig> {
    let failed = |message: String| Error::external(Diffusion::ID, format!("{}: {message}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(format!("not a configuration of a network: {error}")))
}

/// The component `diph.diffusion`: a diffusion model as prior.
pub struct Diffusion;

impl Component for Diffusion {
    const ID: &'static str = "diph.diffusion";
    const NAME: &'static str = "Diffusion model";
    const SUMMARY: &'static str = "Predicted clean image of a diffusion model (guided-diffusion UNet)";
    const REQUIRES: Requirements =
        Requirements { optional_arrays: &["basis"], optional_facts: &["image"], ..Requirements::NONE };
    const EXAMPLE: &'static str = r#"{
        "options": {"image_size": 32, "condition": "low_res"},
        "facts": {"image": [36, 30]},
        "conditions": {"low_res": {"shape": [5, 36, 30], "dtype": "c64", "low": -1, "high": 1}},
        "image": [5, 36, 30]
    }"#;
    type Options = Options;
    type Instance = DiffusionPrior;

    fn create(options: Options, acquisition: &Acquisition<'_>, host: &Host) -> Result<DiffusionPrior> {
        let checkpoint = options.read_checkpoint()?;
        if let Some(basis) = acquisition.optional::<f32, Ix2>("basis")? {
            checkpoint.config.check_basis(basis.view()).map_err(diph_diffusion::Error::from)?;
        }
        let network = format!("{} parameters", checkpoint.parameters.count());
        host.log(LogLevel::Debug, &network);
        let Options { backend, device, prior, .. } = options;
        let denoiser = backend::denoiser(&checkpoint, backend, device.as_deref(), prior.precision)?;
        Ok(DiffusionPrior::of_denoiser(denoiser, prior)?)
    }

    fn memory(options: Options, shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        // What candle allocates, and in which memory, is known to candle alone.
        if options.backend == Backend::Candle {
            return Ok(None);
        }
        let cost = options.cost(&shapes.image()?)?;
        // The shipped weights are pages of the program, two bytes each.
        let file = if options.checkpoint.is_some() { 0 } else { 2 * cost.parameters };
        let running = cost.running_memory().passing("activations of the network");
        Ok(Some(cost.weights_memory().kept("network file", file).and(running)))
    }

    fn time(options: Options, shapes: &Acquisition<'_>, calls: u64) -> Result<Option<Duration>> {
        // How fast candle's device is, is known to candle alone.
        if options.backend == Backend::Candle {
            return Ok(None);
        }
        let duration = options.cost(&shapes.image()?)?.duration(calls as f64, options.prior.precision);
        Ok(Some(duration.map_err(diph_diffusion::Error::from)?))
    }
}

plugin! { prior: Diffusion }
