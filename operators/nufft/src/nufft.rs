//! The non-uniform Fourier transform of coefficient images.

use diph_core::{Error, ImageShape, Result, Space, View, ViewMut};
use diph_fourier::{BLOCK, PaddedFft, Pool};
use ndarray::{Array2, ArrayView2};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::grid_plan::GridPlan;
use crate::gridding::{interpolate, spread};
use crate::kaiser_bessel::KaiserBessel;
use crate::lanes::{AlignedFloats, LANES};
use crate::sorted_points::SortedPoints;
use crate::temporal_window::TemporalWindow;
use crate::{Accuracy, Trajectory};

/// Largest image side: grid positions are kept in 16 bits.
const MAX_SIDE: usize = 16_384;
/// Samples per task of the interpolation.
const CHUNK: usize = 2048;

/// Two-dimensional non-uniform Fourier transform of K coefficient images with a temporal basis, both ways:
///
/// - type 2, [`forward`](Self::forward): `y[t,s] = sum_k V[t,k] sum_r x_k(r) exp(-2 pi i k_ts . (r - N/2))`,
/// - type 1, [`adjoint`](Self::adjoint): `x_k(r) = sum_ts V[t,k] y[t,s] exp(+2 pi i k_ts . (r - N/2))`,
///
/// for pixels r = (y, x) of an image of N = (height, width) pixels with the centre at N/2 (integer division), without
/// normalisation. With a basis of one column of ones it is the plain transform of one image, [`Nufft::plain`].
///
/// Samples are sorted once, when the transform is built. Both ways run on all of rayon's threads and give the same
/// bits whatever their number.
///
/// Method: Kaiser-Bessel window on an oversampled grid (Fessler and Sutton 2003; Beatty et al. 2005), with piecewise
/// polynomials and sorted samples as in Barnett, Magland and af Klinteberg 2019.
///
/// ```
/// use diph_nufft::{Accuracy, Nufft, Trajectory};
/// use ndarray::ArrayD;
/// use num_complex::Complex32;
///
/// let trajectory = Trajectory::golden_angle_radial(8, 32)?;
/// let nufft = Nufft::plain(&trajectory, 16, 16, Accuracy::default())?;
/// let mut image = ArrayD::zeros(vec![1, 16, 16]);
/// image[[0, 8, 8]] = Complex32::new(1.0, 0.0);
/// let mut samples = ArrayD::zeros(vec![8, 32]);
/// nufft.forward(image.view(), samples.view_mut())?;
/// assert!(samples.iter().all(|y| (y - 1.0).norm() < 1e-4));
/// # Ok::<(), diph_core::Error>(())
/// ```
pub struct Nufft {
    images: Space,
    samples: Space,
    grid: [usize; 2],
    points: SortedPoints,
    windows: Vec<TemporalWindow>,
    fft: PaddedFft,
    /// Product of the window's transforms at zero frequency along y and x.
    window_sum: f64,
    pool: Pool<Workspace>,
}

#[derive(Default)]
struct Workspace {
    grid: AlignedFloats,
    blocks: Vec<Complex32>,
    sorted: Vec<Complex32>,
}

impl Nufft {
    /// The transform of one image of `height` x `width` pixels.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a side is 0 or above 16384 pixels or there are 2^32 samples.
    pub fn plain(trajectory: &Trajectory, height: usize, width: usize, accuracy: Accuracy) -> Result<Self> {
        let basis = Array2::ones((trajectory.frames(), 1));
        Self::new(trajectory, basis.view(), height, width, accuracy)
    }

    /// The transform of `basis.ncols()` images with the temporal basis `basis` (frame, coefficient).
    ///
    /// # Errors
    /// [`Error::Parameter`] when a side is 0 or above 16384 pixels or there are 2^32 samples, [`Error::Shape`] when the basis has another number
    /// of frames than the trajectory or no column, [`Error::NotFinite`] when it holds NaN or infinity.
    pub fn new(
        trajectory: &Trajectory,
        basis: ArrayView2<'_, f32>,
        height: usize,
        width: usize,
        accuracy: Accuracy,
    ) -> Result<Self> {
        Self::scaled(trajectory, basis, [height, width], accuracy, 1.0)
    }

    /// As [`Nufft::new`], both ways multiplied by `scale`.
    pub(crate) fn scaled(
        trajectory: &Trajectory,
        basis: ArrayView2<'_, f32>,
        image: [usize; 2],
        accuracy: Accuracy,
        scale: f64,
    ) -> Result<Self> {
        check(trajectory, basis, image)?;
        let plan = GridPlan::new(image, trajectory.len(), basis.ncols(), accuracy);
        let windows = [plan.window(image, 0), plan.window(image, 1)];
        let mut factors = [0, 1].map(|axis| deconvolution(&windows[axis], image[axis], plan.grid[axis]));
        factors[0].iter_mut().for_each(|factor| *factor *= scale);
        let factors = factors.map(|axis| axis.into_iter().map(|factor| factor as f32).collect());
        Ok(Self {
            images: Space::image(basis.ncols(), &ImageShape::plane(image[0], image[1])),
            samples: Space::new([("frame", trajectory.frames()), ("sample", trajectory.samples())]),
            grid: plan.grid,
            points: SortedPoints::new(trajectory, &plan),
            windows: TemporalWindow::groups(&plan, &windows, basis),
            fft: PaddedFft::new(image, plan.grid, factors),
            window_sum: windows[0].transform(0.0) * windows[1].transform(0.0),
            pool: Pool::new(),
        })
    }

    /// Type 2: samples (frame, sample) of `images` (coefficient, y, x), overwriting `samples`.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotContiguous`] when a view does not fit.
    pub fn forward(&self, images: View<'_>, samples: ViewMut<'_>) -> Result<()> {
        let images = self.images.slice("nufft: forward", "images", &images)?;
        self.forward_slices(images, None, self.samples.slice_mut("nufft: forward", "samples", samples)?);
        Ok(())
    }

    /// Type 1: images (coefficient, y, x) of `samples` (frame, sample), overwriting `images`. The exact adjoint of
    /// [`forward`](Self::forward).
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotContiguous`] when a view does not fit.
    pub fn adjoint(&self, samples: View<'_>, images: ViewMut<'_>) -> Result<()> {
        let samples = self.samples.slice("nufft: adjoint", "samples", &samples)?;
        self.adjoint_slices(samples, None, false, self.images.slice_mut("nufft: adjoint", "images", images)?);
        Ok(())
    }

    /// Space of the images: (coefficient, y, x).
    pub fn images(&self) -> &Space {
        &self.images
    }

    /// Space of the samples: (frame, sample).
    pub fn samples(&self) -> &Space {
        &self.samples
    }

    /// [`forward`](Self::forward) of the images times `coil` (y, x), on slices of the right length.
    pub(crate) fn forward_slices(&self, images: &[Complex32], coil: Option<&[Complex32]>, samples: &mut [Complex32]) {
        let pixels = self.pixels();
        self.pool.with(Workspace::default, |work| {
            work.sorted.resize(samples.len(), Complex32::default());
            for (group, window) in self.windows.iter().enumerate() {
                let images = &images[window.first * pixels..][..window.planes * pixels];
                work.reserve_blocks(self.fft.row_blocks_len(window.planes));
                self.fft.images_to_rows(images, coil, &mut work.blocks);
                self.fill_grid(window, work);
                self.interpolate(window, work.grid.slice(self.grid_len(window)), group > 0, &mut work.sorted);
            }
            self.unsort(&work.sorted, samples);
        });
    }

    /// [`adjoint`](Self::adjoint) times the conjugate of `coil` (y, x), written or added to `images`.
    pub(crate) fn adjoint_slices(
        &self,
        samples: &[Complex32],
        coil: Option<&[Complex32]>,
        add: bool,
        images: &mut [Complex32],
    ) {
        let pixels = self.pixels();
        self.pool.with(Workspace::default, |work| {
            for window in &self.windows {
                self.spread(window, samples, work.grid.slice_mut(self.grid_len(window)));
                self.columns_of_grid(window, work);
                let images = &mut images[window.first * pixels..][..window.planes * pixels];
                self.fft.columns_to_images(&work.blocks, coil, add, images);
            }
        });
    }

    /// Density of the samples weighted by `weights`, seen through the window at every sample and scaled such that
    /// samples of the area element they stand for give 1.
    pub(crate) fn density(&self, weights: &[Complex32], density: &mut [Complex32]) {
        // The window enters twice; its integral over the k-space of one cycle per pixel in each direction is the
        // square of its sum over the number of grid cells.
        let scale = (self.grid[0] * self.grid[1]) as f64 / self.window_sum.powi(2);
        self.pool.with(Workspace::default, |work| {
            work.sorted.resize(weights.len(), Complex32::default());
            let window = &self.windows[0];
            let grid = work.grid.slice_mut(self.grid_len(window));
            self.spread(window, weights, grid);
            self.wrap(window, grid);
            self.interpolate(window, grid, false, &mut work.sorted);
            self.unsort(&work.sorted, density);
        });
        density.iter_mut().for_each(|value| *value *= scale as f32);
    }

    fn pixels(&self) -> usize {
        self.images.axes()[1].len * self.images.axes()[2].len
    }

    /// Floats of a grid row: the cells, those that the window reaches behind the last one, and whole vectors there.
    fn row_len(&self, window: &TemporalWindow) -> usize {
        let cells = 2 * window.planes * (self.grid[0] + window.width);
        cells.next_multiple_of(LANES) + 2 * LANES
    }

    /// Floats of the grid: full strips of rows, and one strip behind the last that its windows reach into.
    fn grid_len(&self, window: &TemporalWindow) -> usize {
        (self.points.strips.len() + 1) * self.points.strip_rows * self.row_len(window)
    }

    fn spread(&self, window: &TemporalWindow, samples: &[Complex32], grid: &mut [f32]) {
        let row_len = self.row_len(window);
        grid.par_chunks_mut(self.points.strip_rows * row_len).for_each(|rows| rows.fill(0.0));
        // Windows of one strip end in the next: first the even strips with their followers, then the odd ones.
        for parity in [0, 1] {
            let strips = &self.points.strips;
            let rows = &mut grid[parity * self.points.strip_rows * row_len..];
            rows.par_chunks_mut(2 * self.points.strip_rows * row_len).enumerate().with_max_len(1).for_each(
                |(pair, rows)| {
                    let strip = 2 * pair + parity;
                    let Some(range) = strips.get(strip) else { return };
                    let first_row = strip * self.points.strip_rows;
                    spread(window, &self.points.points[range.clone()], samples, rows, first_row, row_len);
                },
            );
        }
    }

    /// Inverse transform of the grid along y, into column blocks.
    fn columns_of_grid(&self, window: &TemporalWindow, work: &mut Workspace) {
        let [ny, nx] = self.grid;
        let (planes, row_len) = (window.planes, self.row_len(window));
        work.reserve_blocks(self.fft.column_blocks_len(planes));
        let grid = work.grid.slice(self.grid_len(window));
        work.blocks.par_chunks_mut(self.fft.column_block(planes)).enumerate().for_each(|(block, cells)| {
            let mut lines = vec![Complex32::default(); planes * ny];
            let mut scratch = self.fft.column_scratch();
            for x in block * BLOCK..nx.min((block + 1) * BLOCK) {
                lines.fill(Complex32::default());
                add_row(&grid[x * row_len..][..row_len], window, &mut lines);
                if x < window.width {
                    add_row(&grid[(x + nx) * row_len..][..row_len], window, &mut lines);
                }
                self.fft.inverse_column(&mut lines, x, cells, &mut scratch);
            }
        });
    }

    /// Forward transform of row blocks along y, into the grid and the cells behind its ends.
    fn fill_grid(&self, window: &TemporalWindow, work: &mut Workspace) {
        let [ny, nx] = self.grid;
        let (planes, row_len) = (window.planes, self.row_len(window));
        let blocks = &work.blocks;
        let grid = work.grid.slice_mut(self.grid_len(window));
        grid[..nx * row_len].par_chunks_mut(BLOCK * row_len).enumerate().for_each(|(block, rows)| {
            let mut lines = vec![Complex32::default(); planes * ny];
            let mut scratch = self.fft.column_scratch();
            for (i, row) in rows.chunks_exact_mut(row_len).enumerate() {
                self.fft.forward_column(blocks, block * BLOCK + i, &mut lines, &mut scratch);
                write_row(&lines, window, row);
            }
        });
        grid.copy_within(..window.width * row_len, nx * row_len);
    }

    /// Makes a spread grid periodic: what lies behind its ends is added to the beginning, and copied back.
    fn wrap(&self, window: &TemporalWindow, grid: &mut [f32]) {
        let [ny, nx] = self.grid;
        let (row_len, halo) = (self.row_len(window), 2 * window.planes * window.width);
        let cells = 2 * window.planes * ny;
        let (rows, behind) = grid.split_at_mut(nx * row_len);
        rows.iter_mut().zip(&behind[..window.width * row_len]).for_each(|(cell, value)| *cell += value);
        for row in rows.chunks_exact_mut(row_len) {
            let (row, behind) = row.split_at_mut(cells);
            for (cell, value) in row.iter_mut().zip(&mut behind[..halo]) {
                *cell += *value;
                *value = *cell;
            }
        }
        behind[..window.width * row_len].copy_from_slice(&rows[..window.width * row_len]);
    }

    fn interpolate(&self, window: &TemporalWindow, grid: &[f32], add: bool, sorted: &mut [Complex32]) {
        let row_len = self.row_len(window);
        sorted.par_chunks_mut(CHUNK).zip(self.points.points.par_chunks(CHUNK)).for_each(|(out, points)| {
            interpolate(window, points, grid, row_len, add, out);
        });
    }

    fn unsort(&self, sorted: &[Complex32], samples: &mut [Complex32]) {
        samples.par_chunks_mut(CHUNK).zip(self.points.places.par_chunks(CHUNK)).for_each(|(samples, places)| {
            samples.iter_mut().zip(places).for_each(|(sample, place)| *sample = sorted[*place as usize]);
        });
    }
}

impl Workspace {
    fn reserve_blocks(&mut self, len: usize) {
        self.blocks.resize(len, Complex32::default());
    }
}

/// Adds one grid row, coefficients interleaved, to `lines` (coefficient, y); cells behind the end wrap around.
fn add_row(row: &[f32], window: &TemporalWindow, lines: &mut [Complex32]) {
    let planes = window.planes;
    let ny = lines.len() / planes;
    let (cells, _) = row.as_chunks::<2>();
    for (plane, line) in lines.chunks_exact_mut(ny).enumerate() {
        let values = cells[plane..].iter().step_by(planes);
        line.iter_mut().zip(values).for_each(|(out, cell)| *out += Complex32::new(cell[0], cell[1]));
        let behind = cells[ny * planes + plane..].iter().step_by(planes);
        line[..window.width].iter_mut().zip(behind).for_each(|(out, cell)| *out += Complex32::new(cell[0], cell[1]));
    }
}

/// Writes `lines` (coefficient, y) as one grid row, coefficients interleaved, with the first cells again at its end.
fn write_row(lines: &[Complex32], window: &TemporalWindow, row: &mut [f32]) {
    let planes = window.planes;
    let ny = lines.len() / planes;
    let (cells, _) = row.as_chunks_mut::<2>();
    for (plane, line) in lines.chunks_exact(ny).enumerate() {
        let targets = cells[plane..].iter_mut().step_by(planes);
        targets.zip(line.iter().chain(&line[..window.width])).for_each(|(cell, value)| *cell = [value.re, value.im]);
    }
}

/// One over the window's transform at every pixel of an axis.
fn deconvolution(window: &KaiserBessel, n: usize, grid: usize) -> Vec<f64> {
    let centre = (n / 2) as f64;
    (0..n).map(|r| 1.0 / window.transform((r as f64 - centre) / grid as f64)).collect()
}

fn check(trajectory: &Trajectory, basis: ArrayView2<'_, f32>, image: [usize; 2]) -> Result<()> {
    for (side, name) in image.into_iter().zip(["image height", "image width"]) {
        if !(1..=MAX_SIDE).contains(&side) {
            return Err(Error::parameter("nufft", name, format!("1 to {MAX_SIDE} pixels"), side));
        }
    }
    if u32::try_from(trajectory.len()).is_err() {
        return Err(Error::parameter("nufft", "samples in all frames", "less than 2^32", trajectory.len()));
    }
    if basis.nrows() != trajectory.frames() || basis.ncols() == 0 {
        return Err(Error::Shape {
            operation: "nufft".into(),
            role: "basis (frame, coefficient)".into(),
            expected: vec![trajectory.frames(), basis.ncols().max(1)],
            got: basis.shape().to_vec(),
        });
    }
    match basis.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { operation: "nufft".into(), role: "basis".into(), index }),
        None => Ok(()),
    }
}
