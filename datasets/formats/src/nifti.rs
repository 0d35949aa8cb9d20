//! NIfTI-1 volumes, for FSLeyes, ITK-SNAP, nibabel and whatever else opens maps.

use std::path::Path;

use nalgebra::Matrix4;
use ndarray::{Array3, ArrayView3};
use nifti::writer::WriterOptions;
use nifti::{IntoNdArray, NiftiHeader, NiftiObject, ReaderOptions, XForm};

use crate::{Error, Result, open_file};

/// Deflate makes no more than this many bytes of one.
const LARGEST_EXPANSION: u64 = 1032;

/// Millimetres and seconds, as the standard packs them into one byte.
const MILLIMETRES_AND_SECONDS: u8 = 2 | 8;

const FORMAT: &str = "NIfTI file";

/// A volume of real numbers and where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct NiftiVolume {
    /// Values (z, y, x).
    pub values: Array3<f32>,
    /// Distances of neighbouring voxels along x, y and z in mm.
    pub voxel_mm: [f64; 3],
    /// Rows of the matrix that takes voxel indices (x, y, z, 1) to millimetres towards right, anterior and superior of the
    /// scanner; `None` where nobody knows how the subject lay.
    pub affine: Option<[[f64; 4]; 3]>,
}

impl NiftiVolume {
    /// The bytes of the file `path`, which is not written: compressed where its name ends in `.nii.gz`. The orientation stands in
    /// sform and qform with code 1 (scanner); both have code 0 where it is not known, so that no program shows a side as left
    /// that may be right.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another ending, an axis that the format cannot count, or a description of more than 80 bytes;
    /// [`Error::Write`] where there is no room for it.
    pub fn to_bytes(&self, path: &Path, description: &str) -> Result<Vec<u8>> {
        let ending = ending(path)?;
        let refused = |error: nifti::NiftiError| Error::Unsupported {
            path: path.into(),
            found: format!("a volume of shape {:?} ({error})", self.values.shape()),
            advice: "NIfTI-1 takes up to 65535 voxels along an axis".into(),
        };
        let failed = |source| Error::Write { path: path.into(), source };
        let header = self.header(description).map_err(refused)?;
        // The library writes to a name of its own making.
        let folder = tempfile::tempdir().map_err(failed)?;
        let file = folder.path().join(format!("volume{ending}"));
        let written = WriterOptions::new(&file).reference_header(&header).write_nifti(&self.values.t());
        written.map_err(|error| match error {
            nifti::NiftiError::Io(source) => failed(source),
            other => refused(other),
        })?;
        std::fs::read(&file).map_err(failed)
    }

    fn header(&self, description: &str) -> nifti::Result<NiftiHeader> {
        let mut header =
            NiftiHeader { xyzt_units: MILLIMETRES_AND_SECONDS, qform_code: 0, sform_code: 0, ..NiftiHeader::default() };
        let [x, y, z] = self.voxel_mm.map(|length| length as f32);
        header.pixdim = [1.0, x, y, z, 1.0, 1.0, 1.0, 1.0];
        header.set_description_str(description)?;
        if let Some([a, b, c]) = self.affine {
            let rows = [a, b, c, [0.0, 0.0, 0.0, 1.0]];
            let affine = Matrix4::from_fn(|row, column| rows[row][column]);
            header.set_sform(&affine, XForm::ScannerAnat);
            header.set_qform(&affine, XForm::ScannerAnat);
        }
        Ok(header)
    }

    /// Reads a volume of three axes.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Read`]; [`Error::Malformed`] when it is no NIfTI file of three axes, or too short for them.
    pub fn read(path: &Path) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { path: path.into(), format: FORMAT, problem };
        let length =
            open_file(path).and_then(|file| file.metadata()).map_err(|source| Error::read(path, source))?.len();
        let header = NiftiHeader::from_file(path).map_err(|error| malformed(error.to_string()))?;
        // The library takes the width of a voxel from one field when it reads, and from the other when it converts.
        let each = header.data_type().map_err(|error| malformed(error.to_string()))?.size_of();
        if usize::try_from(header.bitpix) != Ok(8 * each) {
            let problem = format!("`datatype` has voxels of {} bits, `bitpix` says {}", 8 * each, header.bitpix);
            return Err(malformed(problem));
        }
        // It makes room for what the header announces.
        let announced = announced_bytes(&header, each as u64);
        if announced.is_none_or(|announced| announced > length.saturating_mul(LARGEST_EXPANSION)) {
            return Err(malformed(format!("a file of {length} bytes cannot hold dimensions {:?}", header.dim)));
        }
        let object = ReaderOptions::new().read_file(path).map_err(|error| malformed(error.to_string()))?;
        let header = object.header();
        let [_, x, y, z, ..] = header.pixdim.map(f64::from);
        let affine = (header.sform_code > 0)
            .then(|| [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from)));
        let values = object.into_volume().into_ndarray::<f32>().map_err(|error| malformed(error.to_string()))?;
        let shape = values.shape().to_vec();
        let values = values.into_dimensionality::<ndarray::Ix3>();
        let values = values.map_err(|_| malformed(format!("expected three axes, got shape {shape:?}")))?;
        Ok(Self { values: in_order(values.t()), voxel_mm: [x, y, z], affine })
    }
}

/// Bytes of the values; `None` for more than can be counted.
fn announced_bytes(header: &NiftiHeader, each: u64) -> Option<u64> {
    let axes = usize::from(header.dim[0]).min(header.dim.len() - 1);
    header.dim[1..=axes].iter().try_fold(each, |product, length| product.checked_mul(u64::from(*length)))
}

fn in_order(values: ArrayView3<'_, f32>) -> Array3<f32> {
    values.as_standard_layout().into_owned()
}

/// `.nii` or `.nii.gz`.
fn ending(path: &Path) -> Result<&'static str> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match [".nii.gz", ".nii"].into_iter().find(|ending| name.ends_with(ending)) {
        Some(ending) => Ok(ending),
        None => Err(Error::Unsupported {
            path: path.into(),
            found: "a name that ends in neither .nii nor .nii.gz".into(),
            advice: "take a name with one of these endings".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume() -> NiftiVolume {
        let values = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| (100 * z + 10 * y + x) as f32);
        let affine = Some([[-1.5, 0.0, 0.0, 10.0], [0.0, 0.0, 5.0, -20.0], [0.0, 2.0, 0.0, 30.0]]);
        NiftiVolume { values, voxel_mm: [1.5, 2.0, 5.0], affine }
    }

    #[test]
    fn volumes_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.nii", "b.T1map.nii.gz"] {
            let path = folder.path().join(name);
            for volume in [volume(), NiftiVolume { affine: None, ..volume() }] {
                std::fs::write(&path, volume.to_bytes(&path, "test").unwrap()).unwrap();
                assert_eq!(NiftiVolume::read(&path).unwrap(), volume, "{name}");
            }
        }
    }

    /// A plane is a volume of one slice: the axis of length 1 comes last in the file.
    #[test]
    fn x_is_the_fastest_axis_of_the_file() {
        let values = Array3::from_shape_fn((1, 2, 3), |(_, y, x)| (3 * y + x) as f32);
        let bytes = NiftiVolume { values, ..volume() }.to_bytes(Path::new("plane.nii"), "").unwrap();
        let numbers: Vec<f32> =
            bytes[352..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        assert_eq!(numbers, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let short = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
        assert_eq!([40, 42, 44, 46].map(short), [3, 3, 2, 1]);
        assert_eq!([252, 254].map(short), [1, 1], "qform and sform code");
    }

    #[test]
    fn bad_names_and_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.img");
        assert!(volume().to_bytes(&path, "").unwrap_err().to_string().contains(".nii.gz"));
        let path = folder.path().join("map.nii");
        // A header of 768 x 512 x 512 numbers before 96 bytes of values.
        let whole = volume().to_bytes(&path, "").unwrap();
        let mut huge = whole.clone();
        huge[42..48].copy_from_slice(&[0, 3, 0, 2, 0, 2]);
        std::fs::write(&path, huge).unwrap();
        let error = NiftiVolume::read(&path).unwrap_err().to_string();
        assert!(error.contains("cannot hold dimensions [3, 768, 512, 512"), "{error}");
        for bits in [0i16, 64, 8192, -32] {
            let mut other = whole.clone();
            other[72..74].copy_from_slice(&bits.to_le_bytes());
            std::fs::write(&path, other).unwrap();
            assert!(NiftiVolume::read(&path).unwrap_err().to_string().contains("`bitpix` says"), "{bits}");
        }
        std::fs::write(&path, [7; 500]).unwrap();
        assert!(NiftiVolume::read(&path).unwrap_err().to_string().contains("not a valid NIfTI file"));
        assert!(NiftiVolume::read(&folder.path().join("none.nii")).is_err());
    }
}
