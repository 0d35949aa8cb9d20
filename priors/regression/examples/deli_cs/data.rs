//! Simulated measurements of the maps of a data folder.

use std::collections::HashMap;
use std::path::Path;

use diph_core::{ForwardOperator, FourierScale, Rng};
use diph_datasets::{DatasetFolder, DictionaryFile, SliceId, TrajectoryFile};
use diph_nufft::{MrfOperator, MrfOptions, Trajectory};
use diph_regression::Maps;
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::mmse::{Fft2, Mmse, Prior, Spectrum};

pub const K: usize = 5;
pub const SIGMA: f32 = 3e-4;
pub const FRAMES: usize = 200;

pub struct Dictionary {
    pub lut: Vec<[f32; 2]>,
    pub atoms: Vec<[f32; K]>,
    pub norms: Vec<f32>,
    pub basis: Array2<f32>,
    index: HashMap<(i64, i64), usize>,
    /// Nearest atoms in (log T1, log T2) on a fine grid.
    grid: Vec<u32>,
}

const GRID: usize = 512;
const LOG_T1: [f32; 2] = [-4.7, 2.1];
const LOG_T2: [f32; 2] = [-6.3, 1.8];

fn key(t1: f64, t2: f64) -> (i64, i64) {
    ((t1 * 1e5).round() as i64, (t2 * 1e5).round() as i64)
}

impl Dictionary {
    pub fn read(folder: &DatasetFolder) -> Self {
        let file = DictionaryFile::read(folder.dictionary_path(3)).unwrap();
        let lut: Vec<[f32; 2]> = file.lut.outer_iter().map(|r| [r[0] as f32, r[1] as f32]).collect();
        let index = file.lut.outer_iter().enumerate().map(|(i, r)| (key(r[0], r[1]), i)).collect();
        let (mut atoms, mut norms) = (Vec::new(), Vec::new());
        for (row, norm) in file.d.outer_iter().zip(&file.norm_d) {
            let e: Vec<f64> = row.iter().take(K).map(|v| v * norm).collect();
            let size = e.iter().map(|v| v * v).sum::<f64>().sqrt();
            norms.push(size as f32);
            atoms.push(std::array::from_fn(|k| (e[k] / size) as f32));
        }
        let basis = file.v.slice(ndarray::s![.., ..K]).mapv(|v| v as f32);
        let mut dictionary = Self { lut, atoms, norms, basis, index, grid: Vec::new() };
        let logs: Vec<[f32; 2]> = dictionary.lut.iter().map(|t| t.map(f32::ln)).collect();
        let step = |range: [f32; 2], i: usize| range[0] + (range[1] - range[0]) * i as f32 / (GRID - 1) as f32;
        dictionary.grid = (0..GRID * GRID)
            .into_par_iter()
            .map(|p| {
                let (a, b) = (step(LOG_T1, p / GRID), step(LOG_T2, p % GRID));
                let d = |t: &[f32; 2]| (t[0] - a).powi(2) + (t[1] - b).powi(2);
                let best = logs.iter().enumerate().min_by(|x, y| d(x.1).total_cmp(&d(y.1)));
                best.unwrap().0 as u32
            })
            .collect();
        dictionary
    }

    pub fn nearest(&self, t1: f32, t2: f32) -> usize {
        if let Some(found) = self.index.get(&key(t1.into(), t2.into())) {
            return *found;
        }
        let place = |v: f32, r: [f32; 2]| (((v.max(1e-4).ln() - r[0]) / (r[1] - r[0]) * (GRID - 1) as f32).round().clamp(0.0, (GRID - 1) as f32)) as usize;
        self.grid[place(t1, LOG_T1) * GRID + place(t2, LOG_T2)] as usize
    }

    pub fn tsmi(&self, maps: &Maps) -> Array3<Complex32> {
        let (h, w) = maps.pd.dim();
        let mut x = Array3::zeros((K, h, w));
        for ((r, c), pd) in maps.pd.indexed_iter() {
            if *pd == Complex32::ZERO {
                continue;
            }
            let j = self.nearest(maps.t1[[r, c]], maps.t2[[r, c]]);
            for k in 0..K {
                x[[k, r, c]] = pd * self.norms[j] * self.atoms[j][k];
            }
        }
        x
    }

    /// Exact matching of the pixels in a mask: (T1, T2).
    pub fn matched(&self, x: &Array3<Complex32>, mask: &Array2<bool>) -> (Array2<f32>, Array2<f32>) {
        let (mut t1, mut t2) = (Array2::ones(mask.dim()), Array2::ones(mask.dim()));
        let at: Vec<(usize, usize)> = mask.indexed_iter().filter(|(_, m)| **m).map(|(at, _)| at).collect();
        let best: Vec<usize> = at
            .par_iter()
            .map(|(r, c)| {
                let v: [Complex32; K] = std::array::from_fn(|k| x[[k, *r, *c]]);
                let score = |a: &[f32; K]| (0..K).map(|k| v[k] * a[k]).sum::<Complex32>().norm_sqr();
                let mut best = (0, -1.0);
                for (j, a) in self.atoms.iter().enumerate() {
                    let s = score(a);
                    if s > best.1 {
                        best = (j, s);
                    }
                }
                best.0
            })
            .collect();
        for ((r, c), j) in at.into_iter().zip(best) {
            (t1[[r, c]], t2[[r, c]]) = (self.lut[j][0], self.lut[j][1]);
        }
        (t1, t2)
    }
}

pub struct World {
    pub folder: DatasetFolder,
    pub dictionary: Dictionary,
    pub mmse: Mmse,
    pub prior: Prior,
    pub cy: f32,
    pub n: usize,
}

fn median_head(pd: &Array2<Complex32>) -> f32 {
    let mut v: Vec<f32> = pd.iter().map(|p| p.norm()).collect();
    v.sort_by(f32::total_cmp);
    let cut = 0.35 * v[(v.len() * 9) / 10];
    let head: Vec<f32> = v.into_iter().filter(|x| *x > cut).collect();
    head[head.len() / 2]
}

impl World {
    pub fn open(root: &Path) -> Self {
        let folder = DatasetFolder::open(root).unwrap();
        let dictionary = Dictionary::read(&folder);
        let n = 230;
        let file = TrajectoryFile::read(folder.trajectory_path()).unwrap();
        let trajectory = Trajectory::from_interleaves(file.positions.view(), FRAMES).unwrap();
        let mut options = MrfOptions::new(trajectory, dictionary.basis.clone(), n, n);
        options.normalisation = FourierScale::TwiceOversampled;
        let mmse = Mmse::new(MrfOperator::new(options).unwrap(), K, n, SIGMA);
        let mut world = Self { folder, dictionary, mmse, prior: Prior::new(&[1.0; 61 * K * K], K), cy: 1.0, n };
        world.learn();
        world
    }

    pub fn maps(&self, vol: usize, slice: usize) -> Maps {
        let q = self.folder.maps(SliceId { vol, slice }).unwrap();
        Maps { t1: q.t1, t2: q.t2, pd: q.pd }
    }

    fn learn(&mut self) {
        let fft = Fft2::new(self.n);
        let mut spectrum = Spectrum::new(K);
        let mut sizes = Vec::new();
        for vol in 1..=8 {
            for slice in (0..30).step_by(3) {
                let maps = self.maps(vol, slice);
                let m = median_head(&maps.pd);
                let x = self.dictionary.tsmi(&maps).mapv(|v| v / m);
                spectrum.add(&fft, &x);
                if slice % 9 == 0 {
                    sizes.push(norm(&self.forward(&x)));
                }
            }
        }
        self.prior = Prior::new(&spectrum.mean(), K);
        self.cy = sizes.iter().sum::<f32>() / sizes.len() as f32;
    }

    pub fn forward(&self, x: &Array3<Complex32>) -> ArrayD<Complex32> {
        let mut y = self.mmse.operator.range().zeros();
        self.mmse.operator.forward(x.view().into_dyn(), y.view_mut()).unwrap();
        y
    }

    pub fn measure(&self, maps: &Maps, rng: &mut Rng) -> ArrayD<Complex32> {
        let mut y = self.forward(&self.dictionary.tsmi(maps));
        let part = SIGMA / 2.0_f32.sqrt();
        for v in &mut y {
            let (a, b): (f32, f32) = (StandardNormal.sample(rng), StandardNormal.sample(rng));
            *v += Complex32::new(part * a, part * b);
        }
        y
    }

    pub fn scale(&self, y: &ArrayD<Complex32>) -> f32 {
        let energy = norm(y).powi(2) - y.len() as f32 * SIGMA * SIGMA;
        energy.max(1e-6).sqrt() / self.cy
    }

    pub fn image(&self, y: &ArrayD<Complex32>, iterations: usize) -> (Array3<Complex32>, f64) {
        self.mmse.solve(&self.prior, &self.mmse.adjoint(y), self.scale(y), iterations, None)
    }
}

pub fn norm(y: &ArrayD<Complex32>) -> f32 {
    y.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>().sqrt() as f32
}

/// Turned, scaled, shifted, mirrored, conjugated; smooth phase and brightness; median |PD| of the head log-uniform.
pub fn augment(maps: &Maps, rng: &mut Rng) -> Maps {
    let (h, w) = maps.pd.dim();
    let (cy, cx) = ((h as f32 - 1.0) / 2.0, (w as f32 - 1.0) / 2.0);
    let angle = rng.random_range(-25.0_f32..25.0).to_radians();
    let zoom = rng.random_range(0.88_f32..1.15);
    let (dy, dx) = (rng.random_range(-8.0_f32..8.0), rng.random_range(-8.0_f32..8.0));
    let (fy, fx): (bool, bool) = (rng.random(), rng.random());
    let conjugate: bool = rng.random();
    let from = |(r, c): (usize, usize)| {
        let (mut y, mut x) = (r as f32 - cy, c as f32 - cx);
        if fy {
            y = -y;
        }
        if fx {
            x = -x;
        }
        let yy = (angle.cos() * y - angle.sin() * x) / zoom + dy + cy;
        let xx = (angle.sin() * y + angle.cos() * x) / zoom + dx + cx;
        [(yy.round() as isize).rem_euclid(h as isize) as usize, (xx.round() as isize).rem_euclid(w as isize) as usize]
    };
    let normal = |rng: &mut Rng| -> f32 { StandardNormal.sample(rng) };
    let c: [f32; 6] = std::array::from_fn(|_| normal(rng));
    let turn = rng.random_range(0.0..std::f32::consts::TAU);
    let t1 = Array2::from_shape_fn((h, w), |at| maps.t1[from(at)]);
    let t2 = Array2::from_shape_fn((h, w), |at| maps.t2[from(at)]);
    let mut pd = Array2::from_shape_fn((h, w), |at| {
        let pd = maps.pd[from(at)];
        let pd = if conjugate { pd.conj() } else { pd };
        let (y, x) = (2.0 * at.0 as f32 / (h as f32 - 1.0) - 1.0, 2.0 * at.1 as f32 / (w as f32 - 1.0) - 1.0);
        let phase = turn + 1.5 * c[0] * x + 1.5 * c[1] * y + 0.5 * c[2] * x * y;
        let bright = 0.25 * (c[3] * x + c[4] * y + 0.5 * c[5] * (x * x + y * y));
        pd * Complex32::from_polar(bright.exp(), phase)
    });
    let m = median_head(&pd);
    let target = (0.0042_f32.ln() + (0.0105_f32 / 0.0042).ln() * rng.random::<f32>()).exp();
    pd.mapv_inplace(|v| v * (target / m));
    Maps { t1, t2, pd }
}

pub fn stream(seed: u64, number: u64) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}
