//! Plugin with the estimator of `diph-regression`: `diph.regression`, which turns the linear MMSE image of a measurement into maps.
//!
//! Without the option `checkpoint` it runs the network that comes with Diph, whose weights are inside of this crate. It refuses an
//! acquisition of another temporal basis than the network's.

use std::path::PathBuf;
use std::time::Duration;

use diph_core::{Error, ImageShape, MemoryEstimate, Result};
use diph_network::{Checkpoint, NetworkCost, Precision};
use diph_plugin_sdk::{Acquisition, Component, Host, LogLevel, Requirements, Uses, plugin};
use diph_regression::{RegressionConfig, RegressionEstimator, RegressionNetwork};
use ndarray::Ix2;
use schemars::JsonSchema;
use serde::Deserialize;

/// The network that comes with Diph; see the model card beside it.
const SHIPPED: &[u8] = include_bytes!("../../../priors/regression/weights/deli-cs.safetensors");
const SHIPPED_NAME: &str = "deli-cs.safetensors (inside of the plugin)";

/// Passes of the network for one answer that is a mean over mirror images.
const MIRROR_IMAGES: f64 = 4.0;

/// What a user may set of `diph.regression`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// File with the weights of a network for the acquisition's temporal basis. By default the network that comes with Diph,
    /// which is for the first 200 frames of the Deli-CS sequence.
    checkpoint: Option<PathBuf>,
    /// File with the weights of a second stage, which also sees an image of what the first stage's maps leave unexplained in
    /// the data. By default there is none.
    second_checkpoint: Option<PathBuf>,
    /// Whether maps are the mean over four mirror images, for four times the time.
    mirrors: bool,
    /// What the network's convolutions multiply in.
    precision: Precision,
}

impl Default for Options {
    fn default() -> Self {
        Self { checkpoint: None, second_checkpoint: None, mirrors: true, precision: Precision::F32 }
    }
}

impl Options {
    fn first(&self) -> Result<Checkpoint<RegressionConfig>> {
        match &self.checkpoint {
            None => Checkpoint::from_bytes(SHIPPED, SHIPPED_NAME).map_err(failed),
            Some(path) => Checkpoint::read(path).map_err(failed),
        }
    }

    fn second(&self) -> Result<Option<Checkpoint<RegressionConfig>>> {
        self.second_checkpoint.as_ref().map(|path| Checkpoint::read(path).map_err(failed)).transpose()
    }

    /// What the networks of the stages cost on planes of this size.
    fn costs(&self, image: &ImageShape) -> Result<Vec<NetworkCost>> {
        let longer = image.plane_lengths().into_iter().max().unwrap_or(0);
        let cost = |checkpoint: &Checkpoint<RegressionConfig>| {
            let unet = &checkpoint.config.unet;
            let canvas = longer.next_multiple_of(unet.size_factor().map_err(failed)?);
            NetworkCost::new(unet, canvas, 1, self.precision).map_err(failed)
        };
        [Some(self.first()?), self.second()?].iter().flatten().map(cost).collect()
    }
}

fn failed(error: diph_network::Error) -> Error {
    Error::external(Regression::ID, error)
}

/// The component `diph.regression`: a network that estimates maps.
pub struct Regression;

impl Component for Regression {
    const ID: &'static str = "diph.regression";
    const NAME: &'static str = "Regression network";
    const SUMMARY: &'static str =
        "Maps of T1, T2 and proton density that a trained UNet reads off the linear MMSE image";
    const REQUIRES: Requirements =
        Requirements { optional_arrays: &["basis"], optional_facts: &["image"], ..Requirements::NONE };
    const EXAMPLE: &'static str =
        r#"{ "options": { "mirrors": false }, "facts": { "image": [36, 30] }, "image": [5, 36, 30] }"#;
    type Options = Options;
    type Instance = RegressionEstimator;

    fn create(options: Options, acquisition: &Acquisition<'_>, host: &Host) -> Result<RegressionEstimator> {
        let (first, second) = (options.first()?, options.second()?);
        if let Some(basis) = acquisition.optional::<f32, Ix2>("basis")? {
            first.config.check_basis(basis.view()).map_err(failed)?;
        }
        host.log(LogLevel::Debug, &format!("{} parameters", first.parameters.count()));
        let network = |checkpoint| RegressionNetwork::new(checkpoint, options.precision).map_err(failed);
        let second = second.as_ref().map(network).transpose()?;
        RegressionEstimator::new(network(&first)?, second, options.mirrors)
    }

    fn memory(options: Options, shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        let costs = options.costs(&shapes.image()?)?;
        Ok(Some(costs.iter().fold(MemoryEstimate::default(), |sum, cost| sum.and(cost.inference_memory()))))
    }

    fn time(options: Options, shapes: &Acquisition<'_>, calls: u64) -> Result<Option<Duration>> {
        let passes = calls as f64 * if options.mirrors { MIRROR_IMAGES } else { 1.0 };
        let mut duration = Duration::ZERO;
        for cost in options.costs(&shapes.image()?)? {
            duration = duration.saturating_add(cost.duration(passes, options.precision).map_err(failed)?);
        }
        Ok(Some(duration))
    }
}

plugin! { estimator: Regression }
