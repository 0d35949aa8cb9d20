//! Scaled dot-product attention over the pixels of an image, a few queries at a time.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::products::matrix_product::{Matrix, add_product};
use crate::products::sums::exp;
use crate::{Error, Result};

/// Queries whose scores are held at once.
const CHUNK: usize = 64;

/// Running sums of a row.
const LANES: usize = 16;

/// `softmax(q^T k / sqrt(c)) v^T` for each head, softmax in f32.
///
/// `qkv` is (batch, 3 * heads * c, pixels); the channels are sorted by head, then q, k, v, then channel of the head. The
/// result `y` is (batch, heads * c, pixels).
///
/// # Errors
/// When the channels do not split into heads.
pub fn attend(qkv: &[f32], shape: &[usize; 3], heads: usize, y: &mut [f32]) -> Result<()> {
    let head = Head::new(shape, heads)?;
    let len = head.len().max(1);
    y.par_chunks_mut(len).zip(qkv.par_chunks(3 * len)).for_each(|(y, qkv)| {
        y.fill(0.0);
        head.forward(qkv, y);
    });
    Ok(())
}

/// The gradient of `qkv` from that of the result.
///
/// # Errors
/// As [`attend`].
pub fn attend_back(
    qkv: &[f32],
    shape: &[usize; 3],
    heads: usize,
    y_gradient: &[f32],
    gradient: &mut [f32],
) -> Result<()> {
    let head = Head::new(shape, heads)?;
    let len = head.len().max(1);
    let heads = gradient.par_chunks_mut(3 * len).zip(qkv.par_chunks(3 * len)).zip(y_gradient.par_chunks(len));
    heads.for_each(|((gradient, qkv), y_gradient)| {
        gradient.fill(0.0);
        head.backward(qkv, y_gradient, gradient);
    });
    Ok(())
}

/// One head of one image: `channels` x `pixels` each of q, k and v.
#[derive(Clone, Copy)]
struct Head {
    channels: usize,
    pixels: usize,
}

impl Head {
    /// The size of a head.
    fn new(shape: &[usize; 3], heads: usize) -> Result<Self> {
        let [_, channels, pixels] = *shape;
        match heads > 0 && channels.is_multiple_of(3 * heads) {
            true => Ok(Self { channels: channels / (3 * heads), pixels }),
            false => {
                let expected = format!("a shape [batch, 3 * {heads} * channels, pixels]");
                Err(Error::shape("attention", expected, shape))
            }
        }
    }

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
    use super::*;
    use crate::tensor::testing::{random, relative_error};

    /// In f64, as one would write it down.
    fn plain(qkv: &[f32], [batch, channels, pixels]: [usize; 3], heads: usize) -> Vec<f32> {
        let c = channels / (3 * heads);
        let mut y = Vec::new();
        for head in 0..batch * heads {
            let value = |part: usize, channel: usize, pixel: usize| {
                f64::from(qkv[((head * 3 + part) * c + channel) * pixels + pixel])
            };
            let weights: Vec<Vec<f64>> = (0..pixels)
                .map(|query| {
                    let score =
                        |key| (0..c).map(|i| value(0, i, query) * value(1, i, key)).sum::<f64>() / (c as f64).sqrt();
                    let scores: Vec<f64> = (0..pixels).map(score).collect();
                    let maximum = scores.iter().copied().fold(f64::MIN, f64::max);
                    let total: f64 = scores.iter().map(|score| (score - maximum).exp()).sum();
                    scores.iter().map(|score| (score - maximum).exp() / total).collect()
                })
                .collect();
            for i in 0..c {
                y.extend(weights.iter().map(|row| {
                    row.iter().enumerate().map(|(key, weight)| weight * value(2, i, key)).sum::<f64>() as f32
                }));
            }
        }
        y
    }

    fn attended(qkv: &[f32], shape: [usize; 3], heads: usize) -> Vec<f32> {
        let mut y = vec![f32::NAN; qkv.len() / 3];
        attend(qkv, &shape, heads, &mut y).expect("fits");
        y
    }

    #[test]
    fn matches_the_plain_form() {
        for (batch, heads, c, pixels) in [(2, 3, 5, 7), (1, 1, 16, 64), (1, 2, 9, 65), (1, 4, 12, 131), (1, 1, 1, 1)] {
            let shape = [batch, 3 * heads * c, pixels];
            let qkv = random(&shape, 1).map(|value| 3.0 * value).into_values();
            assert!(relative_error(&attended(&qkv, shape, heads), &plain(&qkv, shape, heads)) < 2e-6);
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        let shape = [2, 3 * 2 * 3, 70];
        let qkv = random(&shape, 2).into_values();
        let (weights, direction) = (random(&[qkv.len() / 3], 3).into_values(), random(&shape, 4).into_values());
        let mut gradient = vec![f32::NAN; qkv.len()];
        attend_back(&qkv, &shape, 2, &weights, &mut gradient).expect("fits");
        let loss = |step: f32| -> f64 {
            let moved: Vec<f32> = qkv.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            plain(&moved, shape, 2).iter().zip(&weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
        };
        let central = |step: f32| (loss(step) - loss(-step)) / f64::from(2.0 * step);
        let expected = (4.0 * central(1e-2) - central(2e-2)) / 3.0;
        let derivative: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        assert!((derivative / expected - 1.0).abs() < 2e-3, "{derivative} {expected}");
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let qkv = random(&[1, 12, 10], 3).map(|value| 1e4 * value).into_values();
        assert!(attended(&qkv, [1, 12, 10], 1).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn channels_must_split_into_heads() {
        let message = attend(&[0.0; 40], &[1, 10, 4], 2, &mut [0.0; 12]).unwrap_err().to_string();
        assert!(message.contains("[batch, 3 * 2 * channels, pixels]"), "{message}");
        assert!(attend(&[0.0; 40], &[1, 10, 4], 0, &mut [0.0; 12]).is_err());
    }
}
