//! The acquisition operator of MR fingerprinting.

use std::sync::OnceLock;

use diph_core::{Error, ForwardOperator, FourierScale, ImageShape, Preconditioner, Result, Space, View, ViewMut};
use diph_fourier::{Multiplier, Pool};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::circulant::{nearest_circulant, symbol};
use crate::displacements::Displacements;
use crate::nufft::Nufft;
use crate::preconditioner::TwoLevel;
use crate::toeplitz::{point_spreads, toeplitz};
use crate::{Accuracy, Trajectory};

/// Trajectory, temporal basis, weights and coils that an [`MrfOperator`](crate::MrfOperator) is made of.
#[derive(Clone, Debug)]
pub struct MrfOptions {
    /// Sampling positions in k-space of every frame.
    pub trajectory: Trajectory,
    /// Real temporal basis V, (frame, coefficient).
    pub basis: Array2<f32>,
    /// Image height in pixels.
    pub height: usize,
    /// Image width in pixels.
    pub width: usize,
    /// Data weights w (density compensation), (frame, sample) or (1, sample) for the same in every frame; not
    /// negative. `None`: ones.
    pub weights: Option<Array2<f32>>,
    /// Coil sensitivities (coil, y, x). `None`: one coil that sees everything.
    pub coil_maps: Option<Array3<Complex32>>,
    /// Relative accuracy of the non-uniform Fourier transform.
    pub accuracy: Accuracy,
    /// Convention for the factor in front of the Fourier sum.
    pub normalisation: FourierScale,
}

impl MrfOptions {
    /// An acquisition with one coil that sees everything, no weights, accuracy 1e-4 and unitary normalisation.
    pub fn new(trajectory: Trajectory, basis: Array2<f32>, height: usize, width: usize) -> Self {
        Self {
            trajectory,
            basis,
            height,
            width,
            weights: None,
            coil_maps: None,
            accuracy: Accuracy::default(),
            normalisation: FourierScale::default(),
        }
    }
}

const NAME: &str = "mrf-nufft";

/// Acquisition of MR fingerprinting in a temporal subspace:
///
/// `y[c,t,s] = a sum_k V[t,k] sum_r S_c(r) x_k(r) exp(-2 pi i k_ts . (r - N/2))`
///
/// from images (coefficient, y, x) to k-space (coil, frame, sample), with the factor a of
/// [`FourierScale`](diph_core::FourierScale). With weights w, the operator is `W^(1/2) A` and
/// [`data_weights`](ForwardOperator::data_weights) gives `sqrt(w)`.
///
/// `normal` is a convolution with K x K real kernels on a padded grid (Toeplitz embedding), summed over the coils. The
/// kernels are computed when `normal` is called for the first time, and kept: those who only simulate never pay.
pub struct MrfOperator {
    domain: Space,
    range: Space,
    nufft: Nufft,
    trajectory: Trajectory,
    basis: Array2<f32>,
    /// sqrt(w), (frame, sample).
    weights: Option<Vec<f32>>,
    coil_maps: Option<Vec<Complex32>>,
    accuracy: Accuracy,
    scale: f64,
    toeplitz: OnceLock<Multiplier>,
    preconditioner: OnceLock<TwoLevel>,
    symbol: OnceLock<ArrayD<f32>>,
    weighted: Pool<Vec<Complex32>>,
}

impl MrfOperator {
    /// Plans the acquisition: sorts the samples and chooses the padded grid.
    ///
    /// # Errors
    /// [`Error::Shape`] when basis, weights or coil maps do not fit trajectory and image, [`Error::Parameter`] when an
    /// image side is 0 or too large or a weight is negative, [`Error::NotFinite`] for NaN or infinity.
    pub fn new(options: MrfOptions) -> Result<Self> {
        let MrfOptions { trajectory, basis, height, width, weights, coil_maps, accuracy, normalisation } = options;
        let image = ImageShape::plane(height, width);
        let scale = normalisation.factor(&image);
        let nufft = Nufft::scaled(&trajectory, basis.view(), [height, width], accuracy, scale)?;
        let weights = weights.map(|weights| square_roots(&weights, &trajectory)).transpose()?;
        let coils = coil_maps.as_ref().map_or(1, |maps| maps.dim().0);
        if let Some(maps) = &coil_maps {
            let expected = [coils.max(1), height, width];
            check_shape("coil maps (coil, y, x)", &expected, maps.shape())?;
            check_finite("coil maps", maps.iter().map(|value| value.norm_sqr()))?;
        }
        Ok(Self {
            domain: Space::image(basis.ncols(), &image),
            range: Space::kspace(coils, trajectory.frames(), trajectory.samples()),
            nufft,
            trajectory,
            basis,
            weights,
            coil_maps: coil_maps.map(|maps| maps.iter().copied().collect()),
            accuracy,
            scale,
            toeplitz: OnceLock::new(),
            preconditioner: OnceLock::new(),
            symbol: OnceLock::new(),
            weighted: Pool::new(),
        })
    }

    /// The positions in k-space that the operator samples.
    pub fn trajectory(&self) -> &Trajectory {
        &self.trajectory
    }

    /// The temporal basis, (frame, coefficient).
    pub fn basis(&self) -> &Array2<f32> {
        &self.basis
    }

    /// Sensitivities of every coil in turn; `None` for the one coil that sees everything.
    fn coils(&self) -> impl Iterator<Item = Option<&[Complex32]>> {
        let pixels = self.domain.axes()[1].len * self.domain.axes()[2].len;
        let maps = self.coil_maps.as_deref();
        (0..self.range.axes()[0].len).map(move |coil| maps.map(|maps| &maps[coil * pixels..][..pixels]))
    }

    fn toeplitz(&self) -> Result<&Multiplier> {
        if let Some(toeplitz) = self.toeplitz.get() {
            return Ok(toeplitz);
        }
        let square = |root: &f32| Complex32::from(root * root);
        let weights: Vec<Complex32> = match &self.weights {
            Some(roots) => roots.iter().map(square).collect(),
            None => vec![Complex32::from(1.0); self.trajectory.len()],
        };
        let image = [self.domain.axes()[1].len, self.domain.axes()[2].len];
        let toeplitz = toeplitz(&self.trajectory, self.basis.view(), &weights, image, self.accuracy, self.scale)?;
        // Of two threads that come here at once, the second throws away the same kernels.
        Ok(self.toeplitz.get_or_init(|| toeplitz))
    }

    fn two_level(&self) -> Result<&TwoLevel> {
        if let Some(preconditioner) = self.preconditioner.get() {
            return Ok(preconditioner);
        }
        let image = [self.domain.axes()[1].len, self.domain.axes()[2].len];
        let preconditioner = TwoLevel::new(&self.domain, image, self.toeplitz()?, self.coil_maps.as_deref());
        Ok(self.preconditioner.get_or_init(|| preconditioner))
    }

    /// The diagonal of the normal operator in Fourier space.
    fn diagonal(&self) -> Result<&ArrayD<f32>> {
        if let Some(symbol) = self.symbol.get() {
            return Ok(symbol);
        }
        let image = [self.domain.axes()[1].len, self.domain.axes()[2].len];
        let toeplitz = self.toeplitz()?;
        let overlap = Displacements::overlap(self.coil_maps.as_deref(), image, toeplitz.grid());
        let kernels = nearest_circulant(image, &point_spreads(toeplitz, image[0]), &overlap, image);
        Ok(self.symbol.get_or_init(|| symbol(&kernels, toeplitz.planes(), image)))
    }
}

impl ForwardOperator for MrfOperator {
    fn name(&self) -> &str {
        NAME
    }

    fn domain(&self) -> &Space {
        &self.domain
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        let images = self.domain.slice("mrf-nufft: forward", "image", &x)?;
        let kspace = self.range.slice_mut("mrf-nufft: forward", "k-space", y)?;
        for (coil, samples) in self.coils().zip(kspace.chunks_exact_mut(self.trajectory.len())) {
            self.nufft.forward_slices(images, coil, samples);
            if let Some(weights) = &self.weights {
                samples.par_iter_mut().zip(weights).with_min_len(4096).for_each(|(sample, root)| *sample *= root);
            }
        }
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let kspace = self.range.slice("mrf-nufft: adjoint", "k-space", &y)?;
        let images = self.domain.slice_mut("mrf-nufft: adjoint", "image", x)?;
        for (index, (coil, samples)) in self.coils().zip(kspace.chunks_exact(self.trajectory.len())).enumerate() {
            let Some(weights) = &self.weights else {
                self.nufft.adjoint_slices(samples, coil, index > 0, images);
                continue;
            };
            self.weighted.with(Vec::new, |weighted| {
                samples.par_iter().zip(weights).map(|(y, root)| y * root).collect_into_vec(weighted);
                self.nufft.adjoint_slices(weighted, coil, index > 0, images);
            });
        }
        Ok(())
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let images = self.domain.slice("mrf-nufft: normal", "image", &x)?;
        let out = self.domain.slice_mut("mrf-nufft: normal", "output", out)?;
        let toeplitz = self.toeplitz()?;
        self.coils().enumerate().for_each(|(index, coil)| toeplitz.apply(images, coil, index > 0, out));
        Ok(())
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        let Some(weights) = &self.weights else { return Ok(None) };
        let frame = self.trajectory.samples();
        let values = |index: ndarray::IxDyn| weights[index[1] * frame + index[2]];
        Ok(Some(ArrayD::from_shape_fn(self.range.shape(), values)))
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        Some(self)
    }
}

/// Made of the Toeplitz kernels at the first call, as they are.
impl Preconditioner for MrfOperator {
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        self.two_level()?.apply(rho, r, z)
    }

    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(Some(self.diagonal()?.clone()))
    }
}

/// sqrt(w) for every sample.
fn square_roots(weights: &Array2<f32>, trajectory: &Trajectory) -> Result<Vec<f32>> {
    let rows = if weights.nrows() == 1 { 1 } else { trajectory.frames() };
    check_shape("weights (frame or 1, sample)", &[rows, trajectory.samples()], weights.shape())?;
    check_finite("weights", weights.iter().copied())?;
    if let Some(negative) = weights.iter().find(|weight| **weight < 0.0) {
        return Err(Error::parameter(NAME, "weights", "no negative number", negative));
    }
    let roots = weights.iter().map(|weight| weight.sqrt());
    Ok(roots.cycle().take(trajectory.len()).collect())
}

fn check_shape(role: &str, expected: &[usize], got: &[usize]) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Shape { operation: NAME.into(), role: role.into(), expected: expected.to_vec(), got: got.to_vec() })
}

fn check_finite(role: &str, mut values: impl Iterator<Item = f32>) -> Result<()> {
    match values.position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { operation: NAME.into(), role: role.into(), index }),
        None => Ok(()),
    }
}
