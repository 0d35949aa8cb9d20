//! Plugin with the estimator of `diph-regression`: `diph.regression`, which turns the linear MMSE image of a measurement into maps.
//!
//! Without the option `checkpoint` it runs the one of the networks that come with Diph, whose weights are inside of this crate, that was
//! trained for the acquisition's temporal basis. It refuses an acquisition of another basis. With the option `cascade` a second stage
//! refines its maps, which a method names as its `refinement`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diph_core::{Error, MemoryEstimate, Result};
use diph_network::{Checkpoint, NetworkCost, Precision};
use diph_plugin_sdk::{Acquisition, Component, Host, LogLevel, Requirements, Uses, first_that_fits, plugin};
use diph_regression::{RegressionConfig, RegressionEstimator, RegressionNetwork};
use ndarray::{ArrayView2, Ix2};
use schemars::JsonSchema;
use serde::Deserialize;

/// The networks that come with Diph, by the names that messages have for them; see the model card beside them.
const SHIPPED: [(&str, &[u8]); 2] = [
    ("deli-cs", include_bytes!("../../../priors/regression/weights/deli-cs.safetensors")),
    ("demo", include_bytes!("../../../priors/regression/weights/demo.safetensors")),
];

/// The second stages that come with Diph, each of the first stage of the same name.
const SHIPPED_SECOND: [(&str, &[u8]); 1] =
    [("deli-cs", include_bytes!("../../../priors/regression/weights/deli-cs-second.safetensors"))];

/// Passes of the network for one answer that is a mean over mirror images.
const MIRROR_IMAGES: f64 = 4.0;

/// What a user may set of `diph.regression`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// File with the weights of a network for the acquisition's temporal basis. By default the one of those that
    /// come with Diph that was trained for it.
    checkpoint: Option<PathBuf>,
    /// Whether a second stage refines the maps, which also sees an image of what those of the first stage leave unexplained in the
    /// data.
    cascade: bool,
    /// File with the weights of the second stage. By default the one of those that come with Diph that was trained for the
    /// acquisition's temporal basis.
    second_checkpoint: Option<PathBuf>,
    /// Whether maps are the mean over four mirror images, for four times the time.
    mirrors: bool,
    /// What the network's convolutions multiply in.
    precision: Precision,
}

impl Default for Options {
    fn default() -> Self {
        Self { checkpoint: None, cascade: false, second_checkpoint: None, mirrors: true, precision: Precision::F32 }
    }
}

impl Options {
    /// The stages that the maps are made in.
    fn stages(&self) -> Result<Vec<Stage<'_>>> {
        let first = Stage {
            file: self.checkpoint.as_deref(),
            shipped: &SHIPPED,
            what: "networks",
            advice: "train one for it with `diph train --objective regression` and name it with the option `checkpoint`",
        };
        let second = Stage {
            file: self.second_checkpoint.as_deref(),
            shipped: &SHIPPED_SECOND,
            what: "second stages",
            advice: "train one for it with `diph train --objective regression --set first_stage=FILE` and name it with the option \
                     `second_checkpoint`, or take one stage with the method `unet`",
        };
        match (self.cascade, &self.second_checkpoint) {
            (true, _) => Ok(vec![first, second]),
            (false, None) => Ok(vec![first]),
            (false, Some(_)) => {
                let expected = "none without a `cascade`, whose second stage it is";
                Err(Error::parameter(Regression::ID, "second_checkpoint", expected, "a file"))
            }
        }
    }
}

/// One stage of the maps: the file that the user names, or else networks that come with Diph.
struct Stage<'a> {
    file: Option<&'a Path>,
    shipped: &'static [(&'static str, &'static [u8])],
    what: &'static str,
    advice: &'static str,
}

impl Stage<'_> {
    /// The network for a temporal basis (frame, coefficient), where one is known.
    fn network(&self, basis: Option<ArrayView2<'_, f32>>, host: &Host) -> Result<Checkpoint<RegressionConfig>> {
        let fits = |config: &RegressionConfig| basis.map_or(Ok(()), |basis| config.check_basis(basis)).map_err(failed);
        let Some(path) = self.file else {
            // The weights of those that do not fit stay on the disk.
            let named = |(name, bytes): &(&'static str, &'static [u8])| {
                (*name, shipped_config(name, bytes).and_then(|config| fits(&config)).map(|()| (*name, *bytes)))
            };
            let candidates = self.shipped.iter().map(named);
            let (name, bytes) = first_that_fits(Regression::ID, self.what, self.advice, host, candidates)?;
            return Checkpoint::from_bytes(bytes, file_name(name)).map_err(failed);
        };
        let network = Checkpoint::read(path).map_err(failed)?;
        fits(&network.config)?;
        Ok(network)
    }

    /// Configurations of the networks that it may be.
    fn candidates(&self) -> Result<Vec<RegressionConfig>> {
        match self.file {
            Some(path) => Ok(vec![Checkpoint::<RegressionConfig>::read_config(path).map_err(failed)?]),
            None => self.shipped.iter().map(|(name, bytes)| shipped_config(name, bytes)).collect(),
        }
    }
}

/// What messages call the file of a shipped network.
fn file_name(name: &str) -> String {
    format!("{name}.safetensors (inside of the plugin)")
}

fn shipped_config(name: &str, bytes: &[u8]) -> Result<RegressionConfig> {
    Checkpoint::config_in_bytes(bytes, file_name(name)).map_err(failed)
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
        let basis = acquisition.optional::<f32, Ix2>("basis")?;
        let mut networks = Vec::new();
        for stage in options.stages()? {
            let checkpoint = stage.network(basis.as_ref().map(|basis| basis.view()), host)?;
            host.log(LogLevel::Debug, &format!("{} parameters", checkpoint.parameters.count()));
            networks.push(RegressionNetwork::new(&checkpoint, options.precision).map_err(failed)?);
        }
        RegressionEstimator::new(networks, options.mirrors)
    }

    fn memory(options: Options, shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        let longer = shapes.image()?.plane_lengths().into_iter().max().unwrap_or(0);
        let cost = |config: &RegressionConfig| {
            let canvas = longer.next_multiple_of(config.unet.size_factor().map_err(failed)?);
            NetworkCost::new(&config.unet, canvas, 1, options.precision).map_err(failed)
        };
        let mut sum = MemoryEstimate::default();
        for stage in options.stages()? {
            // Which of the shipped ones it is depends on values that are not there yet.
            let mut largest = MemoryEstimate::default();
            for config in stage.candidates()? {
                let memory = cost(&config)?.inference_memory();
                largest = if memory.peak() > largest.peak() { memory } else { largest };
            }
            sum = sum.and(largest);
        }
        Ok(Some(sum))
    }

    fn time(options: Options, shapes: &Acquisition<'_>, calls: u64) -> Result<Option<Duration>> {
        let longer = shapes.image()?.plane_lengths().into_iter().max().unwrap_or(0);
        let passes = calls as f64 * if options.mirrors { MIRROR_IMAGES } else { 1.0 };
        let time = |config: &RegressionConfig| {
            let canvas = longer.next_multiple_of(config.unet.size_factor().map_err(failed)?);
            let cost = NetworkCost::new(&config.unet, canvas, 1, options.precision).map_err(failed)?;
            cost.duration(passes, options.precision).map_err(failed)
        };
        let mut sum = Duration::ZERO;
        for stage in options.stages()? {
            let mut longest = Duration::ZERO;
            for config in stage.candidates()? {
                longest = longest.max(time(&config)?);
            }
            sum = sum.saturating_add(longest);
        }
        Ok(Some(sum))
    }
}

plugin! { estimator: Regression }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_networks_are_whole() {
        for (name, bytes) in SHIPPED.into_iter().chain(SHIPPED_SECOND) {
            let network: Checkpoint<RegressionConfig> = Checkpoint::from_bytes(bytes, file_name(name)).unwrap();
            assert_eq!((network.config.coefficients(), network.config.basis.len()), (5, 200), "{name}");
            assert!(bytes.len() < 9 << 20, "{name}");
        }
    }
}
