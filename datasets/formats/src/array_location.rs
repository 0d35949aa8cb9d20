//! An array that a user names by its file.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{ArrayEntry, CflFile, Error, Hdf5File, MatFile, MatValue, NpzFile, Result, open_file, read_npy};

/// An array in a file of any format: `k.npy`, `data.npz:kspace`, `scan.mat:ksp`, `scan.h5:group/ksp`, `ksp.cfl`.
///
/// The key behind the colon may be left out where the file holds one array. A struct's field is `struct.field`, an array of HDF5
/// `group/array`.
///
/// ```
/// use diph_formats::{ArrayLocation, NpzWriter};
/// use ndarray::arr1;
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("scan.npz");
/// NpzWriter::new().with("k", arr1(&[1.0, 2.0]).view()).with("t", arr1(&[3.0]).view()).write(&path).unwrap();
///
/// let location: ArrayLocation = format!("{}:t", path.display()).parse().unwrap();
/// assert_eq!(location.read().unwrap().read_vector::<f64>("(time)").unwrap(), arr1(&[3.0]));
/// let message = ArrayLocation::of_file(&path).read().unwrap_err().to_string();
/// assert!(message.ends_with("it holds 2 arrays; name one, for example `scan.npz:k`: k, t"), "{message}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLocation {
    /// The file.
    pub path: PathBuf,
    /// The name of the array in it.
    pub key: Option<String>,
}

impl ArrayLocation {
    /// The only array of a file.
    pub fn of_file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), key: None }
    }

    /// Reads the array with the element type and the axes that the file gives it, in C order.
    ///
    /// # Errors
    /// As the readers of the formats; [`Error::MissingKey`] for a key that is not there, [`Error::Unsupported`] where several arrays
    /// are there and none is named.
    pub fn read(&self) -> Result<ArrayEntry> {
        match form(&self.path)? {
            Form::Npy => self.without_key(|| read_npy(&self.path)),
            Form::Cfl => self.without_key(|| CflFile::open(&self.path)?.entry()),
            Form::Npz => {
                let mut file = NpzFile::open(&self.path)?;
                let key = self.only_of(file.keys().to_vec())?;
                file.entry(&key)
            }
            Form::Hdf5 => {
                let file = Hdf5File::open(&self.path)?;
                let key = match &self.key {
                    Some(key) => key.clone(),
                    None => self.only_of(file.keys()?)?,
                };
                file.entry(&key)
            }
            Form::Mat => {
                let file = MatFile::open(&self.path)?;
                let key = self.only_of(arrays_of(&file))?;
                let (structs, field) = key.rsplit_once('.').unwrap_or(("", &key));
                let names = structs.split('.').filter(|name| !name.is_empty());
                names.into_iter().try_fold(file.root(), |place, name| place.structure(name))?.entry(field)
            }
        }
    }

    /// Names of the arrays of the file; none where its format has no names.
    ///
    /// # Errors
    /// As the readers of the formats.
    pub fn keys(path: &Path) -> Result<Vec<String>> {
        match form(path)? {
            Form::Npy | Form::Cfl => Ok(Vec::new()),
            Form::Npz => Ok(NpzFile::open(path)?.keys().to_vec()),
            Form::Hdf5 => Hdf5File::open(path)?.keys(),
            Form::Mat => Ok(arrays_of(&MatFile::open(path)?)),
        }
    }

    /// The files on the disk: two of an array of BART.
    pub fn files(&self) -> Vec<PathBuf> {
        match CflFile::is_named_by(&self.path) {
            true => CflFile::files(&self.path).into(),
            false => vec![self.path.clone()],
        }
    }

    fn without_key(&self, read: impl FnOnce() -> Result<ArrayEntry>) -> Result<ArrayEntry> {
        match &self.key {
            None => read(),
            Some(key) => Err(Error::MissingKey { path: self.path.clone(), key: key.clone(), available: Vec::new() }),
        }
    }

    /// The key, or that of the only array.
    fn only_of(&self, available: Vec<String>) -> Result<String> {
        match (&self.key, &available[..]) {
            (Some(key), _) => Ok(key.clone()),
            (None, [only]) => Ok(only.clone()),
            (None, []) => {
                Err(Error::MissingKey { path: self.path.clone(), key: "an array".into(), available: Vec::new() })
            }
            (None, [first, ..]) => {
                let name = self.path.file_name().unwrap_or_default().display();
                let found = "a file of several arrays where one is needed".to_owned();
                let listing = available.join(", ");
                let advice =
                    format!("it holds {} arrays; name one, for example `{name}:{first}`: {listing}", available.len());
                Err(Error::Unsupported { path: self.path.clone(), found, advice })
            }
        }
    }
}

impl FromStr for ArrayLocation {
    type Err = String;

    /// Reads `FILE` or `FILE:KEY`. A colon that belongs to the name of a file that is there is no key.
    fn from_str(text: &str) -> Result<Self, String> {
        let whole = Self::of_file(text);
        if text.is_empty() {
            return Err("expected FILE or FILE:KEY, got nothing".into());
        }
        match text.rsplit_once(':') {
            // `C:\data` has a colon, too.
            Some((path, key)) if !path.is_empty() && !key.is_empty() && !key.starts_with(['/', '\\']) => {
                match whole.path.exists() {
                    true => Ok(whole),
                    false => Ok(Self { path: path.into(), key: Some(key.into()) }),
                }
            }
            _ => Ok(whole),
        }
    }
}

impl fmt::Display for ArrayLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}:{key}", self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}

/// Formats that arrays are read from.
enum Form {
    Npy,
    Npz,
    Mat,
    Hdf5,
    Cfl,
}

/// The format of a file, by its first bytes; BART's files have none that tell it.
fn form(path: &Path) -> Result<Form> {
    if CflFile::is_named_by(path) {
        return Ok(Form::Cfl);
    }
    let mut start = Vec::new();
    let file = open_file(path).map_err(|source| Error::read(path, source))?;
    file.take(6).read_to_end(&mut start).map_err(|source| Error::read(path, source))?;
    match start.as_slice() {
        b"\x93NUMPY" => Ok(Form::Npy),
        [b'P', b'K', ..] => Ok(Form::Npz),
        b"MATLAB" => Ok(Form::Mat),
        _ if Hdf5File::is_at(path) => Ok(Form::Hdf5),
        _ => Err(Error::malformed(
            path,
            ".npy, .npz, .mat, .h5 or .cfl file",
            "its first bytes are those of none of them",
        )),
    }
}

/// Names of all arrays, those in structs too.
fn arrays_of(file: &MatFile) -> Vec<String> {
    fn collect(prefix: &str, fields: &[(String, MatValue)], names: &mut Vec<String>) {
        for (name, value) in fields {
            match value {
                MatValue::Array(_) => names.push(format!("{prefix}{name}")),
                MatValue::Struct(fields) => collect(&format!("{prefix}{name}."), fields, names),
                _ => (),
            }
        }
    }
    let mut names = Vec::new();
    collect("", file.variables(), &mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{write_cfl, write_npy};
    use ndarray::{Array2, arr1};
    use num_complex::Complex32;

    #[test]
    fn every_format_is_read_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let array = Array2::from_shape_fn((2, 3), |(y, x)| (3 * y + x) as f64);
        write_npy(path("a.dat"), array.view()).unwrap();
        write_cfl(path("b"), array.mapv(|value| Complex32::new(value as f32, 0.0)).view()).unwrap();
        let dict = MatValue::Struct(vec![("lut".into(), MatFile::real(array.view()))]);
        MatFile::new(vec![("dict".into(), dict), ("k".into(), MatFile::real(array.view()))])
            .write(path("c.mat"))
            .unwrap();
        for name in ["a.dat", "b", "b.cfl", "c.mat:dict.lut", "c.mat:k"] {
            let location: ArrayLocation = path(name).display().to_string().parse().unwrap();
            let read = location.read().unwrap().read::<Complex32, ndarray::Ix2>("(y, x)").unwrap();
            assert_eq!(read.mapv(|value| f64::from(value.re)), array, "{name}");
            assert_eq!(location.files().len(), if name.starts_with('b') { 2 } else { 1 });
        }
        assert_eq!(ArrayLocation::keys(&path("c.mat")).unwrap(), ["dict.lut", "k"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_npy(path("a.npy"), arr1(&[1.0]).view()).unwrap();
        std::fs::write(path("x.csv"), "1,2").unwrap();
        let message = |name: &str| {
            let location: ArrayLocation = path(name).display().to_string().parse().unwrap();
            location.read().unwrap_err().to_string()
        };
        assert!(message("a.npy:k").contains("no key `k`; the keys there are: none"));
        assert!(message("x.csv").contains("first bytes are those of none"));
        assert!(message("none.npy").contains("no such file"));
        assert!("".parse::<ArrayLocation>().is_err());
    }
}
