//! Plugin with the prior of `diph-diffusion`: `diph.diffusion`. A conditional network wants its condition image from the context.
//!
//! | array | shape | |
//! |---|---|---|
//! | `basis` | (frame, coefficient) | temporal basis of the acquisition: a network that knows its own refuses another |
//!
//! Without the option `checkpoint` it runs the one of the networks that come with Diph, whose weights are inside of this crate, that was
//! trained for the acquisition's temporal basis, conditional or not. It refuses an acquisition of another basis.
//!
//! The network runs on Diph's own kernels. With the feature `candle` it can also run on candle, with `cuda` and `metal` on candle's
//! devices of those names: `{"backend": "candle", "device": "cuda:0"}`. Of the devices only `cpu` was ever tried.

mod backend;

use std::path::{Path, PathBuf};
use std::time::Duration;

use diph_core::{Error, ImageShape, MemoryEstimate, Result};
use diph_diffusion::{Checkpoint, DiffusionPrior, ModelConfig, PriorOptions};
use diph_network::NetworkCost;
use diph_plugin_sdk::{Acquisition, Component, Host, LogLevel, Requirements, Uses, first_that_fits, plugin};
use ndarray::{ArrayView2, Ix2};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::backend::Backend;

/// The networks that come with Diph, by the names that messages have for them; see the model cards beside them.
const SHIPPED: [(&str, &[u8]); 4] = [
    ("deli-cs-conditional", include_bytes!("../../../priors/diffusion/weights/deli-cs-conditional.safetensors")),
    ("deli-cs-unconditional", include_bytes!("../../../priors/diffusion/weights/deli-cs-unconditional.safetensors")),
    ("demo-conditional", include_bytes!("../../../priors/diffusion/weights/demo-conditional.safetensors")),
    ("demo-unconditional", include_bytes!("../../../priors/diffusion/weights/demo-unconditional.safetensors")),
];

/// What a user may set of `diph.diffusion`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// File with the weights: `.safetensors` as Diph writes it, or a PyTorch state dict (`.pt`) with its configuration in
    /// a `.json` file of the same name. By default the one of those that come with Diph that was trained for the acquisition's
    /// temporal basis: a conditional one, or with `use_condition` false an unconditional one.
    checkpoint: Option<PathBuf>,
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
    /// The network for a temporal basis (frame, coefficient), where one is known.
    fn network(&self, basis: Option<ArrayView2<'_, f32>>, host: &Host) -> Result<Checkpoint> {
        let fits = |config: &ModelConfig| basis.map_or(Ok(()), |basis| config.check_basis(basis)).map_err(failed);
        let checkpoint = match (&self.checkpoint, &self.config) {
            (None, None) => {
                let advice = "train a network for it (`diph train`) and name it with the option `checkpoint`";
                // The weights of those that do not fit stay on the disk.
                let named = |(name, bytes)| {
                    (name, shipped_config(name, bytes).and_then(|config| fits(&config)).map(|()| (name, bytes)))
                };
                let networks = self.shipped()?.into_iter().map(named);
                let (name, bytes) = first_that_fits(Diffusion::ID, "networks", advice, host, networks)?;
                return Checkpoint::from_bytes(bytes, file_name(name)).map_err(failed);
            }
            (Some(checkpoint), None) => Checkpoint::read(checkpoint).map_err(failed)?,
            (Some(checkpoint), Some(config)) => {
                Checkpoint::read_pytorch(checkpoint, read_config(config)?).map_err(failed)?
            }
            (None, Some(config)) => {
                return Err(Error::parameter(
                    Diffusion::ID,
                    "config",
                    "a `checkpoint` to go with it",
                    config.display(),
                ));
            }
        };
        fits(&checkpoint.config)?;
        Ok(checkpoint)
    }

    /// The shipped networks that are conditional or not, as these options want it.
    fn shipped(&self) -> Result<Vec<(&'static str, &'static [u8])>> {
        let mut wanted = Vec::new();
        for (name, bytes) in SHIPPED {
            if shipped_config(name, bytes)?.condition.is_some() == self.prior.use_condition.unwrap_or(true) {
                wanted.push((name, bytes));
            }
        }
        Ok(wanted)
    }

    /// Configurations of the networks that may run, without their weights.
    fn candidates(&self) -> Result<Vec<ModelConfig>> {
        match (&self.checkpoint, &self.config) {
            (None, _) => self.shipped()?.into_iter().map(|(name, bytes)| shipped_config(name, bytes)).collect(),
            (Some(checkpoint), None) => Ok(vec![Checkpoint::read_config(checkpoint).map_err(failed)?]),
            (Some(_), Some(config)) => Ok(vec![read_config(config)?]),
        }
    }

    /// What the network costs on planes of this size, from the configuration alone: the dearest of those that may run, since which
    /// of the shipped ones it is depends on values that are not there yet.
    fn cost(&self, image: &ImageShape) -> Result<NetworkCost> {
        let mut costs = Vec::new();
        for config in self.candidates()? {
            costs.push(self.cost_of(&config, image)?);
        }
        let dearest = costs.into_iter().max_by_key(|cost| cost.running_memory().peak());
        dearest.ok_or_else(|| Error::external(Diffusion::ID, "no network comes with Diph for these options"))
    }

    fn cost_of(&self, config: &ModelConfig, image: &ImageShape) -> Result<NetworkCost> {
        config.check().map_err(failed)?;
        let factor = config.unet.size_factor().map_err(failed)?;
        // The canvas that the prior chooses.
        let longer = image.plane_lengths().into_iter().max().unwrap_or(0);
        let canvas = match config.diffusion.parametrisation.gaussian() {
            Some(_) => longer.next_multiple_of(factor),
            None => self.prior.image_size.unwrap_or_else(|| (longer - longer % factor).max(factor)),
        };
        NetworkCost::new(&config.unet, canvas, 1, self.prior.precision).map_err(failed)
    }
}

/// What messages call the file of a shipped network.
fn file_name(name: &str) -> String {
    format!("{name}.safetensors (inside of the plugin)")
}

fn shipped_config(name: &str, bytes: &[u8]) -> Result<ModelConfig> {
    Checkpoint::config_in_bytes(bytes, file_name(name)).map_err(failed)
}

fn failed(error: diph_network::Error) -> Error {
    diph_diffusion::Error::from(error).into()
}

fn read_config(path: &Path) -> Result<ModelConfig> {
    let failed = |message: String| Error::external(Diffusion::ID, format!("{}: {message}", path.display()));
    let text = diph_formats::read_text(path).map_err(|error| failed(error.to_string()))?;
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
        "options": {"condition": "low_res"},
        "facts": {"image": [36, 30]},
        "conditions": {"low_res": {"shape": [5, 36, 30], "dtype": "c64", "low": -1, "high": 1}},
        "image": [5, 36, 30]
    }"#;
    type Options = Options;
    type Instance = DiffusionPrior;

    fn create(options: Options, acquisition: &Acquisition<'_>, host: &Host) -> Result<DiffusionPrior> {
        let basis = acquisition.optional::<f32, Ix2>("basis")?;
        let checkpoint = options.network(basis.as_ref().map(|basis| basis.view()), host)?;
        host.log(LogLevel::Debug, &format!("{} parameters", checkpoint.parameters.count()));
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
        Ok(Some(duration.map_err(failed)?))
    }
}

plugin! { prior: Diffusion }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_networks_say_all_that_is_needed_to_run_them() {
        for (name, bytes) in SHIPPED {
            assert!(bytes.len() < 9 << 20, "{name}: what they add to every clone");
            let config = shipped_config(name, bytes).unwrap();
            let condition = (!name.ends_with("unconditional")).then_some("unet");
            assert_eq!(config.condition.as_deref(), condition, "{name}");
            assert!(config.basis.is_some(), "{name}");
            assert_eq!(Checkpoint::from_bytes(bytes, name).unwrap().config, config);
        }
    }

    /// The model card speaks of the data; where they lay is nobody's business.
    #[test]
    fn shipped_networks_say_how_they_were_trained_without_paths() {
        for (name, bytes) in SHIPPED {
            let training = shipped_config(name, bytes).unwrap().training.expect("a record of the training").to_string();
            assert!(training.contains("dataset") && !training.contains('/'), "{name}: {training}");
        }
    }

    #[test]
    fn the_condition_chooses_among_the_shipped_networks() {
        for (use_condition, wanted) in
            [(None, "-conditional"), (Some(true), "-conditional"), (Some(false), "-unconditional")]
        {
            let options =
                Options { prior: PriorOptions { use_condition, ..PriorOptions::default() }, ..Options::default() };
            let names: Vec<&str> = options.shipped().unwrap().into_iter().map(|(name, _)| name).collect();
            assert!(names.len() == 2 && names.iter().all(|name| name.ends_with(wanted)), "{names:?}");
        }
    }
}
