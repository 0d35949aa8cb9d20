//! A network by itself.

use std::path::{Path, PathBuf};

use diph_diffusion::{Checkpoint, ModelConfig};
use diph_formats::{NpzFile, is_there};
use diph_network::{ForwardMode, UNet};
use ndarray::Ix4;

use super::PAIR;
use super::network::tensor;
use crate::relative_error::relative_error_real;
use crate::{Comparison, Reference, Stage};
use diph_recon::config::{load, read_json};
use diph_recon::{Blame, ReconError};

/// Single precision in another order, over a larger network than those of the runs.
const TOLERANCE: f64 = 1.3e-5;
const CHECKPOINT: &str = "*.pt";

/// A network by itself: `pair.npz` has inputs `x_t_T` and outputs `epsilon_T` at timesteps T, a `.pt` the weights.
pub struct NetworkPair {
    /// Describes the network; a `.json` beside the `.pt` does otherwise.
    pub model_config: Option<PathBuf>,
}

impl NetworkPair {
    fn checkpoint(&self, path: &Path) -> Result<Checkpoint, ReconError> {
        let Some(file) = &self.model_config else {
            let beside = path.with_extension("json");
            if is_there(&beside).file(&beside)? {
                return Checkpoint::read(path).file(path);
            }
            let message = format!("expected a configuration of {}: there is no {}", path.display(), beside.display());
            return Err(ReconError::setting("model_config", message));
        };
        let config: ModelConfig = load(read_json(file)?, &file.display().to_string(), &[])?;
        Checkpoint::read_pytorch(path, config).file(path)
    }
}

impl Stage for NetworkPair {
    fn name(&self) -> String {
        "network by itself".into()
    }

    fn files(&self) -> Vec<String> {
        [PAIR, CHECKPOINT].map(String::from).to_vec()
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let folder = &reference.folder;
        let checkpoint = self.checkpoint(&folder.path(CHECKPOINT)?)?;
        let unet = UNet::new(&checkpoint.config.unet, &checkpoint.parameters).step("building the network")?;
        let path = folder.path(PAIR)?;
        let pair = NpzFile::open(&path).file(&path)?;
        let mut comparisons = Vec::new();
        for (input, time) in pair.keys().iter().filter_map(|key| Some((key, key.strip_prefix("x_t_")?))) {
            let timestep: f32 =
                time.parse().map_err(|_| format!("key `{input}`: expected x_t_TIMESTEP")).file(&path)?;
            let output = format!("epsilon_{time}");
            let array = |key: &str| {
                let array = folder.array::<f32, ndarray::IxDyn>(PAIR, key, "(1, channel, y, x)")?;
                let shape = array.shape().to_vec();
                let array = array.into_dimensionality::<Ix4>();
                array.map_err(|_| format!("key `{key}`: expected (1, channel, y, x), got {shape:?}")).file(&path)
            };
            let (x, theirs) = (tensor(array(input)?.into_dyn())?, array(&output)?);
            let times = vec![timestep; theirs.shape()[0]];
            let ours = unet.forward(&x, &times, None, &mut ForwardMode::Inference).file(&path)?;
            folder.check_shape(PAIR, &output, ours.shape(), theirs.shape())?;
            comparisons.push(Comparison::error(output, relative_error_real(&theirs, ours.values()), TOLERANCE));
        }
        if comparisons.is_empty() {
            return Err(ReconError::input(
                &path,
                format!("expected keys x_t_T and epsilon_T, found {:?}", pair.keys()),
            ));
        }
        Ok(comparisons)
    }
}
