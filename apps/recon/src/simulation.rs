//! Data folders with simulated measurements.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diph_bloch::{Dictionary, Sequence, simulate_tsmi};
use diph_core::ForwardOperator;
use diph_datasets::{
    DatasetFolder, MASK_THRESHOLD, NoiseLevel, NoiseParts, QuantitativeMaps, SimulationRecord, SliceId, TrajectoryFile,
    add_measurement_noise,
};
use diph_formats::{Error as FileError, FolderLock, NpzWriter, check_regular, is_there, remove_stale_temporaries};
use diph_plugin_host::Registry;
use ndarray::{ArrayD, Ix3};
use num_complex::Complex32;

use crate::acquisition::{Acquisition, Fingerprint, dictionary_file};
use crate::parameter_maps;
use crate::provenance::sha256;
use crate::slices::slice_generator;
use crate::{Blame, ReconError};

/// The operator that measures planes along any trajectory; any other with the same arrays would do.
pub const DEFAULT_OPERATOR: &str = "diph.mrf-nufft";

/// The operator that measures planes and volumes on the grid of the image.
pub const CARTESIAN_OPERATOR: &str = "diph.cartesian";

/// Names of the trajectory: in the Python code's form, and in Diph's.
const TRAJECTORY: [&str; 2] = ["acquisition/traj_dcf.mat", "acquisition/trajectory.npz"];

const COIL_MAPS: &str = "acquisition/coil_maps.npz";

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
    /// Whether files that no simulation wrote may be replaced.
    pub force: bool,
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
            Ok(operator.step("creating the operator")?.into())
        };
        Ok(Self {
            folder,
            cut,
            acquisition,
            sequence: None,
            noise: NoiseLevel::StandardDeviation(0.0),
            noise_parts: NoiseParts::Complex,
            seed: 0,
            force: false,
            plain: create(false)?,
            weighted: create(true)?,
        })
    }

    /// Takes the folder and writes the acquisition. Until [`SimulationRun::finish`], the folder counts as unfinished and is no data
    /// set.
    ///
    /// # Errors
    /// [`ReconError::File`] with [`InTheWay`](FileError::InTheWay) when the folder holds data that no simulation wrote, and naming
    /// what cannot be written. Nothing is changed then.
    pub fn begin(&self, slices: &[SliceId]) -> Result<SimulationRun<'_>, ReconError> {
        let root = self.folder.root();
        let lock = FolderLock::take(root).file(root)?;
        for folder in DatasetFolder::FOLDERS.map(|name| root.join(name)).iter().map(PathBuf::as_path).chain([root]) {
            remove_stale_temporaries(folder).file(folder)?;
        }
        let old = SimulationRecord::read(root).file(root)?;
        let fingerprint = Fingerprint::of(self.acquisition).text();
        let mut writing = self.acquisition_files();
        writing.extend(slices.iter().flat_map(|id| self.slice_files(*id)));
        for file in writing.iter().map(|name| root.join(name)) {
            check_regular(&file).file(&file)?;
        }
        if !self.force {
            self.check_mine(old.as_ref(), &writing)?;
        }
        let mut record = old.unwrap_or_default();
        self.check_others(slices, &record)?;
        // What was measured with another acquisition would stand beside a trajectory and a dictionary that are not its own.
        let is_other = record.acquisitions.get(&self.cut) != Some(&fingerprint);
        let measured = format!("_cut{}.npz", self.cut);
        let is_stale = |name: &&String| is_other && name.ends_with(&measured) && !writing.contains(name);
        let stale: Vec<String> = record.files.keys().chain(&record.writing).filter(is_stale).cloned().collect();
        record.acquisitions.insert(self.cut, fingerprint.clone());
        (record.complete, record.writing) = (false, writing);
        record.write(root).file(root)?;
        for name in stale {
            remove_stale(&root.join(&name))?;
            record.files.remove(&name);
        }
        let mut run = SimulationRun { simulation: self, fingerprint, record, _lock: lock };
        run.write_acquisition()?;
        Ok(run)
    }

    /// Fails on files that would be replaced and that no simulation wrote, or that were changed since.
    fn check_mine(&self, record: Option<&SimulationRecord>, writing: &[String]) -> Result<(), ReconError> {
        let root = self.folder.root();
        let in_the_way = |path: PathBuf, what: &str| {
            let error = FileError::InTheWay { path: path.clone(), what: what.into() };
            Err::<(), _>(error).file(&path)
        };
        let Some(record) = record else {
            for folder in DatasetFolder::FOLDERS.map(|name| root.join(name)) {
                if is_there(&folder).file(&folder)? && std::fs::read_dir(&folder).file(&folder)?.next().is_some() {
                    return in_the_way(root.to_owned(), "it holds a data set that was not simulated");
                }
            }
            return Ok(());
        };
        for name in writing.iter().chain(record.files.keys()) {
            let path = root.join(name);
            let is_half_written = !record.complete && record.writing.contains(name);
            if is_half_written || !is_there(&path).file(&path)? {
                continue;
            }
            if record.files.get(name) != Some(&sha256(&path).file(&path)?) {
                return in_the_way(path, "it is not what the simulation into this folder wrote");
            }
        }
        Ok(())
    }

    /// Fails on k-space of other slices that no simulation wrote, even where files may be replaced: it would stand beside an
    /// acquisition that is not its own.
    fn check_others(&self, slices: &[SliceId], record: &SimulationRecord) -> Result<(), ReconError> {
        let root = self.folder.root();
        for id in self.folder.slices_with_kspace(self.cut).file(root)? {
            let [.., kspace] = self.slice_files(id);
            if !slices.contains(&id) && !record.files.contains_key(&kspace) && !record.writing.contains(&kspace) {
                let message =
                    "k-space that was not simulated would stand beside another acquisition; name another folder";
                return Err(ReconError::input(&root.join(kspace), message));
            }
        }
        Ok(())
    }

    /// Names of the files of the acquisition, in whichever form.
    fn acquisition_files(&self) -> Vec<String> {
        let [trajectory, other_trajectory] = TRAJECTORY.map(String::from);
        let [dictionary, other_dictionary] = dictionaries(self.cut);
        vec![trajectory, other_trajectory, dictionary, other_dictionary, COIL_MAPS.into()]
    }

    /// Names of the files of a slice.
    fn slice_files(&self, id: SliceId) -> [String; 5] {
        let (folder, cut) = (self.folder, self.cut);
        let paths = [
            folder.maps_path(id),
            folder.mask_path(id, MASK_THRESHOLD),
            folder.reference_tsmi_path(id, cut),
            folder.adjoint_tsmi_path(id, cut),
            folder.kspace_path(id, cut),
        ];
        paths.map(|path| path.strip_prefix(folder.root()).unwrap_or(&path).display().to_string())
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

/// A simulation that has begun to write.
pub struct SimulationRun<'a> {
    simulation: &'a Simulation<'a>,
    fingerprint: String,
    record: SimulationRecord,
    _lock: FolderLock,
}

impl SimulationRun<'_> {
    /// Writes trajectory, dictionary and, where there are any, coil sensitivities into `acquisition/`.
    fn write_acquisition(&mut self) -> Result<(), ReconError> {
        let (acquisition, root) = (self.simulation.acquisition, self.simulation.folder.root());
        let trajectory = TrajectoryFile {
            positions: acquisition.trajectory.clone(),
            weights: Some(acquisition.density_compensation.mapv(f64::from)),
        };
        let weights = &acquisition.density_compensation;
        // The Python code's form holds planes, and one set of weights for all frames.
        let fits = !acquisition.image.is_volume() && weights.outer_iter().all(|frame| frame == weights.row(0));
        let path = one_of(TRAJECTORY.map(|name| root.join(name)), fits)?;
        trajectory.write(&path).file(&path)?;
        let path =
            one_of(dictionaries(self.simulation.cut).map(|name| root.join(name)), !has_b1(&acquisition.dictionary))?;
        dictionary_file(&acquisition.dictionary).write(&path).file(&path)?;
        let path = root.join(COIL_MAPS);
        match &acquisition.coil_maps {
            Some(maps) => NpzWriter::new().with("coil_maps", maps.view()).write(&path).file(&path)?,
            None => remove_stale(&path)?,
        }
        self.note(self.simulation.acquisition_files())
    }

    /// Measures one slice or volume and writes its maps, mask, reference TSMI, k-space and adjoint TSMI.
    ///
    /// # Errors
    /// When the maps make no sense, or naming the file that cannot be written.
    pub fn write_slice(&mut self, id: SliceId, maps: &QuantitativeMaps) -> Result<(), ReconError> {
        let simulation = self.simulation;
        let step = format!("simulating {id}");
        let mask = maps.mask(MASK_THRESHOLD);
        if !mask.iter().any(|inside| *inside) {
            let message = format!("the mask is empty: no voxel has |PD| above {MASK_THRESHOLD}");
            return Err(ReconError::input(Path::new(&id.to_string()), message));
        }
        let tsmi = simulation.tsmi(maps).step(&step)?;
        let mut kspace = simulation.plain.range().zeros();
        simulation.plain.forward(tsmi.view(), kspace.view_mut()).step(&step)?;
        let mut rng = slice_generator(simulation.seed, id);
        add_measurement_noise(kspace.view_mut(), simulation.noise, simulation.noise_parts, &mut rng).step(&step)?;
        let adjoint = simulation.adjoint(&kspace).step(&step)?;
        let kspace = kspace.into_dimensionality::<Ix3>().step(&step)?;

        let (folder, cut, fingerprint) = (simulation.folder, simulation.cut, &self.fingerprint);
        folder.write_maps(id, maps).file(&folder.maps_path(id))?;
        folder.write_mask(id, MASK_THRESHOLD, &mask).file(&folder.mask_path(id, MASK_THRESHOLD))?;
        folder.write_reference_tsmi(id, cut, &tsmi).file(&folder.reference_tsmi_path(id, cut))?;
        folder.write_adjoint_tsmi(id, cut, &adjoint).file(&folder.adjoint_tsmi_path(id, cut))?;
        folder.write_measured_kspace(id, cut, &kspace, fingerprint).file(&folder.kspace_path(id, cut))?;
        self.note(simulation.slice_files(id))
    }

    /// Makes a data set of the folder.
    ///
    /// # Errors
    /// When the record of the simulation cannot be written.
    pub fn finish(mut self) -> Result<(), ReconError> {
        (self.record.complete, self.record.writing) = (true, Vec::new());
        let root = self.simulation.folder.root();
        self.record.write(root).file(root)
    }

    /// Takes files into the record as they are now.
    fn note(&mut self, names: impl IntoIterator<Item = String>) -> Result<(), ReconError> {
        for name in names {
            let path = self.simulation.folder.root().join(&name);
            match is_there(&path).file(&path)? {
                true => self.record.files.insert(name, sha256(&path).file(&path)?),
                false => self.record.files.remove(&name),
            };
        }
        Ok(())
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

/// Names of the dictionary of a cut: in the Python code's form, and in Diph's.
fn dictionaries(cut: usize) -> [String; 2] {
    [format!("acquisition/SVD_dict_FISP_cut{cut}.mat"), format!("acquisition/dictionary_cut{cut}.npz")]
}

fn has_b1(dictionary: &Dictionary) -> bool {
    dictionary.parameters().len() > 2
}
