//! Data folders with simulated measurements.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diph_bloch::{Dictionary, Sequence, simulate_tsmi};
use diph_core::ForwardOperator;
use diph_datasets::{
    DatasetFolder, MASK_THRESHOLD, NoiseLevel, NoiseParts, QuantitativeMaps, SliceId, TrajectoryFile,
    add_measurement_noise,
};
use diph_formats::NpzWriter;
use diph_plugin_host::Registry;
use ndarray::{ArrayD, Ix3};
use num_complex::Complex32;

use crate::acquisition::{Acquisition, dictionary_file};
use crate::parameter_maps;
use crate::slices::slice_generator;
use crate::{Blame, ReconError};

/// The operator that measures planes along any trajectory; any other with the same arrays would do.
pub const DEFAULT_OPERATOR: &str = "diph.mrf-nufft";

/// The operator that measures planes and volumes on the grid of the image.
pub const CARTESIAN_OPERATOR: &str = "diph.cartesian";

/// Measures maps and writes everything that a reconstruction needs.
pub struct Simulation<'a> {
    /// The folder to write.
    pub folder: &'a DatasetFolder,
    /// Number of the cut in the names of the files.
    pub cut: usize,
    /// The acquisition.
    pub acquisition: &'a Acquisition,
    /// Simulates every voxel exactly; where it is unknown, the nearest dictionary entries serve.
    pub sequence: Option<&'a Sequence>,
    /// Strength of the noise.
    pub noise: NoiseLevel,
    /// Which parts of a sample get noise.
    pub noise_parts: NoiseParts,
    /// Seed of the noise.
    pub seed: u64,
    plain: Arc<dyn ForwardOperator>,
    weighted: Arc<dyn ForwardOperator>,
}

impl<'a> Simulation<'a> {
    /// A simulation without noise yet, with the operator `operator_id` from a plugin.
    ///
    /// # Errors
    /// When the plugin is missing or refuses the acquisition.
    pub fn new(
        registry: &Registry,
        operator_id: &str,
        folder: &'a DatasetFolder,
        cut: usize,
        acquisition: &'a Acquisition,
    ) -> Result<Self, ReconError> {
        let options = serde_json::json!({});
        let create = |weighted| -> Result<Arc<dyn ForwardOperator>, ReconError> {
            let operator = registry.create_operator(operator_id, &options, &acquisition.for_parts(weighted));
            Ok(Arc::new(operator.step("creating the operator")?))
        };
        Ok(Self {
            folder,
            cut,
            acquisition,
            sequence: None,
            noise: NoiseLevel::StandardDeviation(0.0),
            noise_parts: NoiseParts::Complex,
            seed: 0,
            plain: create(false)?,
            weighted: create(true)?,
        })
    }

    /// Writes trajectory, dictionary and, where there are any, coil sensitivities into `acquisition/`.
    ///
    /// # Errors
    /// Naming the file that cannot be written.
    pub fn write_acquisition(&self) -> Result<(), ReconError> {
        let folder = self.folder.root().join("acquisition");
        let trajectory = TrajectoryFile {
            positions: self.acquisition.trajectory.clone(),
            weights: Some(self.acquisition.density_compensation.mapv(f64::from)),
        };
        let weights = &self.acquisition.density_compensation;
        // The Python code's form holds planes, and one set of weights for all frames.
        let fits = !self.acquisition.image.is_volume() && weights.outer_iter().all(|frame| frame == weights.row(0));
        let forms = [folder.join("traj_dcf.mat"), folder.join("trajectory.npz")];
        let path = one_of(forms, fits)?;
        trajectory.write(&path).file(&path)?;
        let forms = [format!("SVD_dict_FISP_cut{}.mat", self.cut), format!("dictionary_cut{}.npz", self.cut)];
        let path = one_of(forms.map(|name| folder.join(name)), !has_b1(&self.acquisition.dictionary))?;
        dictionary_file(&self.acquisition.dictionary).write(&path).file(&path)?;
        let path = folder.join("coil_maps.npz");
        match &self.acquisition.coil_maps {
            Some(maps) => NpzWriter::new().with("coil_maps", maps.view()).write(&path).file(&path),
            None => remove_stale(&path),
        }
    }

    /// Measures one slice or volume and writes its maps, mask, reference TSMI, k-space and adjoint TSMI.
    ///
    /// # Errors
    /// When the maps make no sense, or naming the file that cannot be written.
    pub fn write_slice(&self, id: SliceId, maps: &QuantitativeMaps) -> Result<(), ReconError> {
        let step = format!("simulating {id}");
        let mask = maps.mask(MASK_THRESHOLD);
        if !mask.iter().any(|inside| *inside) {
            let message = format!("the mask is empty: no voxel has |PD| above {MASK_THRESHOLD}");
            return Err(ReconError::input(Path::new(&id.to_string()), message));
        }
        let tsmi = self.tsmi(maps).step(&step)?;
        let mut kspace = self.plain.range().zeros();
        self.plain.forward(tsmi.view(), kspace.view_mut()).step(&step)?;
        let mut rng = slice_generator(self.seed, id);
        add_measurement_noise(kspace.view_mut(), self.noise, self.noise_parts, &mut rng).step(&step)?;
        let adjoint = self.adjoint(&kspace).step(&step)?;
        let kspace = kspace.into_dimensionality::<Ix3>().step(&step)?;

        let folder = self.folder;
        folder.write_maps(id, maps).file(&folder.maps_path(id))?;
        folder.write_mask(id, MASK_THRESHOLD, &mask).file(&folder.mask_path(id, MASK_THRESHOLD))?;
        folder.write_reference_tsmi(id, self.cut, &tsmi).file(&folder.reference_tsmi_path(id, self.cut))?;
        folder.write_adjoint_tsmi(id, self.cut, &adjoint).file(&folder.adjoint_tsmi_path(id, self.cut))?;
        folder.write_kspace(id, self.cut, &kspace).file(&folder.kspace_path(id, self.cut))
    }

    fn tsmi(&self, maps: &QuantitativeMaps) -> diph_core::Result<ArrayD<Complex32>> {
        let maps = parameter_maps(maps);
        match self.sequence {
            Some(sequence) => simulate_tsmi(&maps, sequence, self.acquisition.dictionary.basis()),
            None => self.acquisition.dictionary.lookup_tsmi(&maps),
        }
    }

    /// `A^H W y`: the weighted operator holds one square root of W, the data get the other.
    fn adjoint(
        &self,
        kspace: &ArrayD<Complex32>,
    ) -> Result<ArrayD<Complex32>, Box<dyn std::error::Error + Send + Sync>> {
        let mut samples = kspace.clone();
        if let Some(weights) = self.weighted.data_weights()? {
            samples.zip_mut_with(&weights, |sample, weight| *sample *= *weight);
        }
        let mut image = self.weighted.domain().zeros();
        self.weighted.adjoint(samples.view(), image.view_mut())?;
        Ok(image)
    }
}

/// The first of two forms of a file, or the second. The other one is removed, for readers would take it for the
/// acquisition of this measurement.
fn one_of([first, second]: [PathBuf; 2], take_first: bool) -> Result<PathBuf, ReconError> {
    let (taken, other) = if take_first { (first, second) } else { (second, first) };
    remove_stale(&other)?;
    Ok(taken)
}

fn remove_stale(path: &Path) -> Result<(), ReconError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).file(path),
        _ => Ok(()),
    }
}

fn has_b1(dictionary: &Dictionary) -> bool {
    dictionary.parameters().len() > 2
}
