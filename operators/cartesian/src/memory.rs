//! What the operator will need, from shapes alone.

use diph_core::{AcquisitionShape, MemoryEstimate};
use num_complex::Complex32;

use crate::CartesianOperator;

impl CartesianOperator {
    /// What an operator of these lengths will need at most: when every sample lies on a point of its own.
    pub fn memory_estimate(shape: &AcquisitionShape) -> MemoryEstimate {
        let (samples, pixels, planes) = (shape.samples_per_coil(), shape.pixels(), shape.coefficients);
        let points = samples.min(pixels);
        let per_sample = MemoryEstimate::array::<[usize; 2]>(&[samples]);
        let per_point = MemoryEstimate::array::<([usize; 2], Complex32)>(&[points]);
        let spectra = MemoryEstimate::array::<Complex32>(&[3, planes, pixels]);
        let values = MemoryEstimate::array::<Complex32>(&[planes, points]);
        let mut estimate = MemoryEstimate::default()
            .kept("samples on the grid", per_sample.saturating_add(per_point))
            .kept("Gram matrices", MemoryEstimate::array::<f32>(&[planes * (planes + 1) / 2, pixels]))
            .kept("preconditioner", MemoryEstimate::array::<f32>(&[planes * (planes + 1) / 2, pixels]))
            .temporary("spectra", spectra.saturating_add(values))
            .temporary("sorting of samples", MemoryEstimate::array::<(usize, usize, Complex32)>(&[samples]));
        if shape.is_weighted {
            estimate = estimate.kept("data weights", MemoryEstimate::array::<f32>(&[samples]));
        }
        if shape.has_coil_maps {
            estimate = estimate.kept("coil maps", MemoryEstimate::array::<Complex32>(&[shape.coils, pixels]));
        }
        estimate
    }
}

#[cfg(test)]
mod tests {
    use diph_core::ImageShape;

    use super::*;

    #[test]
    fn gram_matrices_are_counted_by_hand() {
        let shape = AcquisitionShape {
            image: ImageShape::plane(64, 32),
            coefficients: 3,
            frames: 10,
            samples: 320,
            coils: 4,
            has_coil_maps: true,
            is_weighted: true,
        };
        let estimate = CartesianOperator::memory_estimate(&shape);
        let parts = estimate.largest_parts();
        assert!(parts.contains(&("Gram matrices", 6 * 64 * 32 * 4)) && parts.contains(&("coil maps", 4 * 64 * 32 * 8)));
    }
}
