//! Memory and time that a training run will need.

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_core::{AcquisitionShape, ImageShape, MemoryEstimate};
use diph_datasets::DatasetFolder;
use diph_diffusion::TrainingConfig;
use diph_network::{NetworkCost, Precision};
use diph_plugin_host::Registry;
use num_complex::Complex32;

use diph_recon::memory::{acquisition_memory, long_time, measurement_memory, program_with_plugins};

use crate::{DataConfig, RegressionRunConfig, RunConfig};

/// Phantoms, responses, samples for validation and their pictures.
const TRAINING: u64 = 40 << 20;
/// A training step runs the network forwards and, at twice the cost, backwards.
const PASSES_OF_A_STEP: f64 = 3.0;
/// Samples of a frame where no trajectory has been read: those of the built-in spiral.
const SAMPLES: usize = 920;
/// Images of a sample on its way into the network: the image, its condition and the vectors of conjugate gradients.
const IMAGES_OF_A_SAMPLE: usize = 10;
/// Maps of an image in memory.
const MAPS: usize = 5;

/// The network, the operator that measures every sample afresh, and the maps of the data folder. Files are not read for this: images
/// have the size of the phantom or of the network's canvas, readouts the length of the built-in spiral's.
///
/// # Errors
/// When the configuration makes no network.
pub fn training_plan(registry: &Registry, config: &RunConfig) -> diph_diffusion::Result<MemoryEstimate> {
    let training = &config.training;
    let unet = &training.model.unet;
    let samples = SamplePlan { side: unet.image_size, coefficients: unet.coefficients, batch: training.batch };
    Ok(training.memory_estimate()?.and(samples.memory(registry, &config.data)))
}

/// The same for a regression network: images have the size of the phantom or that of the published maps.
///
/// # Errors
/// When the configuration makes no network.
pub fn regression_plan(registry: &Registry, config: &RegressionRunConfig) -> diph_network::Result<MemoryEstimate> {
    let training = config.for_estimates();
    let (side, coefficients) = (config.unet.image_size, config.unet.coefficients);
    let longest = config.data.phantom.map_or(side, |phantom| phantom[0].max(phantom[1]).max(side));
    let samples = SamplePlan { side, coefficients, batch: rayon::current_num_threads() };
    Ok(training.memory_estimate(longest * longest)?.and(samples.memory(registry, &config.data)))
}

/// How large the images of a run are, and how many are made at once.
struct SamplePlan {
    side: usize,
    coefficients: usize,
    batch: usize,
}

impl SamplePlan {
    /// The program, the operator that measures every sample afresh, and the maps of the data folder.
    fn memory(&self, registry: &Registry, data: &DataConfig) -> MemoryEstimate {
        let Self { side, coefficients, batch } = *self;
        let image = data.phantom.map_or([side; 2], |phantom| phantom.map(|length| length.max(side)));
        let frames = Sequence::CUTS.get(data.cut).copied().unwrap_or(Sequence::CUTS[0]);
        let slices = data.dataset.as_ref().and_then(|root| DatasetFolder::open(root).ok()?.slices_with_maps().ok());
        let slices = slices.map_or(0, |slices| slices.len());
        let atoms = DictionaryGrid::BRAIN_ATOMS;
        let shape = AcquisitionShape {
            image: ImageShape::plane(image[0], image[1]),
            coefficients,
            frames,
            samples: SAMPLES,
            coils: 1,
            has_coil_maps: false,
            is_weighted: false,
        };
        let at_once = rayon::current_num_threads().min(batch).max(1);
        let pixels = [MAPS.saturating_mul(slices), shape.pixels()];
        let image = MemoryEstimate::array::<Complex32>(&[shape.coefficients, shape.pixels()]);
        let simulation = Dictionary::simulation_memory_estimate(atoms, frames, shape.coefficients, 2);
        let mut estimate = program_with_plugins()
            .kept("program", TRAINING)
            .and(acquisition_memory(&shape, atoms, 2))
            .and(simulation.passing("simulation of the dictionary"))
            .kept("images of a batch", image.saturating_mul((IMAGES_OF_A_SAMPLE * at_once + 3 * batch) as u64))
            .kept("maps", MemoryEstimate::array::<f32>(&pixels));
        if let Some(operators) = measurement_memory(registry, &data.operator, &shape, true) {
            estimate = estimate.and(operators);
        }
        estimate
    }
}

/// A line about the network of a training run of so many steps to go, where that takes longer than is friendly.
///
/// # Errors
/// When the configuration makes no network, or the measurement of this machine's speed fails.
pub fn training_time(config: &TrainingConfig, steps: u64) -> diph_diffusion::Result<Option<String>> {
    let unet = &config.model.unet;
    let cost = NetworkCost::new(unet, unet.image_size, config.batch, config.precision)?;
    Ok(time_of_steps(&cost, steps, config.precision)?)
}

/// The same for a regression network.
///
/// # Errors
/// When the configuration makes no network, or the measurement of this machine's speed fails.
pub fn regression_time(config: &RegressionRunConfig) -> diph_network::Result<Option<String>> {
    let training = config.for_estimates();
    time_of_steps(&training.network_cost()?, training.settings.steps, training.settings.precision)
}

fn time_of_steps(cost: &NetworkCost, steps: u64, precision: Precision) -> diph_network::Result<Option<String>> {
    let duration = cost.duration(PASSES_OF_A_STEP * steps as f64, precision)?;
    let parameters = cost.parameters as f64 / 1e6;
    let decimals = usize::from(parameters < 10.0);
    Ok(long_time(duration).map(|time| {
        format!(
            "network: {parameters:.decimals$} M parameters, {:.0} GFLOP a step, {steps} steps: {time} on this machine, without \
             making the images",
            PASSES_OF_A_STEP * cost.operations() / 1e9
        )
    }))
}
