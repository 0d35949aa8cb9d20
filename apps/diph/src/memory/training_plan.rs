//! What a training run will need.

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_core::{AcquisitionShape, ImageShape, MemoryEstimate};
use diph_datasets::DatasetFolder;
use num_complex::Complex32;

use super::{program_that_trains, reconstruction_plan};
use crate::training::RunConfig;

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
pub fn training_plan(config: &RunConfig) -> diph_diffusion::Result<MemoryEstimate> {
    let (training, data) = (&config.training, &config.data);
    let side = training.model.unet.image_size;
    let image = data.phantom.map_or([side; 2], |phantom| phantom.map(|length| length.max(side)));
    let frames = Sequence::CUTS.get(data.cut).copied().unwrap_or(Sequence::CUTS[0]);
    let slices = data.dataset.as_ref().and_then(|root| DatasetFolder::open(root).ok()?.slices_with_maps().ok());
    let slices = slices.map_or(0, |slices| slices.len());
    let atoms = DictionaryGrid::BRAIN_ATOMS;
    let shape = AcquisitionShape {
        image: ImageShape::plane(image[0], image[1]),
        coefficients: training.model.unet.coefficients,
        frames,
        samples: SAMPLES,
        coils: 1,
        has_coil_maps: false,
        is_weighted: false,
    };
    let at_once = rayon::current_num_threads().min(training.batch).max(1);
    let pixels = [MAPS.saturating_mul(slices), shape.pixels()];
    let image = MemoryEstimate::array::<Complex32>(&[shape.coefficients, shape.pixels()]);
    let simulation = Dictionary::simulation_memory_estimate(atoms, frames, shape.coefficients, 2);
    let mut estimate = program_that_trains()
        .and(training.memory_estimate()?)
        .and(reconstruction_plan::acquisition(&shape, atoms, 2))
        .and(simulation.passing("simulation of the dictionary"))
        .kept("images of a batch", image.saturating_mul((IMAGES_OF_A_SAMPLE * at_once + 3 * training.batch) as u64))
        .kept("maps", MemoryEstimate::array::<f32>(&pixels));
    if let Some(operators) = reconstruction_plan::measurement(&config.data.operator, &shape, true) {
        estimate = estimate.and(operators);
    }
    Ok(estimate)
}
