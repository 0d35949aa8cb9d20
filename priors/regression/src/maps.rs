//! Maps as the network writes them.

use ndarray::{Array2, Array3, ArrayView3, Axis};
use num_complex::Complex32;

use crate::{Features, RegressionConfig};

/// Planes of the network's output: log T1, log T2, real and imaginary part of the proton density.
pub const OUTPUTS: usize = 4;

/// Planes of a training target: those of the output, then the weight of every pixel.
pub const TARGETS: usize = OUTPUTS + 1;

/// What an untrained network answers: the logarithms of typical relaxation times in seconds, and no proton density.
pub(crate) const OFFSETS: [f32; OUTPUTS] = [0.2, -2.6, 0.0, 0.0];

/// Weight of pixels of the head that are not as bright as the metric's mask asks.
const HEAD_WEIGHT: f32 = 0.3;

/// Share of the median |PD| of bright pixels from which on a pixel belongs to the head.
const HEAD_SHARE: f32 = 0.35;

/// Relaxation times in seconds and complex proton density, all (y, x).
#[derive(Clone, Debug, PartialEq)]
pub struct Maps {
    /// Longitudinal relaxation time in seconds.
    pub t1: Array2<f32>,
    /// Transverse relaxation time in seconds.
    pub t2: Array2<f32>,
    /// Proton density, in the units of the image.
    pub pd: Array2<Complex32>,
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

/// Median of |PD| over the pixels that exceed 0.35 of its 90th percentile; 0 for an empty image.
pub(crate) fn median_of_head(pd: &Array2<Complex32>) -> f32 {
    let mut values: Vec<f32> = pd.iter().map(|pd| pd.norm()).collect();
    let bright = HEAD_SHARE * quantile(&mut values, 0.9);
    let mut head: Vec<f32> = values.into_iter().filter(|value| *value > bright).collect();
    quantile(&mut head, 0.5)
}

fn quantile(values: &mut [f32], share: f64) -> f32 {
    match values.len() {
        0 => 0.0,
        count => *values.select_nth_unstable_by(((count - 1) as f64 * share) as usize, f32::total_cmp).1,
    }
}
