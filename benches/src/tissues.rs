//! A large dictionary, and a slice of noisy responses.

use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, Sequence};
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{COEFFICIENTS, SIZE};

/// `count` values from `from` to `to` at equal ratios.
fn logarithmic(from: f64, to: f64, count: i32) -> Vec<f64> {
    (0..count).map(|i| from * (to / from).powf(f64::from(i) / f64::from(count - 1))).collect()
}

/// 94,777 tissues over the brain's range, as many as the dictionary of the published method.
///
/// # Panics
/// Never: the values are valid.
pub fn large_grid() -> DictionaryGrid {
    let grid = DictionaryGrid::product(&logarithmic(0.02, 5.0, 400), &logarithmic(0.005, 4.0, 390), &[]);
    let lut = grid.expect("a valid grid").lut();
    DictionaryGrid::from_lut(lut.slice(ndarray::s![..94_777, ..])).expect("a valid grid")
}

/// A matcher on the responses of `grid` to 200 frames of the Deli-CS sequence.
///
/// # Panics
/// Never: grids are valid.
pub fn matcher(grid: &DictionaryGrid) -> DictionaryMatcher {
    let sequence = Sequence::deli_cs().truncated(200).expect("enough frames");
    DictionaryMatcher::new(Dictionary::simulate(&sequence, grid, COEFFICIENTS).expect("simulates"))
}

/// A slice: a disc of responses in regions of one tissue each with 5 % noise, around it noise only.
pub fn slice(matcher: &DictionaryMatcher) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let atoms = matcher.dictionary().atoms();
    Array3::from_shape_fn((COEFFICIENTS, SIZE, SIZE), |(k, y, x)| {
        let noise = Complex32::new(rng.random_range(-0.05..0.05), rng.random_range(-0.05..0.05));
        let radius = (y as f32 - 115.0).hypot(x as f32 - 115.0);
        if radius > 80.0 {
            return noise;
        }
        let region = y / 10 * 23 + x / 10;
        atoms[[region * 7919 % atoms.nrows(), k]] + noise
    })
    .into_dyn()
}
