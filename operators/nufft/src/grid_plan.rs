//! Choice of the oversampled grid and of the window's width.

use crate::Accuracy;
use crate::kaiser_bessel::KaiserBessel;

/// Relative rounding error of spreading and Fourier transform in single precision, before deconvolution.
const ROUNDING: f64 = 2e-7;
/// Widest window: its weights have to fit into one vector of sixteen lanes.
const MAX_WIDTH: usize = 14;

/// The grid and the window of a transform.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GridPlan {
    /// Grid lengths along y and x.
    pub grid: [usize; 2],
    /// Width of the window in cells.
    pub width: usize,
}

impl GridPlan {
    /// The cheapest grid and window that reach `accuracy` for `points` samples of `planes` images.
    ///
    /// A narrow window needs a fine grid and thereby long Fourier transforms, a wide window much arithmetic per
    /// sample, and a coarse grid amplifies rounding at the image's edge.
    pub fn new(image: [usize; 2], points: usize, planes: usize, accuracy: Accuracy) -> Self {
        let candidates = (2..=MAX_WIDTH).filter_map(|width| {
            let axis = |n| smallest_grid(n, width, accuracy.value());
            Some(Self { grid: [axis(image[0])?, axis(image[1])?], width })
        });
        let cost = |plan: &Self| plan.cost(image, points, planes);
        candidates.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or_else(|| Self::finest(image))
    }

    /// The window of one axis of the image.
    pub fn window(&self, image: [usize; 2], axis: usize) -> KaiserBessel {
        KaiserBessel::new(self.width, self.grid[axis] as f64 / image[axis] as f64)
    }

    /// Degree of the window's polynomials, whose error has to vanish beside the aliasing.
    pub fn degree(&self) -> usize {
        (self.width + 2).clamp(4, 11)
    }

    fn finest(image: [usize; 2]) -> Self {
        let width = 8;
        Self { grid: image.map(|n| smooth_size((2 * n).max(2 * width))), width }
    }

    /// Time in arbitrary units; the ratios were measured with AVX-512 and AVX2.
    fn cost(&self, image: [usize; 2], points: usize, planes: usize) -> f64 {
        let [ny, nx] = self.grid.map(|n| n as f64);
        let transforms = planes as f64 * (nx * fft_cost(self.grid[0]) + image[0] as f64 * fft_cost(self.grid[1]));
        let memory = 6.0 * planes as f64 * ny * nx;
        let vectors = (2 * planes * self.width).div_ceil(16) as f64;
        let spreading = points as f64 * vectors * (2.0 * self.width as f64 + self.degree() as f64);
        transforms + memory + 1.5 * spreading
    }
}

/// The smallest good grid for an axis of `n` pixels and a window of `width` cells; `None` when none reaches `eps`.
fn smallest_grid(n: usize, width: usize, eps: f64) -> Option<usize> {
    let smallest = (1.2 * n as f64).ceil() as usize;
    let largest = (2.2 * n as f64).ceil() as usize + 2 * width + 8;
    (smallest.max(2 * width)..=largest).filter(|&grid| is_smooth(grid)).find(|&grid| {
        let oversampling = grid as f64 / n as f64;
        let window = KaiserBessel::new(width, oversampling);
        window.aliasing(oversampling) < eps / 2.0
            && window.gain(oversampling) * ROUNDING < (eps / 2.0).clamp(4e-7, 2e-6)
    })
}

/// The cheapest even number without prime factors above 7 that is not below `least` and not far above it.
pub(crate) fn smooth_size(least: usize) -> usize {
    let cheapest = (least..=least + least / 8 + 8)
        .filter(|&n| is_smooth(n))
        .min_by(|&a, &b| (a as f64 * fft_cost(a)).total_cmp(&(b as f64 * fft_cost(b))));
    // Powers of two are smooth and even.
    cheapest.unwrap_or_else(|| least.next_power_of_two().max(2))
}

fn is_smooth(n: usize) -> bool {
    n.is_multiple_of(2) && [2, 3, 5, 7].iter().fold(n, |rest, &p| strip(rest, p).0) == 1
}

/// `n` without its factors `p`, and how many there were.
fn strip(mut n: usize, p: usize) -> (usize, i32) {
    let mut count = 0;
    while n > 1 && n.is_multiple_of(p) {
        n /= p;
        count += 1;
    }
    (n, count)
}

/// Relative time of one transform; factors of 5 and 7, and lengths with few factors of 2, run slower in rustfft.
fn fft_cost(n: usize) -> f64 {
    let (_, twos) = strip(n, 2);
    let (_, fives) = strip(n, 5);
    let (_, sevens) = strip(n, 7);
    let odd = if twos < 3 { 1.25 } else { 1.0 };
    n as f64 * (n as f64).log2() * 1.2f64.powi(fives) * 1.1f64.powi(sevens) * odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_sizes() {
        for least in 1..700 {
            let n = smooth_size(least);
            assert!(n >= least && n.is_multiple_of(2) && is_smooth(n), "{least} -> {n}");
        }
    }

    #[test]
    fn every_accuracy_has_a_plan() {
        for eps in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let accuracy = Accuracy::new(eps).unwrap();
            for n in [1, 7, 33, 230, 512] {
                let plan = GridPlan::new([n, n], 1000, 5, accuracy);
                let sigma = plan.grid[0] as f64 / n as f64;
                let aliasing = plan.window([n, n], 0).aliasing(sigma);
                assert!(aliasing < eps, "eps {eps}, n {n}: {plan:?} aliases {aliasing}");
            }
        }
    }
}
