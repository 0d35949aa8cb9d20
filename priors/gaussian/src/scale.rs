//! The size of an image.

use num_complex::Complex32;

/// Share of the 90th percentile above which a voxel counts as tissue.
const TISSUE: f32 = 0.35;

/// The scale m of an image: the median of `|PD|` over its tissue, the voxels above 0.35 times the 90th percentile of
/// `|PD|`. Images of different receiver gains are alike after division by it. `None` where everything is zero.
///
/// ```
/// use num_complex::Complex32;
/// let mut proton_density = vec![Complex32::from(0.0); 70];
/// proton_density.extend([Complex32::new(0.0, 2.0); 30]);
/// assert_eq!(diph_gaussian::proton_density_scale(&proton_density), Some(2.0));
/// ```
pub fn proton_density_scale(proton_density: &[Complex32]) -> Option<f32> {
    let mut sizes: Vec<f32> = proton_density.iter().map(|value| value.norm()).filter(|size| size.is_finite()).collect();
    if sizes.is_empty() {
        return None;
    }
    let index = (sizes.len() - 1) * 9 / 10;
    let threshold = TISSUE * *sizes.select_nth_unstable_by(index, f32::total_cmp).1;
    sizes.retain(|size| *size > threshold);
    if sizes.is_empty() {
        return None;
    }
    let middle = sizes.len() / 2;
    Some(*sizes.select_nth_unstable_by(middle, f32::total_cmp).1)
}
