//! Which form an array file has, and how much it holds.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::{Error, Hdf5File, MatFile, NpzFile, Result, open_file};

/// The two forms of files with named arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayFile {
    /// An archive of numpy arrays.
    Npz,
    /// A MATLAB file.
    Mat,
}

impl ArrayFile {
    /// The form of a file that is there, by its first bytes: names tell little, least of all in capitals. Where the bytes are those
    /// of neither form, the name decides whose reader says what is wrong.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`], and [`Error::Malformed`] when neither bytes nor name are those of an array file.
    pub fn of_content(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let file = open_file(path).map_err(|source| Error::read(path, source))?;
        file.take(6).read_to_end(&mut start).map_err(|source| Error::read(path, source))?;
        match start.as_slice() {
            [b'P', b'K', ..] => Ok(Self::Npz),
            b"MATLAB" | [0x89, b'H', b'D', b'F', ..] => Ok(Self::Mat),
            _ => Self::by_extension(path)
                .ok_or_else(|| Error::malformed(path, ".npz or .mat file", "its first bytes are those of neither")),
        }
    }

    /// The form that a file is written in, by its name.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an extension other than `.npz` and `.mat`, in small letters or capitals.
    pub fn of_name(path: &Path) -> Result<Self> {
        Self::by_extension(path).ok_or_else(|| Error::Unsupported {
            path: path.into(),
            found: match path.extension() {
                Some(extension) => format!("an array file that ends in .{}", extension.display()),
                None => "an array file without an extension".into(),
            },
            advice: "name a file that ends in .npz or .mat".into(),
        })
    }

    fn by_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        if extension.eq_ignore_ascii_case("npz") {
            return Some(Self::Npz);
        }
        extension.eq_ignore_ascii_case("mat").then_some(Self::Mat)
    }
}

/// Bytes that a file takes when it is read, by the headers of its arrays; its length where it is no array file. Nothing but
/// headers is read: what a header does not announce is not read later either.
pub fn unpacked_size(path: &Path) -> u64 {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    let announced = match ArrayFile::of_content(path) {
        Ok(ArrayFile::Npz) => NpzFile::open(path).map(|mut file| file.announced_size()),
        Ok(ArrayFile::Mat) if Hdf5File::is_at(path) => Hdf5File::open(path).and_then(|file| file.announced_size()),
        Ok(ArrayFile::Mat) => MatFile::announced_size(path),
        Err(error) => Err(error),
    };
    // A file that cannot be read is refused by its reader, with a better message.
    announced.map_or(length, |announced| announced.max(length))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{MatValue, NpzWriter};

    #[test]
    fn content_counts_and_not_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        NpzWriter::new().with("y", Array2::<f64>::zeros((2, 3)).view()).write(path("D.MAT")).unwrap();
        let zeros = MatFile::real(Array2::zeros((2, 3)).view());
        MatFile::new(vec![("y".to_string(), zeros)]).write(path("d.dat")).unwrap();
        assert_eq!(ArrayFile::of_content(&path("D.MAT")).unwrap(), ArrayFile::Npz);
        assert_eq!(ArrayFile::of_content(&path("d.dat")).unwrap(), ArrayFile::Mat);
        fs::write(path("garbage.NPZ"), "x").unwrap();
        fs::write(path("garbage.csv"), "x").unwrap();
        assert_eq!(ArrayFile::of_content(&path("garbage.NPZ")).unwrap(), ArrayFile::Npz);
        assert!(matches!(ArrayFile::of_content(&path("garbage.csv")), Err(Error::Malformed { .. })));
        assert_eq!(ArrayFile::of_name(Path::new("D.Mat")).unwrap(), ArrayFile::Mat);
        assert!(ArrayFile::of_name(Path::new("d.csv")).unwrap_err().to_string().contains(".csv"));
    }

    #[test]
    fn announced_sizes_are_those_before_compression() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let zeros = Array2::<f64>::zeros((400, 300));
        NpzWriter::compressed().with("y", zeros.view()).write(path("y.npz")).unwrap();
        let values: Vec<(String, MatValue)> = vec![("y".into(), MatFile::real(zeros.view()))];
        MatFile::new(values).write(path("y.mat")).unwrap();
        for name in ["y.npz", "y.mat"] {
            assert!(path(name).metadata().unwrap().len() < 10_000);
            let announced = unpacked_size(&path(name));
            assert!((960_000..961_000).contains(&announced), "{name}: {announced}");
        }
        let zeros = fs::File::create(path("zeros.mat")).unwrap();
        zeros.set_len(1 << 40).unwrap();
        assert_eq!(unpacked_size(&path("zeros.mat")), 1 << 40, "and at once, however long it is");
        fs::write(path("notes.json"), "{}").unwrap();
        assert_eq!(unpacked_size(&path("notes.json")), 2);
    }
}
