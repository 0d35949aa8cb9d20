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

/// `atoms` tissues over the same range, on a grid as fine as it has to be.
///
/// # Panics
/// When `atoms` is 0.
pub fn grid(atoms: usize) -> DictionaryGrid {
    let mut side = (atoms as f64).sqrt() as i32 + 2;
    loop {
        let (t1, t2) = (logarithmic(0.02, 5.0, side), logarithmic(0.005, 4.0, side));
        let grid = DictionaryGrid::product(&t1, &t2, &[]).expect("a valid grid");
        if grid.tissues().len() >= atoms {
            return DictionaryGrid::from_lut(grid.lut().slice(ndarray::s![..atoms, ..])).expect("a valid grid");
        }
        side += side / 50 + 1;
    }
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
    sized_slice(matcher, SIZE)
}

/// The same slice in pixels of another size: the disc grows with the image.
pub fn sized_slice(matcher: &DictionaryMatcher, side: usize) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let atoms = matcher.dictionary().atoms();
    Array3::from_shape_fn((COEFFICIENTS, side, side), |(k, y, x)| {
        let noise = Complex32::new(rng.random_range(-0.05..0.05), rng.random_range(-0.05..0.05));
        let centre = side as f32 / 2.0;
        let radius = (y as f32 - centre).hypot(x as f32 - centre);
        if radius > 80.0 / 230.0 * side as f32 {
            return noise;
        }
        let region = y * 23 / side * 23 + x * 23 / side;
        atoms[[region * 7919 % atoms.nrows(), k]] + noise
    })
    .into_dyn()
}
