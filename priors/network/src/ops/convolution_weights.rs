//! The parameters of a convolution.

use std::sync::OnceLock;

use candle_core::{Result, Tensor, bail};

use super::conv2d_geometry::Conv2dGeometry;
use super::packed_weight::PackedWeight;
use super::precision::Precision;
use super::storage::with_values;

/// Weight and bias of a convolution, and the precision of its products.
pub struct ConvolutionWeights {
    /// (output, input, kernel, kernel) or, for a kernel of one, (output, input, 1).
    pub weight: Tensor,
    /// (output).
    pub bias: Tensor,
    /// That of the products in the result and in the gradients.
    pub precision: Precision,
    /// A constant weight in the kernel's order, made in the first run.
    packed: OnceLock<PackedWeight>,
}

impl ConvolutionWeights {
    /// Parameters that are constants unless they are candle variables.
    pub fn new(weight: Tensor, bias: Tensor, precision: Precision) -> Self {
        Self { weight, bias, precision, packed: OnceLock::new() }
    }

    /// The weight's shape, (output, input, kernel, kernel).
    ///
    /// # Errors
    /// When the weight has no such shape.
    pub fn shape(&self) -> Result<[usize; 4]> {
        match *self.weight.dims() {
            [outputs, inputs, height, width] => Ok([outputs, inputs, height, width]),
            [outputs, inputs, 1] => Ok([outputs, inputs, 1, 1]),
            ref other => bail!("conv2d: expected a weight of shape [outputs, inputs, y, x], got {other:?}"),
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
    pub fn with_packed<T>(&self, geometry: &Conv2dGeometry, with: impl FnOnce(&PackedWeight) -> T) -> Result<T> {
        let pack =
            || with_values("conv2d", &self.weight, |weight| Ok(PackedWeight::new(geometry, weight, self.precision)));
        if self.weight.track_op() {
            return Ok(with(&pack()?));
        }
        let packed = match self.packed.get() {
            Some(packed) => packed,
            None => {
                let packed = pack()?;
                self.packed.get_or_init(|| packed)
            }
        };
        Ok(with(packed))
    }

    /// The weight of the convolution that carries gradients back.
    pub fn packed_transposed(&self, geometry: &Conv2dGeometry) -> Result<PackedWeight> {
        let pack = |weight: &[f32]| Ok(PackedWeight::transposed(geometry, weight, self.precision));
        with_values("conv2d", &self.weight, pack)
    }
}
