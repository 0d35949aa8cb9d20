//! Maps, and the layout in which networks answer them.

use ndarray::Array2;
use num_complex::Complex32;

/// Planes of the network's output: log T1, log T2, real and imaginary part of the proton density.
pub const OUTPUTS: usize = 4;

/// Planes of a training target: those of the output, then the weight of every pixel.
pub const TARGETS: usize = OUTPUTS + 1;

/// What an untrained network answers: the logarithms of typical relaxation times in seconds, and no proton density.
pub(crate) const OFFSETS: [f32; OUTPUTS] = [0.2, -2.6, 0.0, 0.0];

/// Weight of pixels of the head that are not as bright as the metric's mask asks.
pub(crate) const HEAD_WEIGHT: f32 = 0.3;

/// Share of the median |PD| of bright pixels from which on a pixel belongs to the head.
pub(crate) const HEAD_SHARE: f32 = 0.35;

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
