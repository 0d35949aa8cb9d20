//! Dictionaries: simulation and matching.

use diph_benches::{COEFFICIENTS, tissues};
use diph_bloch::{Dictionary, DictionaryMatcher, EpgFisp, Sequence};
use diph_core::MemoryEstimate;
use num_complex::Complex32;

use crate::Result;
use crate::case::Case;
use crate::measurement::{median, once};

/// Tissues whose signals are there at once.
const CHUNK: usize = 4096;

/// The tree, and a slice.
pub fn measure_matching(case: &Case) -> Result<(Vec<(String, f64)>, MemoryEstimate)> {
    let grid = tissues::grid(case.atoms);
    let dictionary = Dictionary::simulate(&Sequence::deli_cs().truncated(case.frames)?, &grid, COEFFICIENTS)?;
    let mut matcher = None;
    let set_up = once(|| {
        matcher = Some(DictionaryMatcher::new(dictionary));
        Ok(())
    })?;
    let matcher = matcher.ok_or("no matcher")?;
    let image = tissues::sized_slice(&matcher, case.size);
    let matching = median(|| matcher.match_image(image.view(), None).map(|_| ()).map_err(Into::into))?;
    let voxels = case.size * case.size;
    let simulation = Dictionary::simulation_memory_estimate(case.atoms, case.frames, COEFFICIENTS, 2);
    let estimate = DictionaryMatcher::memory_estimate(case.atoms, COEFFICIENTS, 2, voxels)
        .kept("images", MemoryEstimate::array::<Complex32>(&[COEFFICIENTS, voxels]))
        .and(simulation.passing("simulation of the dictionary"));
    Ok((vec![("set-up of the tree".into(), set_up), ("matching of a slice".into(), matching)], estimate))
}

/// EPG alone, and the whole dictionary: EPG twice, Gram matrix, eigenvectors and compression.
pub fn measure_dictionary(case: &Case) -> Result<(Vec<(String, f64)>, MemoryEstimate)> {
    let sequence = Sequence::fisp().truncated(case.frames)?;
    let grid = tissues::grid(case.atoms);
    let epg = EpgFisp::new(sequence.clone());
    let signals = once(|| {
        for tissues in grid.tissues().chunks(CHUNK) {
            epg.simulate(tissues)?;
        }
        Ok(())
    })?;
    let whole = once(|| Dictionary::simulate(&sequence, &grid, COEFFICIENTS).map(|_| ()).map_err(Into::into))?;
    let estimate = Dictionary::simulation_memory_estimate(case.atoms, case.frames, COEFFICIENTS, 2)
        .temporary("signals", MemoryEstimate::array::<f64>(&[CHUNK.min(case.atoms), case.frames]));
    Ok((vec![("EPG".into(), signals), ("EPG twice and SVD".into(), whole)], estimate))
}
