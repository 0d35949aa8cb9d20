//! What the operator will need, from shapes alone.

use diph_core::{AcquisitionShape, MemoryEstimate, Result};
use diph_fourier::BLOCK;
use num_complex::{Complex32, Complex64};

use crate::grid_plan::{GridPlan, smooth_size};
use crate::lanes::LANES;
use crate::smooth_images::SmoothImages;
use crate::sorted_points::{GridPoint, strip_rows};
use crate::temporal_window::most_planes;
use crate::toeplitz::PAIRS;
use crate::{Accuracy, MrfOperator};

const COMPLEX: u64 = size_of::<Complex32>() as u64;

impl MrfOperator {
    /// What an operator of these lengths will need at most. Without `uses_normal` there are no Toeplitz kernels and no
    /// preconditioner: they are made when they are applied for the first time.
    ///
    /// # Errors
    /// [`Error::Incompatible`](diph_core::Error::Incompatible) for a volume, which the operator does not take.
    pub fn memory_estimate(shape: &AcquisitionShape, accuracy: Accuracy, uses_normal: bool) -> Result<MemoryEstimate> {
        let image = shape.image.require_plane("mrf-nufft: memory estimate")?;
        let samples = shape.samples_per_coil();
        let transform = Transform::new(image, shape, shape.coefficients, accuracy);
        let mut estimate = MemoryEstimate::default()
            .kept("trajectory", MemoryEstimate::array::<[f64; 2]>(&[samples]))
            .kept("NUFFT tables", transform.tables())
            .kept("NUFFT grid", transform.workspace())
            .temporary("sorting of samples", MemoryEstimate::array::<GridPoint>(&[samples]));
        if shape.is_weighted {
            // The roots, and the samples times them.
            estimate = estimate.kept("data weights", MemoryEstimate::array::<[f32; 3]>(&[samples]));
        }
        if shape.has_coil_maps {
            estimate = estimate.kept("coil maps", MemoryEstimate::array::<Complex32>(&[shape.coils, shape.pixels()]));
        }
        if !uses_normal {
            return Ok(estimate);
        }
        Ok(estimate.and(toeplitz(image, shape, accuracy)).and(preconditioner(image, shape)))
    }
}

fn toeplitz(image: [usize; 2], shape: &AcquisitionShape, accuracy: Accuracy) -> MemoryEstimate {
    let grid = image.map(|n| smooth_size(n.saturating_mul(2)));
    let planes = shape.coefficients;
    let pairs = planes * (planes + 1) / 2;
    let group = pairs.min(PAIRS);
    let double = image.map(|n| n.saturating_mul(2));
    let transform = Transform::new(double, shape, group, accuracy.finer());
    let functions = MemoryEstimate::array::<Complex32>(&[group, double[0], double[1]]);
    let weights = MemoryEstimate::array::<Complex32>(&[shape.samples_per_coil()]);
    let set_up = [transform.tables(), transform.workspace(), functions, row_blocks(double, grid, group), weights];
    MemoryEstimate::default()
        .kept("Toeplitz kernels", MemoryEstimate::array::<f32>(&[grid[0], grid[1], pairs]))
        .kept("Toeplitz grid", row_blocks(image, grid, planes) + column_blocks(image, grid, planes))
        .temporary("set-up of the Toeplitz kernels", set_up.iter().fold(0, |sum, part| sum.saturating_add(*part)))
}

fn preconditioner(image: [usize; 2], shape: &AcquisitionShape) -> MemoryEstimate {
    let [height, width] = image;
    let [grid_height, grid_width] = image.map(|n| smooth_size(n.saturating_mul(2)));
    let period = image.map(smooth_size);
    let planes = shape.coefficients;
    let pairs = planes * (planes + 1) / 2;
    let polynomials = SmoothImages::count(image);
    let system = planes * polynomials;
    let coils = if shape.has_coil_maps { shape.coils } else { 1 };
    let spreads = MemoryEstimate::array::<Complex32>(&[pairs + 1, height, grid_width]);
    let folded = MemoryEstimate::array::<[Complex32; 2]>(&[pairs, period[0], period[1]]);
    let blocks = MemoryEstimate::array::<Complex32>(&[pairs + coils, polynomials, polynomials]);
    let of_coils = row_blocks(image, [grid_height, grid_width], coils);
    let decomposition = MemoryEstimate::array::<[Complex64; 2]>(&[system, system]);
    let set_up = [spreads, folded, blocks, of_coils, decomposition];
    MemoryEstimate::default()
        // With their factorisations, and those that estimators ask for.
        .kept("circulant matrices", MemoryEstimate::array::<[f32; 2]>(&[pairs, period[0], period[1]]))
        .kept("symbol", MemoryEstimate::array::<f32>(&[planes, planes, height, width]))
        .kept("system of smooth images", MemoryEstimate::array::<[Complex32; 2]>(&[system, system]))
        .kept("grid of the preconditioner", row_blocks(image, period, planes) + column_blocks(image, period, planes))
        .temporary("set-up of the preconditioner", set_up.iter().fold(0, |sum, part| sum.saturating_add(*part)))
}

fn row_blocks(image: [usize; 2], grid: [usize; 2], planes: usize) -> u64 {
    MemoryEstimate::array::<Complex32>(&[image[0].next_multiple_of(BLOCK), grid[1], planes])
}

fn column_blocks(image: [usize; 2], grid: [usize; 2], planes: usize) -> u64 {
    MemoryEstimate::array::<Complex32>(&[grid[1].next_multiple_of(BLOCK), image[0], planes])
}

/// A non-uniform transform that is not there yet.
struct Transform {
    image: [usize; 2],
    samples: usize,
    frames: usize,
    /// Coefficients of the largest group that shares a grid.
    planes: usize,
    plan: GridPlan,
}

impl Transform {
    fn new(image: [usize; 2], shape: &AcquisitionShape, coefficients: usize, accuracy: Accuracy) -> Self {
        let samples = shape.samples_per_coil();
        let plan = GridPlan::new(image, samples, coefficients, accuracy);
        let groups = coefficients.div_ceil(most_planes(&plan)).max(1);
        Self { image, samples, frames: shape.frames, planes: coefficients.div_ceil(groups), plan }
    }

    /// Sorted samples, their places, and the basis for every lane.
    fn tables(&self) -> u64 {
        let vectors = (2 * self.planes * self.plan.width).div_ceil(LANES);
        MemoryEstimate::array::<GridPoint>(&[self.samples])
            + MemoryEstimate::array::<u32>(&[self.samples])
            + MemoryEstimate::array::<f32>(&[self.frames, vectors, LANES])
    }

    /// Grid, blocks between the Fourier transforms, and samples in the order of the grid: what one running call holds.
    fn workspace(&self) -> u64 {
        let (grid, rows) = (self.plan.grid, strip_rows(&self.plan));
        let row = (2 * self.planes * (grid[0] + self.plan.width)).next_multiple_of(LANES) + 2 * LANES;
        let blocks = row_blocks(self.image, grid, self.planes).max(column_blocks(self.image, grid, self.planes));
        MemoryEstimate::array::<f32>(&[grid[1].div_ceil(rows) + 1, rows, row]) + blocks + self.samples as u64 * COMPLEX
    }
}

#[cfg(test)]
mod tests {
    use diph_core::ImageShape;

    use super::*;

    fn shape(side: usize) -> AcquisitionShape {
        AcquisitionShape {
            image: ImageShape::plane(side, side),
            coefficients: 5,
            frames: 200,
            samples: 920,
            coils: 1,
            has_coil_maps: false,
            is_weighted: false,
        }
    }

    /// 512 x 512 bins of 15 pairs in f32, and so on.
    #[test]
    fn kernels_are_counted_by_hand() {
        let estimate = MrfOperator::memory_estimate(&shape(230), Accuracy::default(), true).unwrap();
        let parts = estimate.largest_parts();
        let kernels = parts.iter().find(|(name, _)| *name == "Toeplitz kernels").unwrap();
        assert_eq!(kernels.1, 512 * 512 * 15 * 4);
        let without = MrfOperator::memory_estimate(&shape(230), Accuracy::default(), false).unwrap();
        assert!(without.peak() + kernels.1 < estimate.peak());
    }

    #[test]
    fn coils_and_weights_count() {
        let one = MrfOperator::memory_estimate(&shape(64), Accuracy::default(), false).unwrap().peak();
        let eight = AcquisitionShape { coils: 8, has_coil_maps: true, is_weighted: true, ..shape(64) };
        let eight = MrfOperator::memory_estimate(&eight, Accuracy::default(), false).unwrap().peak();
        assert_eq!(eight - one, 8 * 64 * 64 * 8 + 184_000 * 12);
    }
}
