//! What a component is tried by: the laws of its kind, and what only whoever opens a plugin can try.

use std::env;
use std::time::{Duration, Instant};

use diph_core::{Error, ForwardOperator, Result, Space};
use diph_plugin_host::{PluginInstance, Registry, draw_image};
use diph_recon::Blame;
use diph_recon::memory::resident_memory;
use diph_test_kit::{
    Report, Watch, dense_difference, dense_matrix, watch_estimator, watch_operator, watch_prior, watch_projector,
};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::worker::Events;
use crate::output::{AppError, BlameFlag};

/// Calls in a round after which memory is looked at, and rounds: 10,000 calls after those that fill caches and pools.
const CALLS: usize = 2000;
const ROUNDS: u32 = 5;
/// Bytes by which a round may grow the process; 2000 leaks of the smallest block are 62 KiB.
const LEAK: f64 = 50.0 * 1024.0;
/// Largest difference from another component.
const APART: f64 = 1e-3;

/// A component to be tried on its example.
pub struct Trials<'a> {
    /// Where it comes from.
    pub registry: &'a Registry,
    /// Its ID.
    pub id: &'a str,
    /// Seed of the random input.
    pub seed: u64,
    /// Time after which a law counts as hanging.
    pub time_out: Duration,
}

impl Trials<'_> {
    /// Tries every law.
    ///
    /// # Errors
    /// When the example cannot be created, so that nothing can be tried.
    pub fn run(&self, events: &mut Events) -> std::result::Result<Report, AppError> {
        let step = format!("creating the example of {}", self.id);
        let (registry, id, seed) = (self.registry, self.id, self.seed);
        let place = env::current_dir().ok();
        let (instance, example) = registry.create_example(id, seed).step(&step)?;
        let conditions = example.draw_conditions(seed).step(&step)?;
        let mut report = match &instance {
            PluginInstance::Operator(operator) => watch_operator(operator, seed, events),
            PluginInstance::Prior(prior) => watch_prior(&**prior, &example.image, &conditions, seed, events),
            PluginInstance::Projector(projector) => {
                watch_projector(projector, &example.image_shape().step(&step)?, seed, events)
            }
            PluginInstance::Estimator(estimator) => watch_estimator(estimator, &example.image, seed, events),
            _ => return Err(AppError::Check(format!("{id}: a kind that this program knows no laws for"))),
        };
        if report.breaks("small enough to try") {
            return Ok(report);
        }
        events.holds("the plugin itself refuses a wrong shape", || registry.refuses_wrong_shape(id, seed));
        if let PluginInstance::Operator(operator) = &instance {
            events.measures("weights are those that it tells", 1e-4, || {
                registry.weights_error(id, seed).map(Option::unwrap_or_default)
            });
            report.warnings.extend(unusual_axes(operator));
        }
        events.holds("an unknown option is refused", || registry.refuses_unknown_option(id, seed));
        let shape = shape_of(&instance, &example.image);
        events.measures("calls leave no memory behind", LEAK, || {
            let image = draw_image(&shape, seed)?;
            self.growth(|| instance.response(&image, &conditions, seed).map(drop))
        });
        events.measures("instances leave no memory behind", LEAK, || {
            let arrays = example.draw(seed)?;
            self.growth(|| registry.create(id, &example.options, &arrays).map(drop))
        });
        events.holds("the working directory stays as it was", || Ok(env::current_dir().ok() == place));
        // The end of an instance is a call like any other; where an earlier process has died of it, it is left out.
        if events.begins(DESTROYED) {
            drop(instance);
            events.held(DESTROYED);
        } else {
            std::mem::forget(instance);
        }
        Ok(report)
    }

    /// Compares with another component, made from the same arrays without options: operators as matrices, others by what they
    /// make of one image.
    ///
    /// # Errors
    /// When the example is of no use.
    pub fn compare(&self, other: &str, events: &mut Events) -> std::result::Result<(), AppError> {
        let example = &self.registry.find(self.id).flag("ID")?.descriptor.example;
        let arrays = example.draw(self.seed).step("drawing the example")?;
        events.measures("agrees with the other component", APART, || {
            let own = self.registry.create(self.id, &example.options, &arrays)?;
            let trusted = self.registry.create(other, &serde_json::json!({}), &arrays)?;
            if let (PluginInstance::Operator(own), PluginInstance::Operator(trusted)) = (&own, &trusted) {
                return dense_difference(own, &dense_matrix(trusted)?);
            }
            let (image, conditions) = (draw_image(&example.image, self.seed)?, example.draw_conditions(self.seed)?);
            let own = own.response(&image, &conditions, self.seed)?;
            apart(&own, &trusted.response(&image, &conditions, self.seed)?)
        });
        Ok(())
    }

    /// Bytes by which every round of calls makes this process grow: the least of several. What leaks grows in all of them, while
    /// allocators take and give back at times of their own, in single rounds by much more than small leaks. 0 where calls are too
    /// slow for several rounds.
    fn growth(&self, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
        // All of it stays well below the time after which this process counts as hanging.
        let (begin, longest) = (Instant::now(), self.time_out / 2);
        let mut round = |calls: usize, end: Duration| {
            let before = resident()?;
            for _ in 0..calls {
                call()?;
                if begin.elapsed() > end {
                    break;
                }
            }
            Ok::<f64, Error>(resident()? - before)
        };
        let mut growths = Vec::new();
        for index in 0..=ROUNDS {
            let growth = round(CALLS, longest * (index + 1) / (ROUNDS + 1))?;
            if begin.elapsed() > longest {
                break;
            }
            // The first round fills caches and pools.
            growths.extend((index > 0).then_some(growth));
        }
        let least = growths.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(if growths.len() < 3 { 0.0 } else { least.max(0.0) })
    }
}

const DESTROYED: &str = "it is destroyed";

/// Bytes that this process holds.
fn resident() -> Result<f64> {
    let unknown = || Error::external("memory", "this system does not tell how much a process holds");
    Ok(resident_memory().ok_or_else(unknown)?.0 as f64)
}

/// The shape of an image that the instance takes.
fn shape_of(instance: &PluginInstance, example: &[usize]) -> Vec<usize> {
    match instance {
        PluginInstance::Operator(operator) => operator.domain().shape(),
        _ => example.to_vec(),
    }
}

/// Largest relative distance between the arrays of two answers.
fn apart(own: &[ArrayD<Complex32>], other: &[ArrayD<Complex32>]) -> Result<f64> {
    let shapes = |arrays: &[ArrayD<Complex32>]| arrays.iter().map(|array| array.shape().to_vec()).collect::<Vec<_>>();
    if shapes(own) != shapes(other) {
        let (expected, got) = (format!("arrays {:?}", shapes(other)), format!("{:?}", shapes(own)));
        return Err(Error::incompatible("comparison", expected, got));
    }
    let norm =
        |values: &mut dyn Iterator<Item = Complex32>| values.map(|v| f64::from(v.norm_sqr())).sum::<f64>().sqrt();
    let relative = |(own, other): (&ArrayD<Complex32>, &ArrayD<Complex32>)| {
        let difference = norm(&mut own.iter().zip(other).map(|(a, b)| a - b));
        difference / norm(&mut other.iter().copied()).max(f64::MIN_POSITIVE)
    };
    Ok(own.iter().zip(other).map(relative).fold(0.0, f64::max))
}

/// Spaces that a reconstruction cannot use, in words.
fn unusual_axes(operator: &impl ForwardOperator) -> Option<String> {
    let names = |space: &Space| -> Vec<String> { space.axes().iter().map(|axis| axis.name.to_string()).collect() };
    let (domain, range) = (names(operator.domain()), names(operator.range()));
    let is_image = domain == ["coefficient", "y", "x"] || domain == ["coefficient", "z", "y", "x"];
    let is_kspace = range == ["coil", "frame", "sample"];
    (!is_image || !is_kspace).then(|| {
        format!(
            "`diph recon` maps images (coefficient, [z,] y, x) to samples (coil, frame, sample); it maps ({}) to ({})",
            domain.join(", "),
            range.join(", ")
        )
    })
}
