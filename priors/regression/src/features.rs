//! What the network sees of an image, and what its answer stands for.

use diph_network::{Error, Result};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use num_complex::Complex32;

use crate::maps::{HEAD_SHARE, HEAD_WEIGHT, OFFSETS, median_of_head};
use crate::{Maps, Normalisation, OUTPUTS, RegressionConfig, TARGETS};

/// Pixels of the Gaussian on either side, in standard deviations.
const BLUR_REACH: f32 = 4.0;

/// An image (coefficient, y, x) as the network sees it, and what was taken from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// (plane, y, x), as [`RegressionConfig::input_planes`](crate::RegressionConfig::input_planes) counts them.
    pub planes: Array3<f32>,
    /// Unit factors (y, x) that turn the phase of the proton density to about 0.
    pub phase: Array2<Complex32>,
    /// Root mean square of the image over its pixels, summed over the coefficients.
    pub scale: f32,
    /// Logarithm of the scale over that of typical images: how bright the image is, and with known noise how clear.
    pub log_scale: f32,
}

impl Features {
    /// The features of an image in the units of the measurement.
    ///
    /// # Errors
    /// [`Error::Setting`] when the image has another number of coefficients, is zero, or is not finite.
    pub fn new(normalisation: &Normalisation, image: ArrayView3<'_, Complex32>) -> Result<Self> {
        let (coefficients, height, width) = image.dim();
        if coefficients != normalisation.sizes.len() {
            let expected = format!("{} coefficients, as the network was trained with", normalisation.sizes.len());
            return Err(Error::setting("image", expected, coefficients));
        }
        let energy: f64 = image.iter().map(|value| f64::from(value.norm_sqr())).sum();
        let scale = (energy / (height * width).max(1) as f64).sqrt() as f32;
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::setting("image", "finite values that are not all zero", format!("a size of {scale}")));
        }
        let smooth = blurred(image.index_axis(Axis(0), normalisation.phase_coefficient), normalisation.phase_blur);
        let phase = smooth.mapv(|value| match value.norm() {
            0.0 => Complex32::ONE,
            norm => value.conj() / norm,
        });
        let log_scale = (scale / normalisation.scale).ln();
        let mut planes = Array3::zeros((2 * coefficients + 2, height, width));
        write_parts(&mut planes, 0, image, &phase, &normalisation.sizes, scale);
        planes.index_axis_mut(Axis(0), 2 * coefficients).fill(log_scale);
        let size = scale * normalisation.sizes[normalisation.phase_coefficient];
        planes.index_axis_mut(Axis(0), 2 * coefficients + 1).assign(&smooth.mapv(|value| value.norm() / size));
        Ok(Self { planes, phase, scale, log_scale })
    }

    /// The features of a second stage: those of the image, then of the image of the residual, then the planes of the first stage's
    /// `maps`.
    ///
    /// # Errors
    /// [`Error::Setting`] when the normalisation is that of a first stage, or a shape differs.
    pub fn with_residual(
        self,
        normalisation: &Normalisation,
        residual: ArrayView3<'_, Complex32>,
        maps: &Maps,
    ) -> Result<Self> {
        let Some(sizes) = &normalisation.residual_sizes else {
            return Err(Error::setting("normalisation.residual_sizes", "those of a second stage", "none"));
        };
        let (height, width) = self.phase.dim();
        let expected = (sizes.len(), height, width);
        if residual.dim() != expected || maps.pd.dim() != (height, width) {
            let got = format!("{:?} and maps of {:?}", residual.dim(), maps.pd.dim());
            return Err(Error::setting("image of the residual", format!("{expected:?}"), got));
        }
        let first = self.planes.len_of(Axis(0));
        let own = maps.planes(&self);
        let mut planes = Array3::zeros((first + 2 * sizes.len() + own.len_of(Axis(0)), height, width));
        planes.slice_mut(ndarray::s![..first, .., ..]).assign(&self.planes);
        write_parts(&mut planes, first, residual, &self.phase, sizes, self.scale);
        planes.slice_mut(ndarray::s![first + 2 * sizes.len().., .., ..]).assign(&own);
        Ok(Self { planes, ..self })
    }
}

/// Real parts of all coefficients, then imaginary parts, without phase and size.
fn write_parts(
    planes: &mut Array3<f32>,
    first: usize,
    image: ArrayView3<'_, Complex32>,
    phase: &Array2<Complex32>,
    sizes: &[f32],
    scale: f32,
) {
    for ((k, y, x), value) in image.indexed_iter() {
        let value = value * phase[[y, x]] / (scale * sizes[k]);
        planes[[first + k, y, x]] = value.re;
        planes[[first + sizes.len() + k, y, x]] = value.im;
    }
}

/// The image, convolved with a Gaussian; pixels beyond the edge count as its mirror images.
fn blurred(image: ArrayView2<'_, Complex32>, deviation: f32) -> Array2<Complex32> {
    let reach = (BLUR_REACH * deviation).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|at| (-0.5 * (at as f32 / deviation).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let along = |image: ArrayView2<'_, Complex32>, axis: usize| {
        let length = image.len_of(Axis(axis)) as isize;
        Array2::from_shape_fn(image.dim(), |(y, x)| {
            let value = |(index, weight): (usize, &f32)| {
                let mut at = [y, x];
                at[axis] = mirrored(at[axis] as isize + index as isize - reach, length);
                image[at] * (weight / sum)
            };
            weights.iter().enumerate().map(value).sum()
        })
    };
    along(along(image, 0).view(), 1)
}

/// The index inside of 0..length that a mirror at both edges shows at `index`.
fn mirrored(index: isize, length: isize) -> usize {
    let around = index.rem_euclid(2 * length);
    around.min(2 * length - 1 - around) as usize
}

impl Maps {
    /// The maps that an output (plane, y, x) stands for. Times beyond the range of the training data become its ends, and T2 is at
    /// most T1.
    pub fn from_output(config: &RegressionConfig, features: &Features, output: ArrayView3<'_, f32>) -> Self {
        let plane = |index| output.index_axis(Axis(0), index);
        let t1 = plane(0).mapv(|value| value.exp().clamp(config.t1[0], config.t1[1]));
        let t2 = plane(1).mapv(|value| value.exp().clamp(config.t2[0], config.t2[1]));
        let t2 = Array2::from_shape_fn(t2.dim(), |at| t2[at].min(t1[at]));
        let pd = Array2::from_shape_fn(t1.dim(), |at| {
            Complex32::new(plane(2)[at], plane(3)[at]) * features.phase[at].conj() * features.scale
        });
        Self { t1, t2, pd }
    }

    /// The network's output that stands for these maps, minus the offsets: (plane, y, x).
    pub(crate) fn planes(&self, features: &Features) -> Array3<f32> {
        let (height, width) = self.pd.dim();
        Array3::from_shape_fn((OUTPUTS, height, width), |(plane, y, x)| {
            let at = [y, x];
            let pd = || self.pd[at] * features.phase[at] / features.scale;
            match plane {
                0 => log(self.t1[at]) - OFFSETS[0],
                1 => log(self.t2[at]) - OFFSETS[1],
                2 => pd().re,
                _ => pd().im,
            }
        })
    }
}

/// Logarithm of a time; pixels without one get a time that no tissue has.
fn log(time: f32) -> f32 {
    time.max(1e-3).ln()
}

/// What the network is to answer, (plane, y, x), and the weight of every pixel as the last plane: 1 where |PD| exceeds
/// `mask_threshold`, and 0.3 more in the head, which reaches down to 0.35 of the median |PD| of its bright pixels.
pub fn target_planes(maps: &Maps, features: &Features, mask_threshold: f32) -> Array3<f32> {
    let outputs = maps.planes(features);
    let (_, height, width) = outputs.dim();
    let head = HEAD_SHARE * median_of_head(&maps.pd);
    Array3::from_shape_fn((TARGETS, height, width), |(plane, y, x)| match OFFSETS.get(plane) {
        Some(offset) => outputs[[plane, y, x]] + offset,
        None => {
            let pd = maps.pd[[y, x]].norm();
            f32::from(pd > mask_threshold) + HEAD_WEIGHT * f32::from(pd > head && pd > 0.0)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalisation() -> Normalisation {
        Normalisation {
            scale: 0.01,
            sizes: vec![0.5, 0.8],
            phase_coefficient: 1,
            phase_blur: 1.5,
            residual_sizes: None,
        }
    }

    fn image() -> Array3<Complex32> {
        Array3::from_shape_fn((2, 12, 9), |(k, y, x)| {
            Complex32::from_polar(0.01 + 0.001 * (k * y + x) as f32, 0.05 * (y + 2 * x) as f32)
        })
    }

    /// Only one plane says how bright the image is, and none in which direction its phase points.
    #[test]
    fn scale_and_phase_are_taken_away() {
        let plain = Features::new(&normalisation(), image().view()).unwrap();
        let factor = Complex32::from_polar(3.0, 1.2);
        let turned = Features::new(&normalisation(), image().mapv(|value| value * factor).view()).unwrap();
        assert!((turned.log_scale - plain.log_scale - 3.0_f32.ln()).abs() < 1e-5);
        for (plane, (a, b)) in plain.planes.outer_iter().zip(turned.planes.outer_iter()).enumerate() {
            let shift = if plane == 4 { 3.0_f32.ln() } else { 0.0 };
            assert!(a.iter().zip(&b).all(|(a, b)| (a + shift - b).abs() < 1e-4), "plane {plane}");
        }
    }

    #[test]
    fn blurring_keeps_constants_and_mirrors_at_the_edges() {
        let constant = Array2::from_elem((5, 4), Complex32::new(2.0, -1.0));
        assert!(blurred(constant.view(), 2.0).iter().all(|value| (value - Complex32::new(2.0, -1.0)).norm() < 1e-5));
        let at: Vec<usize> = (-3..7).map(|index| mirrored(index, 3)).collect();
        assert_eq!(at, [2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }

    #[test]
    fn images_that_do_not_fit_are_refused() {
        let error = Features::new(&normalisation(), Array3::zeros((2, 4, 4)).view()).unwrap_err().to_string();
        assert!(error.contains("not all zero"), "{error}");
        let error = Features::new(&normalisation(), Array3::ones((3, 4, 4)).view()).unwrap_err().to_string();
        assert!(error.contains("2 coefficients"), "{error}");
    }
}
