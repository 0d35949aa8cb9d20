//! What stages are made of.

use std::sync::Arc;

use diph_core::{ForwardOperator, ImageShape, PhysicsProjector};
use diph_datasets::DatasetFolder;
use diph_diffusion::Checkpoint;
use diph_plugin_host::Registry;
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Meta, ReferenceFolder};
use diph_recon::acquisition::{Acquisition, AcquisitionSource};
use diph_recon::{Blame, Cancel, ReconError};

/// Relative accuracy of the non-uniform Fourier transform, finer than the Python code's own (7e-4).
const NUFFT_ACCURACY: f64 = 1e-4;

/// A folder of recorded outputs, and Diph's parts for what it holds. Operator and projector come out of plugins, as they do
/// in a reconstruction.
pub struct Reference<'a> {
    /// The folder.
    pub folder: ReferenceFolder,
    /// Where operator and projector come from.
    pub registry: &'a Registry,
    /// Whether to stop.
    pub cancel: &'a Cancel,
}

impl Reference<'_> {
    /// Trajectory, density compensation and dictionary.
    pub const ACQUISITION: [&'static str; 2] = ["traj_dcf.mat", "SVD_dict_FISP_*.mat"];
    /// Measured k-space, key `y`.
    pub const KSPACE: &'static str = "ksp_*.npz";

    /// How images (coefficient, y, x) of this shape were measured.
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn acquisition(&self, image: &[usize]) -> Result<Acquisition, ReconError> {
        let [coefficients, height, width] = *image else {
            let message = format!("expected images (coefficient, y, x), got the shape {image:?}");
            return Err(ReconError::input(self.folder.root(), message));
        };
        let dataset = DatasetFolder::new(self.folder.root());
        let [trajectory, dictionary] = Self::ACQUISITION;
        let (trajectory, dictionary) = (self.folder.path(trajectory)?, self.folder.path(dictionary)?);
        let source = AcquisitionSource {
            coefficients,
            trajectory: Some(&trajectory),
            dictionary: Some(&dictionary),
            ..AcquisitionSource::of_folder(&dataset, 0)
        };
        source.read(ImageShape::plane(height, width), self.cancel)
    }

    /// The operator `diph.mrf-nufft`, with the density compensation as weights or without.
    ///
    /// # Errors
    /// When there is no such plugin, or it refuses the acquisition.
    pub fn operator(&self, acquisition: &Acquisition, weighted: bool) -> Result<Arc<dyn ForwardOperator>, ReconError> {
        let options = serde_json::json!({ "accuracy": NUFFT_ACCURACY });
        let operator = self.registry.create_operator("diph.mrf-nufft", &options, &acquisition.for_parts(weighted));
        Ok(operator.step("creating the operator")?.into())
    }

    /// The projector `diph.bloch-dictionary`.
    ///
    /// # Errors
    /// When there is no such plugin, or it refuses the dictionary.
    pub fn projector(&self, acquisition: &Acquisition) -> Result<Box<dyn PhysicsProjector>, ReconError> {
        let options = serde_json::json!({});
        let acquisition = acquisition.for_parts(false);
        let projector = self.registry.create_projector("diph.bloch-dictionary", &options, &acquisition);
        projector.step("creating the projector")
    }

    /// The measured k-space (coil, frame, sample).
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn samples(&self, operator: &dyn ForwardOperator) -> Result<ArrayD<Complex32>, ReconError> {
        self.folder.complex(Self::KSPACE, "y", &operator.range().shape())
    }

    /// Name of the file of a network's weights.
    pub fn checkpoint_file(network: &str) -> String {
        format!("ema_{network}.pt")
    }

    /// A network of the Python code.
    ///
    /// # Errors
    /// When `meta.json` does not describe it, or its weights do not fit the description.
    pub fn checkpoint(&self, meta: &Meta, network: &str) -> Result<Checkpoint, ReconError> {
        let path = self.folder.path(&Self::checkpoint_file(network))?;
        Checkpoint::read_pytorch(&path, meta.network(network)?.config().clone()).file(&path)
    }
}
