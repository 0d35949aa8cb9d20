//! A stand-in for the linear MMSE estimate of priors/gaussian.

use std::sync::Arc;

use diph_core::ForwardOperator;
use diph_fourier::{Fft, plan_pair};
use diph_nufft::MrfOperator;
use nalgebra::{DMatrix, SMatrix, SymmetricEigen};
use ndarray::{Array3, ArrayD, ArrayView3, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

pub const RINGS: usize = 60;

/// Unitary transforms of square planes.
pub struct Fft2 {
    n: usize,
    both: [Arc<dyn Fft<f32>>; 2],
}

impl Fft2 {
    pub fn new(n: usize) -> Self {
        Self { n, both: plan_pair(n) }
    }

    pub fn run(&self, planes: &mut [Complex32], inverse: bool) {
        let n = self.n;
        planes.par_chunks_mut(n * n).for_each(|plane| {
            let fft = &self.both[usize::from(inverse)];
            let mut scratch = vec![Complex32::ZERO; fft.get_inplace_scratch_len()];
            fft.process_with_scratch(plane, &mut scratch);
            transpose(plane, n);
            fft.process_with_scratch(plane, &mut scratch);
            transpose(plane, n);
            let scale = 1.0 / n as f32;
            plane.iter_mut().for_each(|value| *value *= scale);
        });
    }
}

fn transpose(plane: &mut [Complex32], n: usize) {
    const B: usize = 16;
    for y0 in (0..n).step_by(B) {
        for x0 in (y0..n).step_by(B) {
            for y in y0..(y0 + B).min(n) {
                for x in x0.max(y + 1)..(x0 + B).min(n) {
                    plane.swap(y * n + x, x * n + y);
                }
            }
        }
    }
}

pub fn ring(n: usize, y: usize, x: usize) -> usize {
    let f = |i: usize| (if i <= (n - 1) / 2 { i as f64 } else { i as f64 - n as f64 }) / n as f64;
    (((f(y).powi(2) + f(x).powi(2)).sqrt() / 0.5 * RINGS as f64) as usize).min(RINGS)
}

/// Cross-spectra (ring, k, l) of images, real parts; `weight` divides.
pub struct Spectrum {
    pub k: usize,
    pub sum: Vec<f64>,
    pub count: Vec<f64>,
}

impl Spectrum {
    pub fn new(k: usize) -> Self {
        Self { k, sum: vec![0.0; (RINGS + 1) * k * k], count: vec![0.0; RINGS + 1] }
    }

    pub fn add(&mut self, fft: &Fft2, image: &Array3<Complex32>) {
        let (k, n, _) = image.dim();
        let mut f: Vec<Complex32> = image.iter().copied().collect();
        fft.run(&mut f, false);
        for p in 0..n * n {
            let r = ring(n, p / n, p % n);
            self.count[r] += 1.0;
            for a in 0..k {
                for b in 0..k {
                    self.sum[(r * k + a) * k + b] += f64::from((f[a * n * n + p] * f[b * n * n + p].conj()).re);
                }
            }
        }
    }

    pub fn mean(&self) -> Vec<f64> {
        let kk = self.k * self.k;
        self.sum.iter().enumerate().map(|(i, v)| v / self.count[i / kk].max(1.0)).collect()
    }
}

/// Square roots ring by ring.
fn roots(spectrum: &[f64], k: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for s in spectrum.chunks_exact(k * k) {
        let eigen = SymmetricEigen::new(DMatrix::from_row_slice(k, k, s));
        let d = DMatrix::from_diagonal(&eigen.eigenvalues.map(|v| v.max(1e-14).sqrt()));
        let l = &eigen.eigenvectors * d * eigen.eigenvectors.transpose();
        out.extend(l.transpose().iter().map(|v| *v as f32));
    }
    out
}

pub struct Mmse {
    pub operator: MrfOperator,
    pub sigma: f32,
    n: usize,
    k: usize,
    fft: Fft2,
    /// Circulant approximation of the normal operator, (pixel, k, l).
    circulant: Vec<f32>,
    rings: Vec<u8>,
}

pub struct Prior {
    roots: Vec<f32>,
}

impl Prior {
    pub fn new(spectrum: &[f64], k: usize) -> Self {
        Self { roots: roots(spectrum, k) }
    }
}

impl Mmse {
    pub fn new(operator: MrfOperator, k: usize, n: usize, sigma: f32) -> Self {
        let fft = Fft2::new(n);
        let circulant = circulant(&operator, k, n);
        let rings = (0..n * n).map(|p| ring(n, p / n, p % n) as u8).collect();
        Self { operator, sigma, n, k, fft, circulant, rings }
    }

    pub fn adjoint(&self, y: &ArrayD<Complex32>) -> Array3<Complex32> {
        let mut b = self.operator.domain().zeros();
        self.operator.adjoint(y.view(), b.view_mut()).unwrap();
        b.into_dimensionality().unwrap()
    }

    pub fn normal(&self, x: &[Complex32]) -> Array3<Complex32> {
        let x = ArrayView3::from_shape((self.k, self.n, self.n), x).unwrap();
        let mut out = self.operator.domain().zeros();
        self.operator.normal(x.into_dyn(), out.view_mut()).unwrap();
        out.into_dimensionality().unwrap()
    }

    /// `matrices` (pixel or ring, k, l) times every pixel of `x`.
    fn apply(&self, x: &mut [Complex32], matrix: impl Fn(usize) -> usize + Sync, matrices: &[f32]) {
        let (k, pixels) = (self.k, self.n * self.n);
        let from = x.to_vec();
        x.par_chunks_mut(pixels).enumerate().for_each(|(a, plane)| {
            for (p, value) in plane.iter_mut().enumerate() {
                let m = &matrices[(matrix(p) * k + a) * k..][..k];
                *value = (0..k).map(|b| from[b * pixels + p] * m[b]).sum();
            }
        });
    }

    fn l(&self, x: &mut [Complex32], prior: &Prior) {
        self.apply(x, |p| usize::from(self.rings[p]), &prior.roots);
    }

    fn preconditioner(&self, prior: &Prior, g: f32) -> Vec<f32> {
        let (k, n) = (self.k, self.n);
        let mut out = vec![0.0_f32; n * n * k * k];
        out.par_chunks_mut(k * k).enumerate().for_each(|(p, out)| {
            type M = SMatrix<f64, 5, 5>;
            let l = M::from_iterator(prior.roots[usize::from(self.rings[p]) * k * k..][..k * k].iter().map(|v| f64::from(*v)));
            let c = M::from_iterator(self.circulant[p * k * k..][..k * k].iter().map(|v| f64::from(*v)));
            let m = l * c * l * f64::from(g) * f64::from(g) + M::identity();
            let m = m.cholesky().unwrap().inverse();
            for a in 0..k {
                for b in 0..k {
                    out[a * k + b] = m[(a, b)] as f32;
                }
            }
        });
        out
    }

    /// MMSE image of adjoint data, prior scaled by `m`; `envelope` (y, x) multiplies the prior's deviation.
    pub fn solve(&self, prior: &Prior, b: &Array3<Complex32>, m: f32, iterations: usize, envelope: Option<&[f32]>) -> (Array3<Complex32>, f64) {
        let (k, n) = (self.k, self.n);
        let pixels = n * n;
        let g = m / self.sigma;
        let weigh = |x: &mut [Complex32]| {
            for (i, v) in x.iter_mut().enumerate() {
                *v *= envelope.map_or(g, |e| g * e[i % pixels]);
            }
        };
        let inverse = self.preconditioner(prior, g);
        let mut r: Vec<Complex32> = b.iter().map(|v| v / self.sigma).collect();
        weigh(&mut r);
        self.fft.run(&mut r, false);
        self.l(&mut r, prior);
        let apply = |w: &[Complex32]| {
            let mut x = w.to_vec();
            self.l(&mut x, prior);
            self.fft.run(&mut x, true);
            weigh(&mut x);
            let mut y: Vec<Complex32> = self.normal(&x).into_iter().collect();
            weigh(&mut y);
            self.fft.run(&mut y, false);
            self.l(&mut y, prior);
            y.iter_mut().zip(w).for_each(|(y, w)| *y += w);
            y
        };
        let dot = |a: &[Complex32], b: &[Complex32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from((a.conj() * b).re)).sum() };
        let mut w = vec![Complex32::ZERO; k * pixels];
        let precondition = |r: &[Complex32]| {
            let mut z = r.to_vec();
            self.apply(&mut z, |p| p, &inverse);
            z
        };
        let mut z = precondition(&r);
        let mut p = z.clone();
        let mut rz = dot(&r, &z);
        let r0 = dot(&r, &r).sqrt();
        for _ in 0..iterations {
            let ap = apply(&p);
            let alpha = (rz / dot(&p, &ap)) as f32;
            w.iter_mut().zip(&p).for_each(|(w, p)| *w += p * alpha);
            r.iter_mut().zip(&ap).for_each(|(r, a)| *r -= a * alpha);
            z = precondition(&r);
            let next = dot(&r, &z);
            let beta = (next / rz) as f32;
            p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + *p * beta);
            rz = next;
        }
        let residual = dot(&r, &r).sqrt() / r0;
        self.l(&mut w, prior);
        self.fft.run(&mut w, true);
        weigh(&mut w);
        let sigma = self.sigma;
        w.iter_mut().for_each(|v| *v *= sigma);
        (Array3::from_shape_vec((k, n, n), w).unwrap(), residual)
    }
}

/// T. Chan's circulant, (pixel, k, l).
fn circulant(operator: &MrfOperator, k: usize, n: usize) -> Vec<f32> {
    let fft = Fft2::new(n);
    let mut out = vec![0.0; n * n * k * k];
    for l in 0..k {
        let response = |x: usize| -> Array3<Complex32> {
            let mut delta = operator.domain().zeros();
            delta[[l, 0, x]] = Complex32::ONE;
            let mut y = operator.domain().zeros();
            operator.normal(delta.view(), y.view_mut()).unwrap();
            y.into_dimensionality().unwrap()
        };
        let (left, right) = (response(0), response(n - 1));
        for a in 0..k {
            let (left, right) = (left.index_axis(Axis(0), a), right.index_axis(Axis(0), a));
            let h = |dy: isize, dx: isize| -> Complex32 {
                let (conjugate, dy, dx) = if dy < 0 { (true, -dy, -dx) } else { (false, dy, dx) };
                let value = if dx >= 0 {
                    left[[dy as usize, dx as usize]]
                } else {
                    right[[dy as usize, (dx + n as isize - 1) as usize]]
                };
                if conjugate { value.conj() } else { value }
            };
            let n_i = n as isize;
            let mut c = vec![Complex32::ZERO; n * n];
            for y in 0..n_i {
                for x in 0..n_i {
                    let mut sum = Complex32::ZERO;
                    for (dy, wy) in [(y, n_i - y), (y - n_i, y)] {
                        for (dx, wx) in [(x, n_i - x), (x - n_i, x)] {
                            if wy > 0 && wx > 0 {
                                sum += h(dy, dx) * (wy * wx) as f32 / (n * n) as f32;
                            }
                        }
                    }
                    c[(y * n_i + x) as usize] = sum;
                }
            }
            fft.run(&mut c, false);
            for (p, value) in c.iter().enumerate() {
                out[(p * k + a) * k + l] = value.re * n as f32;
            }
        }
    }
    // Rounding leaves a little asymmetry.
    for m in out.chunks_exact_mut(k * k) {
        for a in 0..k {
            for b in 0..a {
                let mean = 0.5 * (m[a * k + b] + m[b * k + a]);
                (m[a * k + b], m[b * k + a]) = (mean, mean);
            }
        }
    }
    out
}
