//! The parameters of a convolution, and their taps, whichever way round.

use std::sync::OnceLock;

use crate::convolution::geometry::Conv2dGeometry;
use crate::convolution::packed_weight::PackedWeight;
use crate::products::precision::Precision;
use crate::products::tile_kernel::{Left, ROWS};
use crate::{Error, Parameter, Result};

/// Weight and bias of a convolution, and the precision of its products.
pub struct ConvolutionWeights {
    /// (output, input, kernel, kernel) or, for a kernel of one, (output, input, 1).
    pub weight: Parameter,
    /// (output).
    pub bias: Parameter,
    /// That of the products in the result and in the gradients.
    pub precision: Precision,
    /// A constant weight in the kernel's order, made in the first run.
    packed: OnceLock<PackedWeight>,
}

impl ConvolutionWeights {
    /// A convolution with these parameters.
    pub fn new(weight: Parameter, bias: Parameter, precision: Precision) -> Self {
        Self { weight, bias, precision, packed: OnceLock::new() }
    }

    /// The weight's shape, (output, input, kernel, kernel).
    ///
    /// # Errors
    /// When the weight has no such shape.
    pub fn shape(&self) -> Result<[usize; 4]> {
        match *self.weight.shape() {
            [outputs, inputs, height, width] => Ok([outputs, inputs, height, width]),
            [outputs, inputs, 1] => Ok([outputs, inputs, 1, 1]),
            ref other => Err(Error::shape("conv2d", "a weight of shape [outputs, inputs, y, x]", other)),
        }
    }

    /// Memory of the weight in the order of the kernel.
    ///
    /// # Errors
    /// As [`ConvolutionWeights::shape`].
    pub fn packed_bytes(&self) -> Result<u64> {
        let [outputs, inputs, height, width] = self.shape()?;
        Ok(PackedWeight::bytes(outputs, inputs, height * width, self.precision))
    }

    /// Calls `with` on the weight in the order of the kernel. A variable is brought into it every time.
    pub fn with_packed<T>(&self, geometry: &Conv2dGeometry, with: impl FnOnce(&PackedWeight) -> T) -> T {
        let pack = || PackedWeight::new(geometry, &self.weight.values(), self.precision);
        if self.weight.is_variable() { with(&pack()) } else { with(self.packed.get_or_init(pack)) }
    }

    /// The weight of the convolution that carries gradients back.
    pub fn packed_transposed(&self, geometry: &Conv2dGeometry) -> PackedWeight {
        PackedWeight::transposed(geometry, &self.weight.values(), self.precision)
    }
}

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
    /// A weight over values that lie as (output, input, row, column).
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
