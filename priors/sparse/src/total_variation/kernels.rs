//! Row kernels of the dual iteration. Every inner loop runs over the consecutive floats of one channel in one row.

use multiversion::multiversion;

use super::dual::Problem;

/// Rows that a band works on, small enough for the inner caches.
pub(super) struct RowBuffers {
    /// Extrapolated dual of this row and of the next.
    dual: [Vec<f32>; 2],
    /// Image that belongs to it.
    primal: [Vec<f32>; 2],
    /// One value per pixel: squared norms, then factors.
    norms: Vec<f32>,
    /// One value per pixel: inner products.
    products: Vec<f32>,
}

impl RowBuffers {
    pub fn new(problem: &Problem) -> Self {
        let dual = || vec![0.0; problem.dual_row()];
        let primal = || vec![0.0; problem.shape.channel_row()];
        let pixels = || vec![0.0; problem.shape.width];
        Self { dual: [dual(), dual()], primal: [primal(), primal()], norms: pixels(), products: pixels() }
    }
}

/// One projected gradient step from the extrapolated dual, `P(r + D(b - lambda D^T r) / (8 lambda))` with
/// `r = p + momentum (p - p_before)`.
pub(super) struct DualStep<'a> {
    pub noisy: &'a [f32],
    pub dual: &'a [f32],
    pub previous: &'a [f32],
    pub momentum: f32,
    /// Factors of the divergence, per channel.
    pub pull: &'a [f32],
    /// Factors of the gradient, per channel.
    pub push: &'a [f32],
}

impl DualStep<'_> {
    /// Writes the new dual of the rows from `first` on into `rows`.
    pub fn run(&self, problem: &Problem, first: usize, rows: &mut [f32], buffers: &mut RowBuffers) {
        dual_step(self, problem, first, rows, buffers);
    }

    #[inline(always)]
    fn extrapolate(&self, y: usize, out: &mut [f32]) {
        let range = y * out.len()..(y + 1) * out.len();
        for ((out, p), before) in out.iter_mut().zip(&self.dual[range.clone()]).zip(&self.previous[range]) {
            *out = p + self.momentum * (p - before);
        }
    }

    #[inline(always)]
    fn noisy_row(&self, y: usize, len: usize) -> &[f32] {
        &self.noisy[y * len..][..len]
    }
}

#[multiversion(targets = "simd")]
fn dual_step(step: &DualStep<'_>, problem: &Problem, first: usize, rows: &mut [f32], buffers: &mut RowBuffers) {
    let (width, height, image_row) = (problem.shape.width, problem.shape.height, problem.shape.channel_row());
    let RowBuffers { dual: [here, next], primal: [x_here, x_next], norms, .. } = buffers;

    let above = first.checked_sub(1);
    if let Some(above) = above {
        step.extrapolate(above, next);
    }
    step.extrapolate(first, here);
    let above = above.map(|_| &next[..]);
    primal_row_inline(width, step.noisy_row(first, image_row), here, above, step.pull, x_here);

    for (y, out) in (first..).zip(rows.chunks_exact_mut(problem.dual_row())) {
        if y + 1 < height {
            step.extrapolate(y + 1, next);
            primal_row_inline(width, step.noisy_row(y + 1, image_row), next, Some(here), step.pull, x_next);
        } else {
            x_next.copy_from_slice(x_here);
        }
        ascend_row(width, x_here, x_next, here, step.push, out, norms);
        std::mem::swap(here, next);
        std::mem::swap(x_here, x_next);
    }
}

/// `x = b - lambda D^T p` in one row, from the dual there and in the row above.
#[multiversion(targets = "simd")]
pub(super) fn primal_row(width: usize, b: &[f32], p: &[f32], above: Option<&[f32]>, pull: &[f32], x: &mut [f32]) {
    primal_row_inline(width, b, p, above, pull, x);
}

#[inline(always)]
fn primal_row_inline(width: usize, b: &[f32], p: &[f32], above: Option<&[f32]>, pull: &[f32], x: &mut [f32]) {
    let (px, py) = p.split_at(x.len());
    for (c, (x, b)) in x.chunks_exact_mut(width).zip(b.chunks_exact(width)).enumerate() {
        let channel = c * width..(c + 1) * width;
        let (px, py) = (&px[channel.clone()], &py[channel.clone()]);
        let pull = pull[c];
        match above {
            Some(above) => {
                let above = &above[above.len() / 2..][channel];
                for i in 0..width {
                    x[i] = b[i] + pull * ((px[i] + py[i]) - above[i]);
                }
            }
            None => {
                for i in 0..width {
                    x[i] = b[i] + pull * (px[i] + py[i]);
                }
            }
        }
        for (x, left) in x[1..].iter_mut().zip(px) {
            *x -= pull * left;
        }
    }
}

/// `p = P(r + D x / (8 lambda))` in one row.
#[inline(always)]
fn ascend_row(width: usize, x: &[f32], below: &[f32], r: &[f32], push: &[f32], p: &mut [f32], norms: &mut [f32]) {
    let (rx, ry) = r.split_at(x.len());
    let (px, py) = p.split_at_mut(x.len());
    norms.fill(0.0);
    for (c, push) in push.iter().enumerate() {
        let channel = c * width..(c + 1) * width;
        let (x, below) = (&x[channel.clone()], &below[channel.clone()]);
        let (rx, ry) = (&rx[channel.clone()], &ry[channel.clone()]);
        let (px, py) = (&mut px[channel.clone()], &mut py[channel]);
        let last = width - 1;
        let right = &x[1..];
        for i in 0..last {
            let step_x = rx[i] + push * (right[i] - x[i]);
            let step_y = ry[i] + push * (below[i] - x[i]);
            norms[i] += step_x * step_x + step_y * step_y;
            px[i] = step_x;
            py[i] = step_y;
        }
        let step_y = ry[last] + push * (below[last] - x[last]);
        norms[last] += step_y * step_y;
        px[last] = 0.0;
        py[last] = step_y;
    }
    for norm in norms.iter_mut() {
        *norm = norm.max(1.0).sqrt().recip();
    }
    for channel in p.chunks_exact_mut(width) {
        for (p, factor) in channel.iter_mut().zip(norms.iter()) {
            *p *= factor;
        }
    }
}

/// Sums over one row of `|D x| - <D x, p>` and of `|D x|`.
#[multiversion(targets = "simd")]
pub(super) fn gap_row(problem: &Problem, x: &[f32], below: &[f32], p: &[f32], buffers: &mut RowBuffers) -> [f64; 2] {
    let width = problem.shape.width;
    let RowBuffers { norms, products, .. } = buffers;
    norms.fill(0.0);
    products.fill(0.0);
    let (px, py) = p.split_at(x.len());
    for (c, weight) in problem.channel_weights.iter().enumerate() {
        let channel = c * width..(c + 1) * width;
        let (x, below) = (&x[channel.clone()], &below[channel.clone()]);
        let (px, py) = (&px[channel.clone()], &py[channel]);
        let last = width - 1;
        for i in 0..last {
            let (dx, dy) = (weight * (x[i + 1] - x[i]), weight * (below[i] - x[i]));
            norms[i] += dx * dx + dy * dy;
            products[i] += dx * px[i] + dy * py[i];
        }
        let dy = weight * (below[last] - x[last]);
        norms[last] += dy * dy;
        products[last] += dy * py[last];
    }
    norms.iter().zip(products.iter()).fold([0.0; 2], |[gap, variation], (norm, product)| {
        let norm = norm.sqrt();
        [gap + f64::from((norm - product).max(0.0)), variation + f64::from(norm)]
    })
}
