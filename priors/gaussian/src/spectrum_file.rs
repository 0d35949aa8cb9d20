//! Spectra as files.

use std::collections::HashMap;
use std::path::Path;

use diph_core::{Error, Result};
use ndarray::{Array, ArrayBase, Data, Dimension, IxDyn};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::Spectrum;

const OPERATION: &str = "Gaussian spectrum: file";
/// Name of the metadata entry.
const ENTRY: &str = "diph";
/// No spectrum comes near this size; a file beyond it is something else.
const MOST_BYTES: u64 = 64 << 20;

impl Spectrum {
    /// A spectrum from the bytes of a `.safetensors` file with the tensors `basis` (frame, coefficient) and `rings`
    /// (ring, coefficient, coefficient) in f32, and as JSON in its metadata entry `diph` the number of `images` and the `energy_ratio`.
    ///
    /// # Errors
    /// [`Error::External`] for bytes of another format, [`Error::Parameter`] for a tensor that is missing or of another
    /// type, and those of [`Spectrum::new`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| Error::external(OPERATION, error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| Error::external(OPERATION, error))?;
        let entry = header.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let facts: serde_json::Value = entry.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let missing = |name: &str| Error::parameter(OPERATION, name, "a number in the metadata", &facts);
        let images = facts["images"].as_u64().ok_or_else(|| missing("images"))? as usize;
        let ratio = facts["energy_ratio"].as_f64().ok_or_else(|| missing("energy_ratio"))? as f32;
        Self::new(array(&file, "basis")?, array(&file, "rings")?, images)?.rescaled(ratio)
    }

    /// The bytes of its file, the same for the same spectrum.
    ///
    /// # Errors
    /// [`Error::External`] when the format cannot hold it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let (basis, rings) = (bytes_of(&self.basis()), bytes_of(&self.rings()));
        let view = |shape: &[usize], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes);
        let tensors = [("basis", view(self.basis().shape(), &basis)), ("rings", view(self.rings().shape(), &rings))]
            .into_iter()
            .map(|(name, tensor)| Ok((name, tensor?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| Error::external(OPERATION, error))?;
        // One entry with everything: the library's metadata have no fixed order.
        let facts = serde_json::json!({ "images": self.images(), "energy_ratio": self.energy_ratio() });
        let facts = HashMap::from([(ENTRY.to_owned(), facts.to_string())]);
        safetensors::serialize(tensors, Some(facts)).map_err(|error| Error::external(OPERATION, error))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Error::External`] with the path when it cannot be read, and those of [`Spectrum::from_bytes`].
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::external(OPERATION, format!("{}: {error}", path.display()));
        let metadata = std::fs::metadata(path).map_err(failed)?;
        // Opening a pipe waits for somebody to write to it.
        if !metadata.is_file() {
            return Err(failed(std::io::Error::other("expected a spectrum, got no regular file")));
        }
        let length = metadata.len();
        if length > MOST_BYTES {
            let expected = format!("a spectrum, at most {MOST_BYTES} bytes");
            return Err(Error::parameter(OPERATION, path.display().to_string(), expected, format!("{length} bytes")));
        }
        Self::from_bytes(&std::fs::read(path).map_err(failed)?)
    }
}

fn array<D: Dimension>(file: &SafeTensors<'_>, name: &str) -> Result<Array<f32, D>> {
    let tensor =
        file.tensor(name).map_err(|error| Error::parameter(OPERATION, name, "a tensor of this name", error))?;
    if tensor.dtype() != Dtype::F32 {
        return Err(Error::parameter(OPERATION, name, "f32", format!("{:?}", tensor.dtype())));
    }
    let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let wrong = |_| Error::parameter(OPERATION, name, "another number of axes", format!("{:?}", tensor.shape()));
    Array::from_shape_vec(IxDyn(tensor.shape()), values).and_then(|array| array.into_dimensionality()).map_err(wrong)
}

fn bytes_of<S: Data<Elem = f32>, D: Dimension>(array: &ArrayBase<S, D>) -> Vec<u8> {
    array.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    #[test]
    fn a_file_gives_the_spectrum_back() {
        let basis = Array2::from_shape_fn((4, 2), |(t, k)| (t + k) as f32);
        let rings = Array3::from_shape_fn((3, 2, 2), |(r, i, j)| if i == j { 1.0 + r as f32 } else { 0.25 });
        let spectrum = Spectrum::new(basis, rings, 90).unwrap().rescaled(0.8).unwrap();
        let bytes = spectrum.to_bytes().unwrap();
        assert_eq!(Spectrum::from_bytes(&bytes).unwrap(), spectrum);
        assert_eq!(bytes, spectrum.to_bytes().unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        assert_eq!(Spectrum::read(file.path()).unwrap(), spectrum);
        assert!(Spectrum::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Spectrum::from_bytes(b"no such format").is_err());
    }
}
