//! The reference files, and the parts that they are compared with.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diph_bloch::Dictionary;
use diph_core::ForwardOperator;
use diph_datasets::{DictionaryFile, Element, NpzFile, TrajectoryFile};
use diph_plugin_host::{HostServices, NamedArray, Origin, PluginProjector, Registry, SearchPath};
use ndarray::{Array2, ArrayD, IxDyn};
use num_complex::Complex32;
use serde_json::json;

pub const SIZE: usize = 64;
pub const FRAMES: usize = 100;

/// The folder of reference files.
pub struct World {
    folder: PathBuf,
    registry: Registry,
}

impl World {
    /// `None`, with a line that says so, where the files are absent.
    pub fn open() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/mini");
        if !folder.is_dir() {
            eprintln!("skipped: the reference outputs of the Python code are not present");
            return None;
        }
        let executable = env::current_exe().unwrap();
        let mut registry = Registry::new(HostServices::new());
        registry.scan(&SearchPath::new().directory(Origin::Executable, executable.parent().unwrap()));
        Some(Self { folder, registry })
    }

    pub fn array<T: Element>(&self, file: &str, key: &str) -> ArrayD<T> {
        NpzFile::open(self.folder.join(file)).unwrap().array::<T, IxDyn>(key, "").unwrap()
    }

    /// An array without its leading batch axes.
    pub fn complex(&self, file: &str, key: &str, axes: usize) -> ArrayD<Complex32> {
        let array = self.array::<Complex32>(file, key);
        let skip = array.ndim() - axes;
        assert!(array.shape()[..skip].iter().all(|length| *length == 1));
        let shape = array.shape()[skip..].to_vec();
        array.into_shape_with_order(shape).unwrap()
    }

    pub fn meta(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder.join("meta.json")).unwrap()).unwrap()
    }

    pub fn dictionary(&self) -> Dictionary {
        let file = DictionaryFile::read(self.folder.join("SVD_dict_FISP_mini.mat")).unwrap();
        let single = |value: f64| value as f32;
        let (lut, d, v, norms) =
            (file.lut.mapv(single), file.d.mapv(single), file.v.mapv(single), file.norm_d.mapv(single));
        Dictionary::from_compressed(lut.view(), d.view(), v.view(), norms.view(), 5).unwrap()
    }

    pub fn operator(&self, weighted: bool) -> Arc<dyn ForwardOperator> {
        let file = TrajectoryFile::read(self.folder.join("traj_dcf.mat")).unwrap();
        let weights = file.weights.unwrap().mapv(|weight| weight as f32);
        let mut arrays = vec![
            NamedArray::new("trajectory", file.positions),
            NamedArray::new("basis", self.dictionary().basis().to_owned()),
        ];
        if weighted {
            let samples = weights.ncols();
            let weights = Array2::from_shape_fn((FRAMES, samples), |(_, sample)| weights[[0, sample]]);
            arrays.push(NamedArray::new("weights", weights));
        }
        let options = json!({ "image": [SIZE, SIZE], "accuracy": 1e-4, "normalisation": "twice_oversampled" });
        Arc::new(self.registry.create_operator("diph.mrf-nufft", &options, &arrays).unwrap())
    }

    pub fn projector(&self) -> PluginProjector {
        let dictionary = self.dictionary();
        let arrays = [
            NamedArray::new("atoms", dictionary.atoms().to_owned()),
            NamedArray::new("norms", dictionary.norms().to_owned()),
            NamedArray::new("lut", dictionary.lut().to_owned()),
        ];
        self.registry.create_projector("diph.bloch-dictionary", &json!({}), &arrays).unwrap()
    }

    /// The measured k-space, divided by the reference factor as in the Python code.
    pub fn samples(&self) -> ArrayD<Complex32> {
        let factor = self.meta()["ref_factor"].as_f64().unwrap() as f32;
        self.complex("ksp_vol0_slice5_cut3.npz", "y", 3).mapv(|value| value / factor)
    }
}

/// `||x - reference|| / ||reference||`.
pub fn error(reference: &ArrayD<Complex32>, x: &ArrayD<Complex32>) -> f64 {
    assert_eq!(reference.shape(), x.shape());
    diph_core::metrics::nrmse(reference.as_slice().unwrap(), x.as_slice().unwrap())
}
