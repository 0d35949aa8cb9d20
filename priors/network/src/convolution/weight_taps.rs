//! The taps of a convolution's weight, whichever way round.

use crate::convolution::geometry::Conv2dGeometry;
use crate::products::tile_kernel::{Left, ROWS};

/// Taps of the largest kernel.
pub const MOST_TAPS: usize = 9;

/// The weight (output, input, tap) of a convolution, or that of the transposed one.
#[derive(Clone, Copy)]
pub struct WeightTaps<'a> {
    values: &'a [f32],
    /// Of the convolution that this is the weight of.
    pub outputs: usize,
    pub inputs: usize,
    pub taps: usize,
    is_transposed: bool,
}

impl<'a> WeightTaps<'a> {
    /// As it lies in memory.
    pub fn new(geometry: &Conv2dGeometry, values: &'a [f32]) -> Self {
        let (outputs, inputs, taps) = (geometry.outputs, geometry.inputs, geometry.taps());
        Self { values, outputs, inputs, taps, is_transposed: false }
    }

    /// Outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, values: &'a [f32]) -> Self {
        let (outputs, inputs, taps) = (geometry.inputs, geometry.outputs, geometry.taps());
        Self { values, outputs, inputs, taps, is_transposed: true }
    }

    /// The weight of one tap.
    pub fn value(&self, output: usize, input: usize, tap: usize) -> f32 {
        let tap = if self.is_transposed { self.taps - 1 - tap } else { tap };
        self.kernel(output, input)[tap]
    }

    /// In memory's order.
    #[inline(always)]
    fn kernel(&self, output: usize, input: usize) -> &'a [f32] {
        let index = match self.is_transposed {
            false => output * self.inputs + input,
            true => input * self.outputs + output,
        };
        &self.values[index * self.taps..][..self.taps]
    }

    /// The weights of [`ROWS`] outputs by tap; zero beyond the last output or input.
    #[inline(always)]
    pub fn of_outputs(&self, first: usize, input: usize) -> [Left; MOST_TAPS] {
        let mut lefts = [[0.0; ROWS]; MOST_TAPS];
        if input >= self.inputs {
            return lefts;
        }
        for (row, output) in (first..self.outputs.min(first + ROWS)).enumerate() {
            let kernel = self.kernel(output, input);
            for (tap, value) in kernel.iter().enumerate() {
                let tap = if self.is_transposed { kernel.len() - 1 - tap } else { tap };
                lefts[tap][row] = *value;
            }
        }
        lefts
    }
}
