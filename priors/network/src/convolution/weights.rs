//! The parameters of a convolution.

use std::sync::OnceLock;

use crate::convolution::geometry::Conv2dGeometry;
use crate::convolution::packed_weight::PackedWeight;
use crate::products::precision::Precision;
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
