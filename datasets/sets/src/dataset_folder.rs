//! The folder layout of the Python MRF-DiPh code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diph_formats::{Element, Error as FileError, NpzFile, NpzWriter, is_there};
use ndarray::{Array3, ArrayD, ArrayViewD, Axis, Ix3, IxDyn, arr1};
use num_complex::Complex32;

use crate::{
    DictionaryFile, Error, IntensityFactors, QuantitativeMaps, Result, SimulationRecord, SliceId, TrajectoryFile,
};

/// |PD| above which a voxel counts as tissue, in the Python code and in the names of its masks.
pub const MASK_THRESHOLD: f32 = 0.006;

/// A folder in the layout of the Python MRF-DiPh code, read and written unchanged.
///
/// | file | content |
/// |---|---|
/// | `qmaps/qmaps_vol{v}_slice{s}.npz` | `qmaps` (4, \[z,\] y, x): T1 and T2 in s, Re PD, Im PD |
/// | `qmaps/mask_vol{v}_slice{s}_th{th}.npz` | `mask` (\[z,\] y, x) |
/// | `reference_tsmi/tsmi_ref_vol{v}_slice{s}_cut{c}.npz` | `tsmi_ref` (1, coefficient, \[z,\] y, x) |
/// | `synthesized_ksp/ksp_vol{v}_slice{s}_cut{c}.npz` | `y` (1, coil, frame, sample) |
/// | `adjoint_tsmi/adjoint_tsmi_vol{v}_slice{s}_cut{c}.npz` | `tsmi_adjoint` (1, coefficient, \[z,\] y, x) |
/// | `acquisition/traj_dcf.mat` or `trajectory.npz` | [`TrajectoryFile`] |
/// | `acquisition/SVD_dict_FISP_cut{c}.mat` or `dictionary_cut{c}.npz` | [`DictionaryFile`] |
/// | `simulation.json` | [`SimulationRecord`] of a folder that was simulated; not in the Python code |
/// | `intensity_factors.json` | [`IntensityFactors`]; not in the Python code, which has them as constants |
///
/// A volume has an axis z before y in maps, masks and TSMIs, of at least two planes: a volume of one plane is read as that
/// plane. Its k-space has the same axes as that of a slice, and its number is that of a slice.
///
/// `cut` numbers the truncation of the sequence: 0..4 = 1000, 500, 300, 200, 100 frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetFolder {
    root: PathBuf,
}

/// Where a kind of array lives: its folder, the front of the file's name and the key.
struct Layout {
    folder: &'static str,
    front: &'static str,
    key: &'static str,
}

const MAPS: Layout = Layout { folder: "qmaps", front: "qmaps_", key: "qmaps" };
const MASK: Layout = Layout { folder: "qmaps", front: "mask_", key: "mask" };
const REFERENCE_TSMI: Layout = Layout { folder: "reference_tsmi", front: "tsmi_ref_", key: "tsmi_ref" };
const KSPACE: Layout = Layout { folder: "synthesized_ksp", front: "ksp_", key: "y" };
const ADJOINT_TSMI: Layout = Layout { folder: "adjoint_tsmi", front: "adjoint_tsmi_", key: "tsmi_adjoint" };

/// Key of the fingerprint beside k-space that was simulated; the Python code does not look at it.
const MEASURED_WITH: &str = "measured_with";

impl DatasetFolder {
    /// A folder to write to, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A folder to read from.
    ///
    /// # Errors
    /// [`Error::File`] with [`Missing`](FileError::Missing) when there is no such folder, [`Error::Unfinished`] when a simulation
    /// into it was stopped.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        if !root.is_dir() {
            let advice = "a data folder holds `qmaps/`, `acquisition/` ...".into();
            return Err(FileError::Missing { path: root, advice }.into());
        }
        match SimulationRecord::read(&root)? {
            Some(record) if !record.complete => Err(Error::Unfinished { root }),
            _ => Ok(Self { root }),
        }
    }

    /// The folders of a data set, below its root.
    pub const FOLDERS: [&str; 5] =
        ["acquisition", MAPS.folder, REFERENCE_TSMI.folder, KSPACE.folder, ADJOINT_TSMI.folder];

    /// Path of the data folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Slices that have maps, in order.
    ///
    /// # Errors
    /// [`Error::File`] with [`Read`](FileError::Read) when the folder cannot be listed; a missing one is just empty.
    pub fn slices_with_maps(&self) -> Result<Vec<SliceId>> {
        self.listing(&MAPS, ".npz")
    }

    /// Slices that have k-space of this cut, in order.
    ///
    /// # Errors
    /// [`Error::File`] with [`Read`](FileError::Read) when a folder cannot be listed; a missing one is just empty.
    pub fn slices_with_kspace(&self, cut: usize) -> Result<Vec<SliceId>> {
        self.listing(&KSPACE, &format!("_cut{cut}.npz"))
    }

    /// Slices that have a reference TSMI of this cut, in order.
    ///
    /// # Errors
    /// [`Error::File`] with [`Read`](FileError::Read) when a folder cannot be listed; a missing one is just empty.
    pub fn slices_with_reference_tsmi(&self, cut: usize) -> Result<Vec<SliceId>> {
        self.listing(&REFERENCE_TSMI, &format!("_cut{cut}.npz"))
    }

    /// Slices that have maps or k-space of this cut, in order.
    ///
    /// # Errors
    /// [`Error::File`] with [`Read`](FileError::Read) when a folder cannot be listed; a missing one is just empty.
    pub fn slices(&self, cut: usize) -> Result<Vec<SliceId>> {
        let both: BTreeSet<_> = self.slices_with_maps()?.into_iter().chain(self.slices_with_kspace(cut)?).collect();
        Ok(both.into_iter().collect())
    }

    /// Path of the maps of a slice.
    pub fn maps_path(&self, slice: SliceId) -> PathBuf {
        self.path(&MAPS, slice, ".npz")
    }

    /// Path of the mask of a slice.
    pub fn mask_path(&self, slice: SliceId, threshold: f32) -> PathBuf {
        self.path(&MASK, slice, &format!("_th{threshold}.npz"))
    }

    /// Path of the reference TSMI of a slice.
    pub fn reference_tsmi_path(&self, slice: SliceId, cut: usize) -> PathBuf {
        self.path(&REFERENCE_TSMI, slice, &format!("_cut{cut}.npz"))
    }

    /// Path of the k-space of a slice.
    pub fn kspace_path(&self, slice: SliceId, cut: usize) -> PathBuf {
        self.path(&KSPACE, slice, &format!("_cut{cut}.npz"))
    }

    /// Path of the adjoint TSMI of a slice.
    pub fn adjoint_tsmi_path(&self, slice: SliceId, cut: usize) -> PathBuf {
        self.path(&ADJOINT_TSMI, slice, &format!("_cut{cut}.npz"))
    }

    /// Path of the trajectory: the Python code's `.mat` file or Diph's own, the first where there is neither.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] when both are there, [`Error::File`] when nobody can tell.
    pub fn trajectory_path(&self) -> Result<PathBuf> {
        self.only("trajectory", ["acquisition/traj_dcf.mat".into(), "acquisition/trajectory.npz".into()])
    }

    /// Path of the dictionary: the Python code's `.mat` file or Diph's own, the first where there is neither.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] when both are there, [`Error::File`] when nobody can tell.
    pub fn dictionary_path(&self, cut: usize) -> Result<PathBuf> {
        self.only(
            "dictionary",
            [format!("acquisition/SVD_dict_FISP_cut{cut}.mat"), format!("acquisition/dictionary_cut{cut}.npz")],
        )
    }

    /// Path of the coil sensitivities.
    pub fn coil_maps_path(&self) -> PathBuf {
        self.root.join("acquisition/coil_maps.npz")
    }

    /// Path of the intensity factors.
    pub fn intensity_factors_path(&self) -> PathBuf {
        self.root.join("intensity_factors.json")
    }

    /// Reads the maps of a slice.
    ///
    /// # Errors
    /// [`Error::File`] as from [`NpzFile::array`], and with [`Unexpected`](FileError::Unexpected) when the first axis has not 4
    /// entries.
    pub fn maps(&self, slice: SliceId) -> Result<QuantitativeMaps> {
        let path = self.maps_path(slice);
        let stacked: ArrayD<f32> = read_image(&path, &MAPS, &["T1 T2 RePD ImPD"])?;
        let expected = "[4, y, x] or [4, z, y, x]";
        let unexpected = |_| FileError::unexpected(&path, MAPS.key, expected, format!("{:?}", stacked.shape()));
        let maps = QuantitativeMaps::from_stacked(stacked.view()).map_err(unexpected)?;
        maps.check_times(&path, MAPS.key)?;
        Ok(maps)
    }

    /// Writes the maps of a slice.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three maps differ in size, [`Error::File`] when the file cannot be written.
    pub fn write_maps(&self, slice: SliceId, maps: &QuantitativeMaps) -> Result<()> {
        Ok(NpzWriter::compressed().with(MAPS.key, maps.to_stacked()?.view()).write(self.maps_path(slice))?)
    }

    /// Mask of a slice: from its file where there is one for this threshold, otherwise the voxels of the maps with
    /// |PD| above it.
    ///
    /// # Errors
    /// [`Error::EmptyMask`] when no voxel is inside, [`Error::File`] as from [`NpzFile::array`] and [`maps`](Self::maps).
    pub fn mask(&self, slice: SliceId, threshold: f32) -> Result<ArrayD<bool>> {
        let path = self.mask_path(slice, threshold);
        if is_there(&path)? {
            let mask = read_image(&path, &MASK, &[])?;
            return not_empty(mask, &path, "it is false everywhere");
        }
        let mask = self.maps(slice)?.mask(threshold);
        not_empty(mask, &self.maps_path(slice), &format!("no voxel has |PD| above {threshold}"))
    }

    /// Writes the mask of a slice.
    ///
    /// # Errors
    /// [`Error::File`] with [`Write`](FileError::Write) when the file cannot be written.
    pub fn write_mask(&self, slice: SliceId, threshold: f32, mask: &ArrayD<bool>) -> Result<()> {
        Ok(NpzWriter::new().with(MASK.key, mask.view()).write(self.mask_path(slice, threshold))?)
    }

    /// Reference TSMI of a slice, (coefficient, y, x), or of a volume, (coefficient, z, y, x).
    ///
    /// # Errors
    /// [`Error::File`] as from [`NpzFile::array`].
    pub fn reference_tsmi(&self, slice: SliceId, cut: usize) -> Result<ArrayD<Complex32>> {
        read_image(&self.reference_tsmi_path(slice, cut), &REFERENCE_TSMI, &["coefficient"])
    }

    /// Writes the reference TSMI (coefficient, y, x) of a slice, or (coefficient, z, y, x) of a volume.
    ///
    /// # Errors
    /// [`Error::File`] with [`Write`](FileError::Write) when the file cannot be written.
    pub fn write_reference_tsmi(&self, slice: SliceId, cut: usize, tsmi: &ArrayD<Complex32>) -> Result<()> {
        write_batch(self.reference_tsmi_path(slice, cut), &REFERENCE_TSMI, tsmi.view())
    }

    /// k-space of a slice, (coil, frame, sample).
    ///
    /// # Errors
    /// [`Error::File`] as from [`NpzFile::array`].
    pub fn kspace(&self, slice: SliceId, cut: usize) -> Result<Array3<Complex32>> {
        let path = self.kspace_path(slice, cut);
        Ok(NpzFile::open(path)?.array::<_, Ix3>(KSPACE.key, "(coil, frame, sample)")?)
    }

    /// Writes the k-space (coil, frame, sample) of a slice.
    ///
    /// # Errors
    /// [`Error::File`] with [`Write`](FileError::Write) when the file cannot be written.
    pub fn write_kspace(&self, slice: SliceId, cut: usize, kspace: &Array3<Complex32>) -> Result<()> {
        write_batch(self.kspace_path(slice, cut), &KSPACE, kspace.view().into_dyn())
    }

    /// Writes the k-space (coil, frame, sample) of a slice with the fingerprint of what it was measured with.
    ///
    /// # Errors
    /// [`Error::File`] with [`Write`](FileError::Write) when the file cannot be written.
    pub fn write_measured_kspace(
        &self,
        slice: SliceId,
        cut: usize,
        kspace: &Array3<Complex32>,
        measured_with: &str,
    ) -> Result<()> {
        let batch = kspace.view().insert_axis(Axis(0));
        let archive =
            NpzWriter::new().with(KSPACE.key, batch).with(MEASURED_WITH, arr1(&[measured_with.to_owned()]).view());
        Ok(archive.write(self.kspace_path(slice, cut))?)
    }

    /// The fingerprint of what the k-space of a slice was measured with; `None` where the file does not say.
    ///
    /// # Errors
    /// [`Error::File`] as from [`NpzFile::array`].
    pub fn measured_with(&self, slice: SliceId, cut: usize) -> Result<Option<String>> {
        let mut file = NpzFile::open(self.kspace_path(slice, cut))?;
        match file.contains(MEASURED_WITH) {
            true => Ok(file.entry(MEASURED_WITH)?.read_vector::<String>("(1)")?.first().cloned()),
            false => Ok(None),
        }
    }

    /// Adjoint TSMI `A^H W y` of a slice, (coefficient, y, x), or of a volume, (coefficient, z, y, x).
    ///
    /// # Errors
    /// [`Error::File`] as from [`NpzFile::array`].
    pub fn adjoint_tsmi(&self, slice: SliceId, cut: usize) -> Result<ArrayD<Complex32>> {
        read_image(&self.adjoint_tsmi_path(slice, cut), &ADJOINT_TSMI, &["coefficient"])
    }

    /// Writes the adjoint TSMI (coefficient, y, x) of a slice, or (coefficient, z, y, x) of a volume.
    ///
    /// # Errors
    /// [`Error::File`] with [`Write`](FileError::Write) when the file cannot be written.
    pub fn write_adjoint_tsmi(&self, slice: SliceId, cut: usize, tsmi: &ArrayD<Complex32>) -> Result<()> {
        write_batch(self.adjoint_tsmi_path(slice, cut), &ADJOINT_TSMI, tsmi.view())
    }

    /// The trajectory of the acquisition.
    ///
    /// # Errors
    /// [`Error::File`] as from [`TrajectoryFile::read`].
    pub fn trajectory(&self) -> Result<TrajectoryFile> {
        Ok(TrajectoryFile::read(self.trajectory_path()?)?)
    }

    /// The dictionary of this cut.
    ///
    /// # Errors
    /// [`Error::File`] as from [`DictionaryFile::read`].
    pub fn dictionary(&self, cut: usize) -> Result<DictionaryFile> {
        Ok(DictionaryFile::read(self.dictionary_path(cut)?)?)
    }

    /// The intensity factors, those of the Python code where there is no file.
    ///
    /// # Errors
    /// [`Error::File`] as from [`IntensityFactors::read`].
    pub fn intensity_factors(&self) -> Result<IntensityFactors> {
        let path = self.intensity_factors_path();
        match is_there(&path)? {
            true => Ok(IntensityFactors::read(path)?),
            false => Ok(IntensityFactors::default()),
        }
    }

    fn path(&self, layout: &Layout, slice: SliceId, end: &str) -> PathBuf {
        self.root.join(layout.folder).join(format!("{}{slice}{end}", layout.front))
    }

    /// The one of two forms of a file that is there; where neither is, the first, so that errors name it.
    fn only(&self, content: &'static str, forms: [String; 2]) -> Result<PathBuf> {
        let [first, second] = forms.map(|form| self.root.join(form));
        match (is_there(&first)?, is_there(&second)?) {
            (true, true) => Err(Error::Ambiguous { content, first, second }),
            (false, true) => Ok(second),
            (_, false) => Ok(first),
        }
    }

    fn listing(&self, layout: &Layout, end: &str) -> Result<Vec<SliceId>> {
        let folder = self.root.join(layout.folder);
        if !is_there(&folder)? {
            return Ok(Vec::new());
        }
        let failed = |source| FileError::read(&folder, source);
        let mut slices = Vec::new();
        for file in fs::read_dir(&folder).map_err(failed)? {
            let name = file.map_err(failed)?.file_name();
            let parsed = name.to_str().and_then(|name| SliceId::parse_prefix(name.strip_prefix(layout.front)?));
            let Some((slice, _)) = parsed.filter(|(_, rest)| *rest == end) else { continue };
            // Numbers with zeros in front are read as others; the file would be listed, and not found under its own name.
            let path = self.path(layout, slice, end);
            if path.file_name() != Some(&name) {
                let advice = format!("rename it to {}", path.display());
                let found = "a number with zeros in front".into();
                return Err(FileError::Unsupported { path: folder.join(name), found, advice }.into());
            }
            slices.push(slice);
        }
        slices.sort();
        Ok(slices)
    }
}

/// Reads an image or a map, a plane or a volume, with the axes `leading` before the spatial ones. A batch of one in front is
/// taken away, and so is the axis z of a volume of one plane.
fn read_image<T: Element>(path: &Path, layout: &Layout, leading: &[&str]) -> Result<ArrayD<T>> {
    let axes = |spatial: &[&str]| format!("({})", [leading, spatial].concat().join(", "));
    let expected = format!("{} or {}", axes(&["y", "x"]), axes(&["z", "y", "x"]));
    let mut array = NpzFile::open(path)?.array::<T, IxDyn>(layout.key, &expected)?;
    let got = format!("{:?}", array.shape());
    let (of_plane, of_volume) = (leading.len() + 2, leading.len() + 3);
    if (of_volume..=of_volume + 1).contains(&array.ndim()) && array.shape().first() == Some(&1) {
        array.index_axis_inplace(Axis(0), 0);
    }
    if array.ndim() == of_volume && array.len_of(Axis(leading.len())) == 1 {
        array.index_axis_inplace(Axis(leading.len()), 0);
    }
    match array.ndim() == of_plane || array.ndim() == of_volume {
        true => Ok(array),
        false => Err(FileError::unexpected(path, layout.key, expected, got).into()),
    }
}

/// The Python code keeps a batch axis of length 1 in front.
fn write_batch(path: PathBuf, layout: &Layout, array: ArrayViewD<'_, Complex32>) -> Result<()> {
    Ok(NpzWriter::new().with(layout.key, array.insert_axis(Axis(0))).write(path)?)
}

fn not_empty(mask: ArrayD<bool>, origin: &Path, reason: &str) -> Result<ArrayD<bool>> {
    match mask.iter().any(|inside| *inside) {
        true => Ok(mask),
        false => Err(Error::EmptyMask { origin: origin.display().to_string(), reason: reason.into() }),
    }
}

#[cfg(test)]
#[path = "dataset_folder_tests.rs"]
mod tests;
