//! What simulating a data folder will need.

use diph_bloch::Dictionary;
use diph_core::{AcquisitionShape, MemoryEstimate};
use diph_plugin_host::Registry;
use num_complex::Complex32;

use super::{acquisition_memory, measurement_memory, program_with_plugins};

/// Copies of the simulated samples: as measured, weighted for the adjoint, and as bytes of the file.
const KSPACE_COPIES: u64 = 3;
/// Images: of the slice, its adjoint, and copies on their way to files.
const IMAGES: u64 = 6;
/// Maps of a phantom while it is drawn, one number per pixel each.
const MAPS: usize = 16;
/// Signals of tissues before they are compressed.
const SIGNALS: u64 = 16 << 20;

/// A simulation that is not there yet.
pub struct SimulationPlan<'a> {
    /// The operator that measures.
    pub operator: &'a str,
    /// Lengths of the acquisition.
    pub shape: AcquisitionShape,
    /// Atoms of the dictionary.
    pub atoms: usize,
    /// Parameters of an atom: T1, T2 and possibly B1.
    pub parameters: usize,
    /// Whether the dictionary is simulated, rather than read.
    pub simulates_dictionary: bool,
}

impl SimulationPlan<'_> {
    /// What a user can change so that a simulation needs less.
    pub const ADVICE: &'static str = "take a smaller image, fewer coils, frames or samples";

    /// What the simulation will need at its peak, asked from its operator too.
    pub fn memory(&self, registry: &Registry) -> MemoryEstimate {
        let shape = &self.shape;
        let image = MemoryEstimate::array::<Complex32>(&[shape.coefficients, shape.pixels()]);
        let kspace = MemoryEstimate::array::<Complex32>(&[shape.coils, shape.samples_per_coil()]);
        let estimate = program_with_plugins()
            .and(acquisition_memory(shape, self.atoms, self.parameters))
            .kept("images", image.saturating_mul(IMAGES))
            .kept("signals of tissues", SIGNALS)
            .kept("k-space", kspace.saturating_mul(KSPACE_COPIES))
            .temporary("maps", MemoryEstimate::array::<f32>(&[MAPS, shape.pixels()]));
        let estimate = match measurement_memory(registry, self.operator, shape, false) {
            Some(operators) => estimate.and(operators),
            None => estimate,
        };
        if !self.simulates_dictionary {
            return estimate;
        }
        let dictionary =
            Dictionary::simulation_memory_estimate(self.atoms, shape.frames, shape.coefficients, self.parameters);
        estimate.and(dictionary.passing("simulation of the dictionary"))
    }
}
