//! Maps as a BIDS derivative (Brain Imaging Data Structure 1.10, quantitative MRI).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use diph_datasets::QuantitativeMaps;
use diph_formats::{NiftiVolume, OutputFile};
use ndarray::{Array3, ArrayD, Ix2, Ix3};
use serde_json::{Value, json};

use super::VolumeGeometry;
use crate::provenance::Provenance;
use crate::study::StoredSlice;
use crate::{Blame, ReconError, json_bytes};

/// Version of the standard that the layout follows.
const BIDS_VERSION: &str = "1.10.0";

/// Magnetic resonance fingerprinting, which all methods here do in one way or another; their own references stand in their summaries.
const FINGERPRINTING: &str = "Ma et al., Nature 495, 187-192 (2013), doi:10.1038/nature11971";

/// Folder of Diph's maps in a BIDS data set.
const PIPELINE: &str = "derivatives/diph";

/// A label of a BIDS entity: letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            true => Ok(Self(text.into())),
            false => Err(format!("expected letters and digits, as BIDS wants labels, got `{text}`")),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Results of `diph recon` as a derivative of a BIDS data set:
/// `derivatives/diph/sub-LABEL/[ses-LABEL/]anat/sub-LABEL_T1map.nii.gz`, `T2map` and `M0map` with their sidecars, and
/// `dataset_description.json`. Slices of a volume become one file.
#[derive(Clone, Debug)]
pub struct BidsDerivatives<'a> {
    /// Folder of results, with `vol{v}_slice{s}` inside.
    pub results: &'a Path,
    /// The BIDS data set.
    pub out: &'a Path,
    /// Label of the subject; by default `vol` with the number of the volume.
    pub subject: Option<Label>,
    /// Label of the session.
    pub session: Option<Label>,
    /// Voxels of the maps.
    pub geometry: VolumeGeometry,
    /// Replaces files that hold something else.
    pub force: bool,
}

/// All slices of a volume.
struct Volume {
    number: usize,
    maps: QuantitativeMaps,
    /// Difference of the numbers of neighbouring slices.
    step: usize,
    method: String,
    provenance: Provenance,
}

impl BidsDerivatives<'_> {
    /// Writes everything and says which files there are.
    ///
    /// # Errors
    /// [`ReconError::File`] naming the slice that cannot be read, the slices that are no volume, or the file that cannot be written or
    /// is somebody else's.
    pub fn write(&self) -> Result<Vec<PathBuf>, ReconError> {
        let volumes = self.volumes()?;
        if self.subject.is_some() && volumes.len() > 1 {
            let message = format!("{} volumes, and one name for their subject; leave the name out", volumes.len());
            return Err(ReconError::input(self.results, message));
        }
        let mut files = vec![(self.out.join(PIPELINE).join("dataset_description.json"), self.description()?)];
        for volume in &volumes {
            files.extend(self.files_of(volume)?);
        }
        let outputs: Vec<(OutputFile<'_>, &Path, &[u8])> = files
            .iter()
            .map(|(path, bytes)| {
                let output = OutputFile::new(path, self.force, &[self.results]).file(path)?;
                output.check(bytes).file(path)?;
                Ok((output, path.as_path(), bytes.as_slice()))
            })
            .collect::<Result<_, ReconError>>()?;
        for (output, path, bytes) in outputs {
            output.write(bytes).file(path)?;
        }
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }

    fn volumes(&self) -> Result<Vec<Volume>, ReconError> {
        let mut by_volume: BTreeMap<usize, Vec<StoredSlice>> = BTreeMap::new();
        for slice in StoredSlice::list(self.results)? {
            if slice.is_finished()? {
                by_volume.entry(slice.id.vol).or_default().push(slice);
            }
        }
        if by_volume.is_empty() {
            let message = "no finished slice (`vol0_slice5` with its metrics.json); name the folder that `diph recon --out` wrote";
            return Err(ReconError::input(self.results, message));
        }
        by_volume.into_iter().map(|(number, slices)| self.volume(number, &slices)).collect()
    }

    fn volume(&self, number: usize, slices: &[StoredSlice]) -> Result<Volume, ReconError> {
        let numbers: Vec<usize> = slices.iter().map(|slice| slice.id.slice).collect();
        let step = numbers.get(1).map_or(1, |second| second - numbers[0]);
        if numbers.windows(2).any(|pair| pair[1] - pair[0] != step) {
            let message = format!(
                "slices {numbers:?} of volume {number}, which are not evenly spaced; export them from folders of their own"
            );
            return Err(ReconError::input(self.results, message));
        }
        let maps = slices.iter().map(StoredSlice::maps).collect::<Result<Vec<QuantitativeMaps>, ReconError>>()?;
        let maps = match &maps[..] {
            [volume] if volume.lengths().len() == 3 => volume.clone(),
            planes => QuantitativeMaps::stacked(planes).file(self.results)?,
        };
        let first = &slices[0];
        let method = first.method()?.map(|method| described(&method)).unwrap_or_default();
        Ok(Volume { number, maps, step, method, provenance: first.provenance()? })
    }

    fn files_of(&self, volume: &Volume) -> Result<Vec<(PathBuf, Vec<u8>)>, ReconError> {
        let subject = self.subject.as_ref().map_or_else(|| format!("vol{}", volume.number), Label::to_string);
        let mut folder = self.out.join(PIPELINE).join(format!("sub-{subject}"));
        let mut name = format!("sub-{subject}");
        if let Some(session) = &self.session {
            folder.push(format!("ses-{session}"));
            name += &format!("_ses-{session}");
        }
        let folder = folder.join("anat");
        let pd = volume.maps.pd.mapv(|pd| pd.norm());
        let mut files = Vec::new();
        for (suffix, values, unit) in
            [("T1map", &volume.maps.t1, "s"), ("T2map", &volume.maps.t2, "s"), ("M0map", &pd, "arbitrary")]
        {
            let path = folder.join(format!("{name}_{suffix}.nii.gz"));
            let bytes = self.nifti(volume, values, &path)?;
            let sidecar = folder.join(format!("{name}_{suffix}.json"));
            files.push((path, bytes));
            files.push((sidecar.clone(), json_bytes(&sidecar_of(volume, unit)).file(&sidecar)?));
        }
        Ok(files)
    }

    fn nifti(&self, volume: &Volume, values: &ArrayD<f32>, path: &Path) -> Result<Vec<u8>, ReconError> {
        let values = three_axes(values).file(path)?;
        let (z, y, x) = values.dim();
        let geometry = self.geometry.with_slice_step(volume.step);
        let file = NiftiVolume { values, voxel_mm: geometry.voxel_mm, affine: geometry.affine([x, y, z]) };
        file.to_bytes(path, &format!("Diph {}", volume.provenance.diph_version)).file(path)
    }

    fn description(&self) -> Result<Vec<u8>, ReconError> {
        let description = json!({
            "Name": "Quantitative maps reconstructed by Diph",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{ "Name": "Diph", "Version": env!("CARGO_PKG_VERSION") }],
        });
        json_bytes(&description).file(self.out)
    }
}

/// A slice is a volume of one plane.
fn three_axes(values: &ArrayD<f32>) -> Result<Array3<f32>, ndarray::ShapeError> {
    match values.ndim() {
        2 => Ok(values.view().into_dimensionality::<Ix2>()?.insert_axis(ndarray::Axis(0)).to_owned()),
        _ => Ok(values.view().into_dimensionality::<Ix3>()?.to_owned()),
    }
}

/// Name and summary of a method.
fn described(method: &Value) -> String {
    let words = ["name", "summary"].map(|key| method[key].as_str().unwrap_or_default());
    words.join(": ")
}

/// How the maps were estimated, from what.
fn sidecar_of(volume: &Volume, unit: &str) -> Value {
    let Provenance { diph_version, inputs, plugins, .. } = &volume.provenance;
    let file_name = |path: &str| Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    json!({
        "Units": unit,
        "EstimationAlgorithm": format!("Diph {diph_version}, {}", volume.method),
        "EstimationReference": FINGERPRINTING,
        "Sources": inputs.iter().map(|input| file_name(&input.path)).collect::<Vec<String>>(),
        "SourceHashes": inputs.iter().map(|input| (file_name(&input.path), input.sha256.clone())).collect::<BTreeMap<String, String>>(),
        "Plugins": plugins.iter().map(|plugin| plugin.id.clone()).collect::<Vec<String>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_letters_and_digits() {
        assert_eq!("01a".parse::<Label>().unwrap().to_string(), "01a");
        for text in ["", "a-b", "a_b", "../x", "ä"] {
            assert!(text.parse::<Label>().is_err(), "{text}");
        }
    }
}
