//! Scaled dot-product attention over the pixels of an image, a few queries at a time.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;
use rayon::prelude::*;

use super::exponential::exp;
use super::matrix_product::{Matrix, add_product};
use super::storage::{values, with_values};

/// Queries whose scores are held at once.
const CHUNK: usize = 64;

/// Running sums of a row.
const LANES: usize = 16;

/// `softmax(q^T k / sqrt(c)) v^T` for each head, softmax in f32.
///
/// `qkv` is (batch, 3 * heads * c, pixels); the channels are sorted by head, then q, k, v, then channel of the head. The
/// result is (batch, heads * c, pixels).
///
/// # Errors
/// When the shape or the dtype does not fit.
pub fn attention(qkv: &Tensor, heads: usize) -> Result<Tensor> {
    qkv.contiguous()?.apply_op1(Attention { heads })
}

/// The same on values in memory.
pub fn attend(qkv: &[f32], shape: &[usize], heads: usize, y: &mut [f32]) -> Result<()> {
    let (_, head) = Attention { heads }.sizes(shape)?;
    let len = head.len().max(1);
    y.par_chunks_mut(len).zip(qkv.par_chunks(3 * len)).for_each(|(y, qkv)| {
        y.fill(0.0);
        head.forward(qkv, y);
    });
    Ok(())
}

/// The gradient of `qkv` from that of the result.
pub fn attend_back(qkv: &[f32], shape: &[usize], heads: usize, y_gradient: &[f32], gradient: &mut [f32]) -> Result<()> {
    let (_, head) = Attention { heads }.sizes(shape)?;
    let len = head.len().max(1);
    let heads = gradient.par_chunks_mut(3 * len).zip(qkv.par_chunks(3 * len)).zip(y_gradient.par_chunks(len));
    heads.for_each(|((gradient, qkv), y_gradient)| {
        gradient.fill(0.0);
        head.backward(qkv, y_gradient, gradient);
    });
    Ok(())
}

struct Attention {
    heads: usize,
}

/// One head of one image: `channels` x `pixels` each of q, k and v.
#[derive(Clone, Copy)]
struct Head {
    channels: usize,
    pixels: usize,
}

impl Attention {
    /// The batch and the size of a head.
    fn sizes(&self, shape: &[usize]) -> Result<(usize, Head)> {
        match *shape {
            [batch, channels, pixels] if self.heads > 0 && channels % (3 * self.heads) == 0 => {
                Ok((batch, Head { channels: channels / (3 * self.heads), pixels }))
            }
            _ => bail!("attention: expected a shape [batch, 3 * {} * channels, pixels], got {shape:?}", self.heads),
        }
    }
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, head) = self.sizes(layout.dims())?;
        let mut y = vec![0.0; batch * self.heads * head.len()];
        attend(values(self.name(), qkv, layout)?, layout.dims(), self.heads, &mut y)?;
        Ok((CpuStorage::F32(y), Shape::from(&[batch, self.heads * head.channels, head.pixels])))
    }

    fn bwd(&self, qkv: &Tensor, _y: &Tensor, y_gradient: &Tensor) -> Result<Option<Tensor>> {
        let shape = qkv.dims();
        let gradient = with_values(self.name(), qkv, |qkv| {
            with_values(self.name(), y_gradient, |y_gradient| {
                let mut gradient = vec![0.0; qkv.len()];
                attend_back(qkv, shape, self.heads, y_gradient, &mut gradient)?;
                Ok(gradient)
            })
        })?;
        Ok(Some(Tensor::from_vec(gradient, qkv.shape(), qkv.device())?))
    }
}

impl Head {
    fn len(&self) -> usize {
        self.channels * self.pixels
    }

    /// 1 / sqrt(c): the network's 1 / sqrt(sqrt(c)) on q and on k.
    fn scale(&self) -> f32 {
        1.0 / (self.channels as f32).sqrt()
    }

    /// A matrix (channel, pixel) of some pixels.
    fn pixels_of<'a>(&self, values: &'a [f32], first: usize, count: usize) -> Matrix<'a> {
        Matrix {
            values: &values[first..],
            rows: self.channels,
            columns: count,
            row_stride: self.pixels,
            column_stride: 1,
        }
    }

    fn forward(&self, qkv: &[f32], y: &mut [f32]) {
        let (q, kv) = qkv.split_at(self.len());
        let (k, v) = kv.split_at(self.len());
        let mut weights = vec![0.0; CHUNK * self.pixels];
        for first in (0..self.pixels).step_by(CHUNK) {
            let count = CHUNK.min(self.pixels - first);
            let weights = &mut weights[..count * self.pixels];
            self.weights(q, k, first, weights);
            // y (channel, query) += v (channel, key) weights^T (key, query)
            let transposed = Matrix::new(weights, count, self.pixels).transposed();
            add_product(&mut y[first..], self.pixels, self.pixels_of(v, 0, self.pixels), transposed, 1.0);
        }
    }

    /// Softmax over the keys, (query, key), of the queries from `first` on.
    fn weights(&self, q: &[f32], k: &[f32], first: usize, weights: &mut [f32]) {
        weights.fill(0.0);
        let queries = self.pixels_of(q, first, weights.len() / self.pixels).transposed();
        add_product(weights, self.pixels, queries, self.pixels_of(k, 0, self.pixels), self.scale());
        weights.chunks_exact_mut(self.pixels).for_each(softmax);
    }

    fn backward(&self, qkv: &[f32], y_gradient: &[f32], gradient: &mut [f32]) {
        let (q, kv) = qkv.split_at(self.len());
        let (k, v) = kv.split_at(self.len());
        let (q_gradient, kv_gradient) = gradient.split_at_mut(self.len());
        let (k_gradient, v_gradient) = kv_gradient.split_at_mut(self.len());
        let mut weights = vec![0.0; CHUNK * self.pixels];
        let mut weights_gradient = vec![0.0; CHUNK * self.pixels];
        for first in (0..self.pixels).step_by(CHUNK) {
            let count = CHUNK.min(self.pixels - first);
            let weights = &mut weights[..count * self.pixels];
            let scores_gradient = &mut weights_gradient[..count * self.pixels];
            self.weights(q, k, first, weights);
            let y_gradient = self.pixels_of(y_gradient, first, count);
            add_product(v_gradient, self.pixels, y_gradient, Matrix::new(weights, count, self.pixels), 1.0);

            scores_gradient.fill(0.0);
            let v = self.pixels_of(v, 0, self.pixels);
            add_product(scores_gradient, self.pixels, y_gradient.transposed(), v, 1.0);
            let rows = scores_gradient.chunks_exact_mut(self.pixels).zip(weights.chunks_exact(self.pixels));
            rows.for_each(|(gradient, weights)| softmax_gradient(gradient, weights));

            let scores_gradient = Matrix::new(scores_gradient, count, self.pixels);
            let k = self.pixels_of(k, 0, self.pixels);
            add_product(&mut q_gradient[first..], self.pixels, k, scores_gradient.transposed(), self.scale());
            add_product(k_gradient, self.pixels, self.pixels_of(q, first, count), scores_gradient, self.scale());
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn softmax(row: &mut [f32]) {
    // Sixteen running maxima and sums, so that the loops become vector instructions.
    let mut maxima = [f32::NEG_INFINITY; LANES];
    let (vectors, rest) = row.as_chunks::<LANES>();
    for vector in vectors {
        for lane in 0..LANES {
            maxima[lane] = if vector[lane] > maxima[lane] { vector[lane] } else { maxima[lane] };
        }
    }
    let maximum = maxima.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = exp(*value - maximum));
    let mut sums = [0.0; LANES];
    let (vectors, rest) = row.as_chunks::<LANES>();
    for vector in vectors {
        for lane in 0..LANES {
            sums[lane] += f64::from(vector[lane]);
        }
    }
    let total = sums.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value)).sum::<f64>();
    let factor = (1.0 / total) as f32;
    row.iter_mut().for_each(|value| *value *= factor);
}

/// The gradient of the scores from that of the weights, in place.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn softmax_gradient(gradient: &mut [f32], weights: &[f32]) {
    let mean = gradient.iter().zip(weights).map(|(g, w)| f64::from(*g) * f64::from(*w)).sum::<f64>() as f32;
    gradient.iter_mut().zip(weights).for_each(|(gradient, weight)| *gradient = weight * (*gradient - mean));
}

#[cfg(test)]
mod tests {
    use candle_core::D;

    use super::super::gradient_check::{check_gradients, gradients, random, relative_error};
    use super::*;

    /// The same from candle's ops, as one would write it down.
    fn composed(qkv: &Tensor, heads: usize) -> Result<Tensor> {
        let (batch, channels, pixels) = qkv.dims3()?;
        let c = channels / (3 * heads);
        let parts = qkv.reshape((batch * heads, 3, c, pixels))?;
        let part = |index: usize| parts.narrow(1, index, 1)?.squeeze(1)?.contiguous();
        let scores = (part(0)?.t()?.contiguous()?.matmul(&part(1)?)? / (c as f64).sqrt())?;
        let scores = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
        let weights = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?;
        let y = part(2)?.matmul(&weights.t()?.contiguous()?)?;
        y.reshape((batch, heads * c, pixels))
    }

    #[test]
    fn matches_the_composed_form() -> Result<()> {
        for (batch, heads, c, pixels) in [(2, 3, 5, 7), (1, 1, 16, 64), (1, 2, 9, 65), (1, 4, 12, 131), (1, 1, 1, 1)] {
            let qkv = [(random(&[batch, 3 * heads * c, pixels], 1) * 3.0)?];
            assert!(relative_error(&attention(&qkv[0], heads)?, &composed(&qkv[0], heads)?)? < 2e-6);
            let ours = gradients(&qkv, |x| attention(&x[0], heads))?;
            let theirs = gradients(&qkv, |x| composed(&x[0], heads))?;
            assert!(relative_error(&ours[0], &theirs[0])? < 5e-6, "{batch} {heads} {c} {pixels}");
        }
        Ok(())
    }

    #[test]
    fn gradients_match_finite_differences() -> Result<()> {
        check_gradients(&[random(&[2, 3 * 2 * 3, 9], 2)], |x| attention(&x[0], 2))
    }

    #[test]
    fn large_scores_do_not_overflow() -> Result<()> {
        let y = attention(&(random(&[1, 12, 10], 3) * 1e4)?, 1)?;
        assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()));
        Ok(())
    }

    #[test]
    fn channels_must_split_into_heads() {
        let message = attention(&random(&[1, 10, 4], 4), 2).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("[batch, 3 * 2 * channels, pixels]"), "{message}");
    }
}
