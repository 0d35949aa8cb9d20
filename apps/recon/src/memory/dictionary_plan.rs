//! What simulating a dictionary will need.

use diph_bloch::Dictionary;
use diph_core::MemoryEstimate;

use super::program;

/// A dictionary of `atoms` with `parameters` (T1, T2 and possibly B1) from its simulation to its file, in which numbers have double
/// precision.
pub fn dictionary_plan(atoms: usize, frames: usize, coefficients: usize, parameters: usize) -> MemoryEstimate {
    let numbers = MemoryEstimate::array::<f64>(&[atoms, coefficients.saturating_add(1 + parameters)]);
    program()
        .and(Dictionary::simulation_memory_estimate(atoms, frames, coefficients, parameters))
        .temporary("writing of the file", numbers.saturating_mul(3))
}
