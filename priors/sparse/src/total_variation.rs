//! Isotropic total variation, joint over the coefficients.

mod convergence;
mod dual;
mod kernels;
mod options;
mod volume;

use std::sync::Mutex;

use diph_core::{Error, Prior, PriorContext, Result, SpatialAxes, View, ViewMut};
use num_complex::Complex32;
use rayon::prelude::*;

pub use convergence::Convergence;
pub use options::TotalVariationOptions;

use crate::denoise_call::{DenoiseCall, ImageShape};
use dual::{Problem, Scratch};

const NAME: &str = "total-variation";

/// Below this share of the image's largest value, the weight of R changes nothing in single precision.
const NEGLIGIBLE_WEIGHT: f64 = 1e-12;

/// Above this multiple of the image's largest value, the answer is the mean of each coefficient; more weight would
/// only leave the range of single precision.
const SATURATED_WEIGHT: f64 = 1e15;

/// Isotropic total variation, joint over the coefficients:
///
/// ```text
/// R(x) = sum_v sqrt( sum_k w_k^2 ( |x_k(v + e_x) - x_k(v)|^2 + |x_k(v + e_y) - x_k(v)|^2 ) )
/// ```
///
/// with differences of zero across the border (Neumann), and in a volume the differences along z beside them, times their
/// own weight. Edges that the coefficients share are kept where each
/// coefficient alone would lose them in noise.
///
/// The proximal map is found by fast gradient projection on the dual (Beck and Teboulle, IEEE Trans. Image Process.
/// 18, 2009). The duality gap bounds the distance to the exact map, see [`Convergence`].
///
/// ```
/// use diph_core::{Prior, PriorContext};
/// use diph_sparse::{TotalVariation, TotalVariationOptions};
/// use ndarray::ArrayD;
/// use num_complex::Complex32;
/// use rand::SeedableRng;
///
/// let prior = TotalVariation::new(TotalVariationOptions::default())?;
/// let noisy = ArrayD::from_elem(vec![5, 16, 17], Complex32::new(1.0, -1.0));
/// let mut clean = ArrayD::zeros(noisy.raw_dim());
/// let mut rng = diph_core::Rng::seed_from_u64(1);
/// let mut context = PriorContext { schedule: None, conditions: &Default::default(), rng: &mut rng };
/// prior.denoise(noisy.view(), 0.1, clean.view_mut(), &mut context)?;
/// assert_eq!(clean, noisy); // a constant has no variation
/// # Ok::<(), diph_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TotalVariation {
    options: TotalVariationOptions,
    /// Buffers of finished calls; one that runs at the same time as another makes its own.
    pool: Mutex<Vec<Scratch>>,
}

impl TotalVariation {
    /// A total-variation prior with these options.
    ///
    /// # Errors
    /// [`Error::Parameter`] when an option is out of its range.
    pub fn new(options: TotalVariationOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options, pool: Mutex::default() })
    }

    /// The options that this prior was made with.
    pub fn options(&self) -> &TotalVariationOptions {
        &self.options
    }

    /// [`denoise`](Prior::denoise) that says how close it came to the exact proximal map of `sigma^2 R`.
    ///
    /// # Errors
    /// As [`denoise`](Prior::denoise).
    pub fn proximal_map(&self, noisy: View<'_>, sigma: f32, clean: ViewMut<'_>) -> Result<Convergence> {
        self.map(noisy, sigma, clean).map(|(convergence, _)| convergence)
    }

    /// The proximal map, how close it came, and R of the result.
    fn map(&self, noisy: View<'_>, sigma: f32, clean: ViewMut<'_>) -> Result<(Convergence, f64)> {
        let call = DenoiseCall::check(NAME, SpatialAxes::Either, &noisy, sigma, clean)?;
        let channel_weights = self.channel_weights(call.shape)?;
        if call.is_identity() {
            let (shape, image) = call.copy();
            return Ok((Convergence::EXACT, self.penalty(shape, image, &channel_weights)));
        }
        let largest = channel_weights.iter().copied().fold(0.0, f32::max);
        // Scaling by a power of two is exact, so the map is exactly homogeneous under such factors.
        let scale = call.peak.log2().round().clamp(-126.0, 126.0).exp2();
        let weight = call.weight * f64::from(largest) / f64::from(scale);
        if weight < NEGLIGIBLE_WEIGHT {
            let (shape, image) = call.copy();
            let convergence = Convergence { iterations: 0, error_bound: NEGLIGIBLE_WEIGHT };
            return Ok((convergence, self.penalty(shape, image, &channel_weights)));
        }
        let problem = Problem {
            shape: call.shape,
            weight: weight.min(SATURATED_WEIGHT) as f32,
            channel_weights: channel_weights.iter().map(|w| w / largest).collect(),
            through_plane: self.through_plane(call.shape),
        };
        let mut scratch = self.take_scratch();
        scratch.load(&problem, call.noisy, 1.0 / scale);
        let (convergence, variation) = dual::solve(&problem, &self.options, &mut scratch);
        scratch.store(&problem, scale, call.clean);
        self.return_scratch(scratch);
        Ok((convergence, variation * f64::from(scale) * f64::from(largest)))
    }

    /// The weight of every real channel, twice that of every coefficient.
    fn channel_weights(&self, shape: ImageShape) -> Result<Vec<f32>> {
        let Some(weights) = &self.options.coefficient_weights else {
            return Ok(vec![1.0; shape.channels()]);
        };
        if weights.len() == shape.coefficients {
            return Ok(weights.iter().flat_map(|w| [*w, *w]).collect());
        }
        let expected = format!("{} values, one for each coefficient of the image", shape.coefficients);
        Err(Error::parameter(format!("{NAME}: denoise"), "coefficient_weights", expected, weights.len()))
    }

    /// Weight of the differences along z.
    fn through_plane(&self, shape: ImageShape) -> f32 {
        if shape.is_volume() { self.options.through_plane_weight } else { 0.0 }
    }

    /// R of an image.
    fn penalty(&self, shape: ImageShape, image: &[Complex32], channel_weights: &[f32]) -> f64 {
        let through_plane = f64::from(self.through_plane(shape)).powi(2);
        let row = |row: usize| {
            (0..shape.width).map(|x| gradient_norm(shape, image, channel_weights, through_plane, row, x)).sum()
        };
        let rows: Vec<f64> = (0..shape.rows()).into_par_iter().map(row).collect();
        rows.iter().sum()
    }

    fn take_scratch(&self) -> Scratch {
        self.pool.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default()
    }

    fn return_scratch(&self, scratch: Scratch) {
        if let Ok(mut pool) = self.pool.lock() {
            pool.push(scratch);
        }
    }
}

impl Prior for TotalVariation {
    fn name(&self) -> &str {
        NAME
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        _: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        self.map(noisy, sigma, clean).map(|(_, penalty)| Some(penalty))
    }

    fn spatial_axes(&self) -> SpatialAxes {
        SpatialAxes::Either
    }

    /// The tolerance of the options. A call that runs into the limit of iterations first may miss it;
    /// [`TotalVariation::proximal_map`] tells.
    fn proximal_accuracy(&self) -> Option<f32> {
        (self.options.tolerance > 0.0).then_some(self.options.tolerance)
    }
}

/// Joint norm of all gradients in one pixel of a row, with the squared weight of the differences along z.
fn gradient_norm(
    shape: ImageShape,
    image: &[Complex32],
    channel_weights: &[f32],
    through_plane: f64,
    row: usize,
    x: usize,
) -> f64 {
    let mut squares = 0.0;
    for (k, plane) in image.chunks_exact(shape.pixels()).enumerate() {
        let pixel = row * shape.width + x;
        let here = plane[pixel];
        let weight = f64::from(channel_weights[2 * k]).powi(2);
        let mut add = |neighbour: Complex32, weight: f64| {
            let (re, im) = (f64::from(neighbour.re) - f64::from(here.re), f64::from(neighbour.im) - f64::from(here.im));
            squares += weight * (re * re + im * im);
        };
        if x + 1 < shape.width {
            add(plane[pixel + 1], weight);
        }
        if row % shape.height + 1 < shape.height {
            add(plane[pixel + shape.width], weight);
        }
        if row + shape.height < shape.rows() {
            add(plane[pixel + shape.height * shape.width], weight * through_plane);
        }
    }
    squares.sqrt()
}
