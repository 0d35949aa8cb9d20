//! A dictionary of fingerprints, read from a file.

use std::io::Write;
use std::path::Path;

use diph_core::Parameter;
use diph_formats::{ArrayFile, Error, MatFile, MatValue, NpzFile, NpzWriter, Result, write_atomically};
use ndarray::{Array1, Array2, ArrayView1, Axis, Ix2};

use crate::relaxation_times::check_times;

/// Larger than any factor on flip angles, and smaller than any in percent.
const LARGEST_B1: f64 = 10.0;

/// A compressed dictionary as it is on disk, before it is prepared for matching.
///
/// Two forms, told apart by their first bytes when they are read and by the extension when they are written:
/// - `.mat` of the Python code: struct `dict` with `lut` (T1, T2 in s, where there is a third column B1), `D`, `V`, `normD`;
/// - `.npz` of Diph: `parameters` and `units` (texts), `lut`, `atoms`, `basis`, `norms`, which stand for the same.
#[derive(Clone, Debug, PartialEq)]
pub struct DictionaryFile {
    /// What the columns of `lut` stand for.
    pub parameters: Vec<Parameter>,
    /// (atom, parameter): the grid.
    pub lut: Array2<f64>,
    /// (atom, coefficient): coefficients of the normalised fingerprints. There may be more than are used.
    pub d: Array2<f64>,
    /// (frame, coefficient): the real temporal basis, nearly orthonormal.
    pub v: Array2<f64>,
    /// (atom): norms of the fingerprints before normalisation.
    pub norm_d: Array1<f64>,
}

impl DictionaryFile {
    /// Reads a `.mat` or an `.npz` file.
    ///
    /// # Errors
    /// As [`MatFile::open`] and [`NpzFile::open`]; [`Error::Unexpected`] when the arrays do not fit together.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match ArrayFile::of_content(path)? {
            ArrayFile::Mat => read_mat(path),
            ArrayFile::Npz => read_npz(path),
        }
    }

    /// Writes a `.mat` or an `.npz` file.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Unsupported`] for another extension, and for `.mat` when the parameters are not T1, T2 (and
    /// B1), which that form has no names for.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes(path)?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// The bytes of a file of that name, whose extension says in which form.
    ///
    /// # Errors
    /// [`Error::Unsupported`] as for [`write`](Self::write).
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let bytes = match ArrayFile::of_name(path)? {
            ArrayFile::Mat => self.mat(path)?.to_bytes(),
            ArrayFile::Npz => self.npz().to_bytes(),
        };
        bytes.map_err(|source| Error::Write { path: path.into(), source })
    }

    fn mat(&self, path: &Path) -> Result<MatFile> {
        if unnamed_parameters(self.lut.ncols()).as_ref() != Some(&self.parameters) {
            return Err(Error::Unsupported {
                path: path.into(),
                found: format!("a .mat dictionary of {:?}", self.parameters),
                advice: "write an .npz file".into(),
            });
        }
        let dict: Vec<(String, MatValue)> = vec![
            ("lut".into(), MatFile::real(self.lut.view())),
            ("D".into(), MatFile::real(self.d.view())),
            ("V".into(), MatFile::real(self.v.view())),
            ("normD".into(), MatFile::real(column(self.norm_d.view()).view())),
        ];
        Ok(MatFile::new(vec![("dict".into(), MatValue::Struct(dict))]))
    }

    fn npz(&self) -> NpzWriter {
        let names: Array1<String> = self.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let units: Array1<String> = self.parameters.iter().map(|parameter| parameter.unit.clone()).collect();
        NpzWriter::new()
            .with("parameters", names.view())
            .with("units", units.view())
            .with("lut", self.lut.view())
            .with("atoms", self.d.view())
            .with("basis", self.v.view())
            .with("norms", self.norm_d.view())
    }

    /// `keys` are the names that lut, atoms, basis and norms have in the file.
    fn checked(self, path: &Path, keys: [&str; 4]) -> Result<Self> {
        let [lut_key, atoms_key, basis_key, norms_key] = keys;
        let (atoms, coefficients) = self.d.dim();
        let unexpected = |key: &str, expected: String, got: String| Err(Error::unexpected(path, key, expected, got));
        if atoms == 0 || coefficients == 0 {
            return unexpected(
                atoms_key,
                "(atom, coefficient), at least one of each".into(),
                format!("{:?}", self.d.shape()),
            );
        }
        if self.lut.nrows() != atoms || self.lut.ncols() != self.parameters.len() {
            let expected = format!("[{atoms}, {}], one row per atom of `{atoms_key}`", self.parameters.len());
            return unexpected(lut_key, expected, format!("{:?}", self.lut.shape()));
        }
        if self.norm_d.len() != atoms {
            let expected = format!("{atoms} values, one per atom of `{atoms_key}`");
            return unexpected(norms_key, expected, self.norm_d.len().to_string());
        }
        if let Some(norm) = self.norm_d.iter().find(|norm| **norm <= 0.0) {
            return unexpected(norms_key, "norms above 0".into(), norm.to_string());
        }
        if self.v.nrows() == 0 || self.v.ncols() != coefficients {
            let expected = format!("(frame, {coefficients}), one column per coefficient of `{atoms_key}`");
            return unexpected(basis_key, expected, format!("{:?}", self.v.shape()));
        }
        if let Some(column) = self.v.axis_iter(Axis(1)).position(|column| column.iter().all(|value| *value == 0.0)) {
            return unexpected(basis_key, "columns of a basis".into(), format!("zeros only in column {column}"));
        }
        self.check_lut(path, lut_key)?;
        Ok(self)
    }

    /// Fails on values that no tissue has.
    fn check_lut(&self, path: &Path, key: &str) -> Result<()> {
        for (parameter, values) in self.parameters.iter().zip(self.lut.axis_iter(Axis(1))) {
            match (parameter.name.as_str(), parameter.unit.as_str()) {
                ("T1" | "T2", unit) if unit != "s" => {
                    return Err(Error::unexpected(
                        path,
                        "units",
                        format!("{} in s", parameter.name),
                        format!("`{unit}`"),
                    ));
                }
                (name, "s") => check_times(path, key, name, values.iter().copied(), f64::MIN_POSITIVE)?,
                ("B1", "") => {
                    if let Some(value) = values.iter().find(|value| !(0.0 < **value && **value <= LARGEST_B1)) {
                        let expected = format!("B1 as a factor above 0 and up to {LARGEST_B1}; divide percent by 100");
                        return Err(Error::unexpected(path, key, expected, value));
                    }
                }
                _ => (),
            }
        }
        Ok(())
    }
}

fn read_mat(path: &Path) -> Result<DictionaryFile> {
    let file = MatFile::open(path)?;
    let dict = file.root().structure("dict")?;
    let lut = dict.array::<f64, Ix2>("lut", "(atom, 2): T1 and T2 in s")?;
    let parameters = unnamed_parameters(lut.ncols()).ok_or_else(|| {
        Error::unexpected(path, "dict.lut", "2 columns (T1, T2) or 3 (T1, T2, B1)", format!("{:?}", lut.shape()))
    })?;
    let d = dict.array::<f64, Ix2>("D", "(atom, coefficient)")?;
    let v = dict.array::<f64, Ix2>("V", "(frame, coefficient)")?;
    let norm_d = dict.vector::<f64>("normD", "(atom)")?;
    DictionaryFile { parameters, lut, d, v, norm_d }.checked(path, ["dict.lut", "dict.D", "dict.V", "dict.normD"])
}

fn read_npz(path: &Path) -> Result<DictionaryFile> {
    let mut file = NpzFile::open(path)?;
    let names = file.entry("parameters")?.read_vector::<String>("(parameter)")?;
    let units = file.entry("units")?.read_vector::<String>("(parameter)")?;
    if names.len() != units.len() {
        return Err(Error::unexpected(path, "units", format!("{} texts, as `parameters`", names.len()), units.len()));
    }
    let parameters = names.into_iter().zip(units).map(|(name, unit)| Parameter { name, unit }).collect();
    let lut = file.array::<f64, Ix2>("lut", "(atom, parameter)")?;
    let d = file.array::<f64, Ix2>("atoms", "(atom, coefficient)")?;
    let v = file.array::<f64, Ix2>("basis", "(frame, coefficient)")?;
    let norm_d = file.entry("norms")?.read_vector::<f64>("(atom)")?;
    DictionaryFile { parameters, lut, d, v, norm_d }.checked(path, ["lut", "atoms", "basis", "norms"])
}

/// What the columns of a table without names stand for.
fn unnamed_parameters(columns: usize) -> Option<Vec<Parameter>> {
    let parameter = |name: &str, unit: &str| Parameter { name: name.into(), unit: unit.into() };
    let all = [parameter("T1", "s"), parameter("T2", "s"), parameter("B1", "")];
    (2..=all.len()).contains(&columns).then(|| all[..columns].to_vec())
}

fn column(values: ArrayView1<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((values.len(), 1), |(row, _)| values[row])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(columns: usize) -> DictionaryFile {
        DictionaryFile {
            parameters: unnamed_parameters(columns).unwrap(),
            lut: Array2::from_shape_fn((7, columns), |(atom, parameter)| (1 + atom + 10 * parameter) as f64 / 8.0),
            d: Array2::from_shape_fn((7, 5), |(atom, k)| (atom * 5 + k) as f64 / 35.0 - 0.5),
            v: Array2::from_shape_fn((20, 5), |(frame, k)| (frame * 5 + k) as f64 / 100.0),
            norm_d: Array1::from_shape_fn(7, |atom| 1.0 + atom as f64),
        }
    }

    #[test]
    fn round_trips() {
        let folder = tempfile::tempdir().unwrap();
        for (columns, name) in [(2, "a.mat"), (3, "b.mat"), (2, "a.npz"), (3, "b.npz")] {
            let path = folder.path().join(name);
            dictionary(columns).write(&path).unwrap();
            assert_eq!(DictionaryFile::read(&path).unwrap(), dictionary(columns));
        }
    }

    #[test]
    fn values_that_no_tissue_has_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dict.npz");
        for (column, value, words) in
            [(0, 0.0, "T1 above 0"), (1, -0.1, "T2 above 0"), (0, 830.0, "T1 in seconds"), (2, 90.0, "B1 as a factor")]
        {
            let mut wrong = dictionary(3);
            wrong.lut[[4, column]] = value;
            wrong.write(&path).unwrap();
            let message = DictionaryFile::read(&path).unwrap_err().to_string();
            assert!(message.contains("key `lut`") && message.contains(words), "{message}");
        }
        let mut wrong = dictionary(2);
        wrong.parameters[0].unit = "ms".into();
        wrong.write(&path).unwrap();
        assert!(
            DictionaryFile::read(&path).unwrap_err().to_string().contains("key `units`: expected T1 in s, got `ms`")
        );
        let mut wrong = dictionary(2);
        wrong.v.column_mut(3).fill(0.0);
        wrong.write(&path).unwrap();
        assert!(DictionaryFile::read(&path).unwrap_err().to_string().contains("key `basis`"));
    }

    #[test]
    fn the_form_is_that_of_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let (capitals, other) = (folder.path().join("D.MAT"), folder.path().join("dict.dat"));
        dictionary(2).write(&capitals).unwrap();
        std::fs::copy(&capitals, &other).unwrap();
        assert_eq!(DictionaryFile::read(&other).unwrap(), dictionary(2));
        assert!(std::fs::read(&capitals).unwrap().starts_with(b"MATLAB"));
        assert!(matches!(dictionary(2).write(folder.path().join("d.csv")), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn parts_that_do_not_fit_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dict.mat");
        let wrong = DictionaryFile { norm_d: Array1::ones(6), ..dictionary(2) };
        wrong.write(&path).unwrap();
        let message = DictionaryFile::read(&path).unwrap_err().to_string();
        assert!(message.contains("key `dict.normD`: expected 7 values, one per atom of `dict.D`, got 6"), "{message}");
        let wrong = DictionaryFile { v: Array2::ones((20, 4)), ..dictionary(2) };
        wrong.write(&path).unwrap();
        assert!(DictionaryFile::read(&path).unwrap_err().to_string().contains("key `dict.V`"));
        let mut named = dictionary(2);
        named.parameters[1].name = "T2*".into();
        assert!(matches!(named.write(&path), Err(Error::Unsupported { .. })));
    }
}
