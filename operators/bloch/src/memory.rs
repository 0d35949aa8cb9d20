//! What dictionaries and matching will need, from their lengths alone.

use diph_core::MemoryEstimate;
use num_complex::Complex32;

use crate::dictionary::simulate::{CHUNK, PARTS};
use crate::dictionary_matcher::ball_tree;
use crate::{Dictionary, DictionaryMatcher, Tissue};

impl Dictionary {
    /// What a dictionary keeps in memory: atoms, norms, parameters and basis.
    pub fn memory_estimate(atoms: usize, frames: usize, coefficients: usize, parameters: usize) -> MemoryEstimate {
        MemoryEstimate::default()
            .kept("dictionary", MemoryEstimate::array::<f32>(&[atoms, coefficients.saturating_add(1 + parameters)]))
            .kept("temporal basis", MemoryEstimate::array::<f32>(&[frames, coefficients]))
    }

    /// What [`simulate`](Self::simulate) needs: beside the dictionary, Gram matrices (frame, frame) and their eigenvectors,
    /// the signals of some tissues, and the responses before they are put together. Signals of the whole grid are never there.
    pub fn simulation_memory_estimate(
        atoms: usize,
        frames: usize,
        coefficients: usize,
        parameters: usize,
    ) -> MemoryEstimate {
        let threads = rayon::current_num_threads();
        // Each signal once as it is and once transposed.
        let signals = MemoryEstimate::array::<[f64; 2]>(&[threads, CHUNK.min(atoms), frames]);
        let grams = MemoryEstimate::array::<f64>(&[PARTS + 2, frames, frames]);
        // In double precision, then in single precision before and after normalisation.
        let responses = MemoryEstimate::array::<[f64; 2]>(&[atoms, coefficients]);
        Self::memory_estimate(atoms, frames, coefficients, parameters)
            .kept("tissues", MemoryEstimate::array::<Tissue>(&[atoms]))
            .temporary("Gram matrices", grams.saturating_add(signals))
            .temporary("responses", responses.saturating_add(signals))
    }
}

impl DictionaryMatcher {
    /// What a matcher keeps in memory, with a dictionary of its own, and what it needs to build the tree and to match `voxels` at
    /// a time.
    pub fn memory_estimate(atoms: usize, coefficients: usize, parameters: usize, voxels: usize) -> MemoryEstimate {
        let matches = MemoryEstimate::array::<(u32, Complex32)>(&[voxels]);
        // The order of the atoms, and the keys that it is made by.
        let order = MemoryEstimate::array::<(u32, f64, u32)>(&[atoms]);
        Dictionary::memory_estimate(atoms, coefficients, coefficients, parameters)
            .kept("matching tree", ball_tree::bytes(atoms, coefficients))
            .temporary("building of the matching tree", order)
            .temporary("matching", matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoms_count_once_in_the_dictionary_and_once_in_the_tree() {
        let part = |estimate: &MemoryEstimate, name: &str| {
            let parts = estimate.largest_parts();
            parts.into_iter().find(|(there, _)| *there == name).map(|(_, bytes)| bytes)
        };
        let estimate = DictionaryMatcher::memory_estimate(100_000, 5, 2, 1000);
        assert_eq!(part(&estimate, "dictionary"), Some(100_000 * 8 * 4));
        let tree = part(&estimate, "matching tree").unwrap();
        assert!((100_000 * 6 * 4..100_000 * 7 * 4).contains(&tree), "{tree}");
        let simulated = Dictionary::simulation_memory_estimate(100, 1000, 5, 2);
        assert!(part(&simulated, "Gram matrices").unwrap() >= 10 * 8_000_000);
    }
}
