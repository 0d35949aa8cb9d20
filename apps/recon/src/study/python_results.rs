//! The files that the Python code of MRF-DiPh writes.

use std::path::Path;

use diph_core::{Error, Result};
use diph_datasets::{ResultLogRow, SampleResults, to_channels};
use ndarray::{Array3, Array4, ArrayD, Axis, stack};
use num_complex::Complex32;

use crate::reconstruction::Reconstruction;
use crate::stacked_maps;
use crate::{Blame, ReconError};

/// Collects `log_res.csv` and `samples_<checkpoint>_<shape>.npz`, in the layout of the Python code, over the slices of a run.
pub struct PythonResults {
    /// What the Python code divides images by.
    factor: f32,
    rows: Vec<ResultLogRow>,
    x_t: Vec<Array3<f32>>,
    z_t: Vec<Array3<Complex32>>,
    x_tilda: Vec<Array3<Complex32>>,
    x_hat: Vec<Array3<Complex32>>,
    qmaps: Vec<Array3<f32>>,
}

impl PythonResults {
    /// Nothing yet. `factor` is what the files' images are divided by: that of the data folder, as for the Python code.
    pub fn new(factor: f32) -> Self {
        let (x_t, x_tilda, qmaps) = (Vec::new(), Vec::new(), Vec::new());
        Self { factor, rows: Vec::new(), x_t, z_t: Vec::new(), x_tilda, x_hat: Vec::new(), qmaps }
    }

    /// Adds a slice: the log of its steps and its last state. What was not annealed adds nothing.
    ///
    /// # Errors
    /// When the maps hold no T1 or T2, or the image is a volume, for which the layout has no place.
    pub fn push(&mut self, rows: Vec<ResultLogRow>, reconstruction: &Reconstruction) -> Result<()> {
        self.rows.extend(rows);
        let Some(state) = &reconstruction.state else {
            return Ok(());
        };
        // The state counts in units of the slice's own intensity.
        let scale = reconstruction.intensity / self.factor;
        let image = |image: &ArrayD<Complex32>| of_plane(image.mapv(|value| value * scale));
        let mut maps = reconstruction.maps.clone();
        maps.amplitude.mapv_inplace(|value| value / self.factor);
        self.x_t.push(to_channels(image(&state.x_t)?.view()));
        self.z_t.push(match &state.physics {
            Some(physics) => image(&physics.z)?,
            None => image(&ArrayD::zeros(state.x_hat.raw_dim()))?,
        });
        self.x_tilda.push(image(&state.x_tilde)?);
        self.x_hat.push(image(&state.x_hat)?);
        self.qmaps.push(of_plane(stacked_maps(&maps)?)?);
        Ok(())
    }

    /// Writes both files into `folder`; nothing where no slice was added. `checkpoint` is the name of the network.
    ///
    /// # Errors
    /// Naming the file that cannot be written.
    pub fn write(&self, folder: &Path, checkpoint: &str) -> Result<(), ReconError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let path = folder.join("log_res.csv");
        ResultLogRow::write_all(&path, &self.rows).file(&path)?;
        const STEP: &str = "collecting the samples";
        let samples = SampleResults {
            x_t: stacked(&self.x_t).step(STEP)?,
            z_t: stacked(&self.z_t).step(STEP)?,
            x_tilda: stacked(&self.x_tilda).step(STEP)?,
            x_hat: stacked(&self.x_hat).step(STEP)?,
            qmaps: stacked(&self.qmaps).step(STEP)?,
        };
        let shape: Vec<String> = samples.x_t.shape().iter().map(usize::to_string).collect();
        let path = folder.join(format!("samples_{checkpoint}_{}.npz", shape.join("x")));
        samples.write(&path).file(&path)
    }
}

/// The array (.., y, x) of a plane.
fn of_plane<T>(array: ArrayD<T>) -> Result<Array3<T>> {
    let shape = array.shape().to_vec();
    let expected = "images (coefficient, y, x) of a plane";
    let refused = |_| Error::incompatible("results in the Python code's layout", expected, format!("{shape:?}"));
    array.into_dimensionality().map_err(refused)
}

/// Slices of one size one after the other; the images of a run all have it.
fn stacked<T: Clone>(slices: &[Array3<T>]) -> Result<Array4<T>, ndarray::ShapeError> {
    stack(Axis(0), &slices.iter().map(|slice| slice.view()).collect::<Vec<_>>())
}
