//! The operator `template.part`: from images (coefficient, y, x) to k-space (coil, frame, sample). What stands here, direct sums for
//! one coil, is exact and slow: a reference that a faster one of yours can be compared with.

use std::f64::consts::TAU;

use diph_plugin_sdk::core::{ForwardOperator, Result, Space, View, ViewMut};
use diph_plugin_sdk::ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};
use diph_plugin_sdk::num_complex::{Complex32, Complex64};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, export_plugin};
use schemars::JsonSchema;
use serde::Deserialize;

/// It has no options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {}

/// `y[t,s] = sqrt(w) f sum_k V[t,k] sum_r x_k(r) exp(-2 pi i k.(r - N/2))`.
struct Part {
    /// (sample of all frames, row) and (sample of all frames, column): waves along the axes.
    waves: [Array2<Complex32>; 2],
    /// (frame, coefficient).
    basis: Array2<f32>,
    /// (frame, sample): `sqrt(w)`, where the data have weights.
    roots: Option<Array2<f32>>,
    scale: f32,
    image: Space,
    kspace: Space,
}

impl Component for Part {
    const ID: &'static str = "template.part";
    const NAME: &'static str = "Template part";
    const SUMMARY: &'static str = "Non-uniform Fourier transform of a plane by direct sums, one coil";
    const REQUIRES: Requirements = Requirements {
        arrays: &["trajectory", "basis"],
        optional_arrays: &["weights"],
        facts: &["image"],
        optional_facts: &["fourier_scale"],
        ..Requirements::NONE
    };
    /// What `diph plugin check` tries it on.
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "facts": {"image": [6, 5]},
        "arrays": {
            "trajectory": {"shape": [3, 7, 2], "dtype": "f64", "low": -0.5, "high": 0.5},
            "basis": {"shape": [3, 2], "dtype": "f32", "low": -1.0, "high": 1.0},
            "weights": {"shape": [3, 7], "dtype": "f32", "low": 0.1, "high": 2.0}
        }
    }"#;
    type Options = Options;
    type Instance = Self;

    fn create(_: Options, acquisition: &Acquisition<'_>, _: &Host) -> Result<Self> {
        let trajectory = acquisition.required::<f64, Ix3>("trajectory")?;
        let basis = acquisition.required::<f32, Ix2>("basis")?;
        let (frames, samples, _) = trajectory.dim();
        let image = acquisition.image()?;
        let lengths = image.require_plane(Self::ID)?;
        let waves = [0, 1].map(|axis| {
            let positions: Vec<f64> = trajectory.index_axis(Axis(2), axis).iter().copied().collect();
            let centre = (lengths[axis] / 2) as f64;
            Array2::from_shape_fn((positions.len(), lengths[axis]), |(place, r)| {
                let wave = Complex64::cis(-TAU * positions[place] * (r as f64 - centre));
                Complex32::new(wave.re as f32, wave.im as f32)
            })
        });
        Ok(Self {
            waves,
            roots: acquisition.optional::<f32, Ix2>("weights")?.map(|weights| weights.mapv(f32::sqrt)),
            scale: acquisition.fourier_scale().unwrap_or_default().factor(&image) as f32,
            image: Space::image(basis.ncols(), &image),
            kspace: Space::kspace(1, frames, samples),
            basis,
        })
    }
}

impl Part {
    /// The place of a sample among those of all frames, and its factor `sqrt(w) f`.
    fn place(&self, frame: usize, sample: usize) -> (usize, f32) {
        let root = self.roots.as_ref().map_or(1.0, |roots| roots[(frame, sample)]);
        (frame * self.kspace.axes()[2].len + sample, self.scale * root)
    }
}

impl ForwardOperator for Part {
    fn name(&self) -> &str {
        Self::ID
    }

    fn domain(&self) -> &Space {
        &self.image
    }

    fn range(&self) -> &Space {
        &self.kspace
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        let (x, y) = (self.image.slice(Self::ID, "image", &x)?, self.kspace.slice_mut(Self::ID, "samples", y)?);
        let pixels = x.len() / self.basis.ncols();
        for (frame, samples) in y.chunks_exact_mut(self.kspace.axes()[2].len).enumerate() {
            let mut seen = vec![Complex32::ZERO; pixels];
            for (image, v) in x.chunks_exact(pixels).zip(self.basis.row(frame)) {
                seen.iter_mut().zip(image).for_each(|(seen, x)| *seen += x * v);
            }
            for (index, sample) in samples.iter_mut().enumerate() {
                let (place, factor) = self.place(frame, index);
                let [rows, columns] = [0, 1].map(|axis| self.waves[axis].row(place));
                let lines = seen.chunks_exact(columns.len()).zip(rows);
                let line = |line: &[Complex32]| line.iter().zip(columns).map(|(x, c)| x * c).sum::<Complex32>();
                *sample = lines.map(|(seen, row)| row * line(seen)).sum::<Complex32>() * factor;
            }
        }
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let (y, x) = (self.kspace.slice(Self::ID, "samples", &y)?, self.image.slice_mut(Self::ID, "image", x)?);
        let pixels = x.len() / self.basis.ncols();
        x.fill(Complex32::ZERO);
        for (frame, samples) in y.chunks_exact(self.kspace.axes()[2].len).enumerate() {
            let mut seen = vec![Complex32::ZERO; pixels];
            for (index, sample) in samples.iter().enumerate() {
                let (place, factor) = self.place(frame, index);
                let [rows, columns] = [0, 1].map(|axis| self.waves[axis].row(place));
                for (line, row) in seen.chunks_exact_mut(columns.len()).zip(rows) {
                    let value = sample * factor * row.conj();
                    line.iter_mut().zip(columns).for_each(|(x, c)| *x += value * c.conj());
                }
            }
            for (image, v) in x.chunks_exact_mut(pixels).zip(self.basis.row(frame)) {
                image.iter_mut().zip(&seen).for_each(|(x, seen)| *x += seen * v);
            }
        }
        Ok(())
    }

    /// `sqrt(w)`, by which the host multiplies measured data.
    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(self.roots.clone().map(|roots| roots.insert_axis(Axis(0)).into_dyn()))
    }
}

export_plugin! { operator: Part }
