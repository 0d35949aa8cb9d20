//! Locally low rank: blocks of pixels whose signals span few dimensions.

mod casorati;
mod options;

use std::ops::Range;

use diph_core::{Prior, PriorContext, Result, SpatialAxes, View, ViewMut};
use num_complex::Complex32;
use rand::RngExt;
use rayon::prelude::*;

pub use options::LocallyLowRankOptions;

use crate::denoise_call::{DenoiseCall, ImageShape, join_channel_rows, split_channel_rows};
use crate::shift::Shift;
use casorati::CasoratiBlock;

const NAME: &str = "locally-low-rank";

/// What single precision leaves of the exact proximal map.
const ACCURACY: f32 = 1e-5;

/// Sum over blocks of the nuclear norm of the Casorati matrix (pixels of the block x coefficients).
///
/// Neighbouring voxels hold few tissues, so their signals span a space of low dimension (Trzasko and Manduca, Asilomar
/// 2011; Zhang, Pauly and Levesque, Magn. Reson. Med. 73, 2015). Blocks tile the image without overlap; where the size
/// is no multiple of the block, and where the grid is shifted, the blocks on the border are smaller.
///
/// For a given shift the proximal map is exact: singular-value soft thresholding of every block by `sigma^2`.
#[derive(Clone, Debug)]
pub struct LocallyLowRank {
    options: LocallyLowRankOptions,
}

impl LocallyLowRank {
    /// A locally-low-rank prior with these options.
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when an option is out of its range.
    pub fn new(options: LocallyLowRankOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options })
    }

    /// The options that this prior was made with.
    pub fn options(&self) -> &LocallyLowRankOptions {
        &self.options
    }

    /// Rows or columns of the blocks along an axis, with the grid shifted by `shift` below the block size.
    fn blocks(&self, len: usize, shift: usize) -> Vec<Range<usize>> {
        let first = if shift == 0 { None } else { Some(0..shift.min(len)) };
        let starts = (shift..len).step_by(self.options.block);
        first.into_iter().chain(starts.map(|start| start..(start + self.options.block).min(len))).collect()
    }

    /// For a fixed grid only: with random shifts there is no single R.
    fn has_penalty(&self) -> bool {
        self.options.shift == Shift::None
    }

    /// R of an image on the fixed grid.
    fn penalty(&self, shape: ImageShape, image: &[Complex32]) -> f64 {
        let mut rows = vec![0.0; 2 * image.len()];
        split_channel_rows(shape, image, 1.0, &mut rows);
        let columns = self.blocks(shape.width, 0);
        let sums: Vec<f64> = bands(shape, &self.blocks(shape.height, 0), &mut rows)
            .into_par_iter()
            .map(|band| columns.iter().map(|c| CasoratiBlock::new(shape, c.clone()).nuclear_norm(band)).sum())
            .collect();
        sums.iter().sum()
    }

    fn draw_shift(&self, context: &mut PriorContext<'_>) -> [usize; 2] {
        match self.options.shift {
            Shift::None => [0, 0],
            Shift::Random => [0, 1].map(|_| context.rng.random_range(0..self.options.block)),
        }
    }
}

impl Prior for LocallyLowRank {
    fn name(&self) -> &str {
        NAME
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let [shift_y, shift_x] = self.draw_shift(context);
        let call = DenoiseCall::check(NAME, SpatialAxes::Two, &noisy, sigma, clean)?;
        if call.is_identity() {
            let (shape, image) = call.copy();
            return Ok(self.has_penalty().then(|| self.penalty(shape, image)));
        }
        let mut rows = vec![0.0; 2 * call.noisy.len()];
        split_channel_rows(call.shape, call.noisy, 1.0, &mut rows);
        let columns = self.blocks(call.shape.width, shift_x);
        let block = |columns: &Range<usize>| CasoratiBlock::new(call.shape, columns.clone());
        let sums: Vec<f64> = bands(call.shape, &self.blocks(call.shape.height, shift_y), &mut rows)
            .into_par_iter()
            .map(|band| columns.iter().map(|columns| block(columns).soft_threshold(band, call.weight)).sum())
            .collect();
        join_channel_rows(call.shape, &rows, 1.0, call.clean);
        Ok(self.has_penalty().then(|| sums.iter().sum()))
    }

    /// For a fixed grid only.
    fn proximal_accuracy(&self) -> Option<f32> {
        self.has_penalty().then_some(ACCURACY)
    }
}

/// Splits channel rows into bands of whole block rows.
fn bands<'a>(shape: ImageShape, block_rows: &[Range<usize>], mut rows: &'a mut [f32]) -> Vec<&'a mut [f32]> {
    let mut bands = Vec::with_capacity(block_rows.len());
    for range in block_rows {
        let (band, rest) = rows.split_at_mut(range.len() * shape.channel_row());
        bands.push(band);
        rows = rest;
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_tile_every_length_once() {
        let prior = LocallyLowRank::new(LocallyLowRankOptions { block: 4, shift: Shift::None }).unwrap();
        for len in 1..20 {
            for shift in 0..4 {
                let pixels: Vec<usize> = prior.blocks(len, shift).into_iter().flatten().collect();
                assert_eq!(pixels, (0..len).collect::<Vec<_>>(), "length {len}, shift {shift}");
            }
        }
    }
}
