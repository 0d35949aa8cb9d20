//! Where k-space was sampled, read from a file.

use std::io::Write;
use std::path::Path;

use diph_formats::{ArrayEntry, ArrayFile, Error, MatFile, MatValue, NpzFile, NpzWriter, Result, write_atomically};
use ndarray::{Array2, Array3, Axis, Ix2, Ix3};

/// Positions may leave [-1/2, 1/2] by this much through rounding.
const ROUNDING: f64 = 1e-6;

const POSITION_KEY: &str = "trajectory";
const WEIGHTS_KEY: &str = "weights";

/// A sampling trajectory with its density compensation.
///
/// Two forms on disk, told apart by their first bytes when they are read and by the extension when they are written:
/// - `.mat` of the Python code: `traj` (interleaves * samples, 2), columns (ky, kx), sample fastest, of a volume (kz, ky, kx);
///   `dcf` (samples), a row or a column, one for all interleaves;
/// - `.npz` of Diph: `trajectory` (interleave, sample, 2), last axis (ky, kx), of a volume (interleave, sample, 3) with
///   (kz, ky, kx); `weights`, which may be absent, (sample) or (interleave, sample).
#[derive(Clone, Debug, PartialEq)]
pub struct TrajectoryFile {
    /// (interleave, sample, 2 or 3): positions (ky, kx), of a volume (kz, ky, kx), in cycles per pixel within [-1/2, 1/2].
    /// Frame t uses interleave
    /// t modulo their number.
    pub positions: Array3<f64>,
    /// (interleave, sample), or (1, sample) when all interleaves share them: density compensation, not negative.
    pub weights: Option<Array2<f64>>,
}

impl TrajectoryFile {
    /// Reads a `.mat` or an `.npz` file.
    ///
    /// # Errors
    /// As [`MatFile::open`] and [`NpzFile::open`]; [`Error::Unexpected`] for positions beyond [-1/2, 1/2], negative
    /// weights and lengths that do not fit together.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = match ArrayFile::of_content(path)? {
            ArrayFile::Mat => read_mat(path)?,
            ArrayFile::Npz => read_npz(path)?,
        };
        Ok(file.on_the_edge())
    }

    /// Writes a `.mat` or an `.npz` file.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Unsupported`] for another extension, and for `.mat` when there are no weights or they differ
    /// between interleaves, which that form cannot hold.
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
            ArrayFile::Npz => {
                let archive = NpzWriter::new().with(POSITION_KEY, self.positions.view());
                match &self.weights {
                    Some(weights) => archive.with(WEIGHTS_KEY, weights.view()).to_bytes(),
                    None => archive.to_bytes(),
                }
            }
        };
        bytes.map_err(|source| Error::Write { path: path.into(), source })
    }

    /// Positions that rounding has put beyond +-1/2 at +-1/2: operators accept no others.
    fn on_the_edge(mut self) -> Self {
        self.positions.mapv_inplace(|position| position.clamp(-0.5, 0.5));
        self
    }

    fn mat(&self, path: &Path) -> Result<MatFile> {
        let shared = self.weights.as_ref().and_then(shared_row).ok_or_else(|| Error::Unsupported {
            path: path.into(),
            found: "a .mat trajectory without weights that all interleaves share".into(),
            advice: "write an .npz file".into(),
        })?;
        let (interleaves, samples, axes) = self.positions.dim();
        let flat = Array2::from_shape_fn((interleaves * samples, axes), |(point, axis)| {
            self.positions[[point / samples, point % samples, axis]]
        });
        let variables: Vec<(String, MatValue)> =
            vec![("traj".into(), MatFile::real(flat.view())), ("dcf".into(), MatFile::real(shared.t()))];
        Ok(MatFile::new(variables))
    }
}

/// (1, sample), when the weights are the same for all interleaves.
fn shared_row(weights: &Array2<f64>) -> Option<Array2<f64>> {
    let first = weights.outer_iter().next()?;
    weights.outer_iter().all(|row| row == first).then(|| first.to_owned().insert_axis(Axis(0)))
}

fn read_mat(path: &Path) -> Result<TrajectoryFile> {
    let file = MatFile::open(path)?;
    let root = file.root();
    let points = root.array::<f64, Ix2>("traj", "(interleave * sample, 2 or 3)")?;
    let weights = root.vector::<f64>("dcf", "(sample)")?;
    let (count, axes) = points.dim();
    let samples = weights.len();
    if !(2..=3).contains(&axes) || samples == 0 || count == 0 || count % samples != 0 {
        let expected = format!("(interleaves * samples, 2 or 3) with the {samples} samples of `dcf`");
        return Err(Error::unexpected(path, "traj", expected, format!("{:?}", [count, axes])));
    }
    let positions = Array3::from_shape_fn((count / samples, samples, axes), |(interleave, sample, axis)| {
        points[[interleave * samples + sample, axis]]
    });
    check_positions(path, "traj", &positions)?;
    let weights = weights.insert_axis(Axis(0));
    check_weights(path, "dcf", &weights)?;
    Ok(TrajectoryFile { positions, weights: Some(weights) })
}

fn read_npz(path: &Path) -> Result<TrajectoryFile> {
    let mut file = NpzFile::open(path)?;
    // Not `array`: a single interleave must keep its axis.
    let entry = file.entry(POSITION_KEY)?;
    let shape = entry.array.shape().to_vec();
    let positions = entry.read::<f64, Ix3>("(interleave, sample, 2 or 3)")?;
    if positions.is_empty() || !(2..=3).contains(&positions.len_of(Axis(2))) {
        return Err(Error::unexpected(path, POSITION_KEY, "real (interleave, sample, 2 or 3)", format!("{shape:?}")));
    }
    check_positions(path, POSITION_KEY, &positions)?;
    let weights = match file.contains(WEIGHTS_KEY) {
        true => Some(read_weights(path, file.entry(WEIGHTS_KEY)?, positions.dim())?),
        false => None,
    };
    Ok(TrajectoryFile { positions, weights })
}

fn read_weights(
    path: &Path,
    entry: ArrayEntry,
    (interleaves, samples, _): (usize, usize, usize),
) -> Result<Array2<f64>> {
    let got = entry.array.to_string();
    let shared = entry.array.shape().len() == 1;
    let weights = match shared {
        true => entry.read_vector::<f64>("(sample)")?.insert_axis(Axis(0)),
        false => entry.read::<f64, Ix2>("(interleave, sample)")?,
    };
    if weights.ncols() != samples || !(weights.nrows() == 1 || weights.nrows() == interleaves) {
        let expected = format!("[{samples}] or [{interleaves}, {samples}], as `{POSITION_KEY}`");
        return Err(Error::unexpected(path, WEIGHTS_KEY, expected, got));
    }
    check_weights(path, WEIGHTS_KEY, &weights)?;
    Ok(weights)
}

fn check_positions(path: &Path, key: &str, positions: &Array3<f64>) -> Result<()> {
    match positions.indexed_iter().find(|(_, position)| position.abs() > 0.5 + ROUNDING) {
        Some((at, position)) => {
            let got = format!("{position} at {at:?}; divide positions by the size of the image");
            Err(Error::unexpected(path, key, "positions in cycles per pixel within [-1/2, 1/2]", got))
        }
        None if positions.len() > 3 && positions.iter().all(|position| *position == 0.0) => {
            Err(Error::unexpected(path, key, "positions all over k-space", "zeros only"))
        }
        None => Ok(()),
    }
}

fn check_weights(path: &Path, key: &str, weights: &Array2<f64>) -> Result<()> {
    match weights.iter().find(|weight| **weight < 0.0) {
        Some(weight) => Err(Error::unexpected(path, key, "weights of at least 0", weight)),
        None if weights.iter().all(|weight| *weight == 0.0) => {
            Err(Error::unexpected(path, key, "weights above 0", "zeros only: nothing would count"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trajectory() -> TrajectoryFile {
        let positions = Array3::from_shape_fn((3, 4, 2), |(i, s, a)| (i * 8 + s * 2 + a) as f64 / 48.0 - 0.25);
        TrajectoryFile { positions, weights: Some(Array2::from_shape_fn((1, 4), |(_, s)| s as f64)) }
    }

    #[test]
    fn round_trips() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["traj_dcf.mat", "trajectory.npz"] {
            let path = folder.path().join(name);
            trajectory().write(&path).unwrap();
            assert_eq!(TrajectoryFile::read(&path).unwrap(), trajectory());
        }
        let bare = TrajectoryFile { weights: None, ..trajectory() };
        bare.write(folder.path().join("bare.npz")).unwrap();
        assert_eq!(TrajectoryFile::read(folder.path().join("bare.npz")).unwrap(), bare);
        assert!(matches!(bare.write(folder.path().join("bare.mat")), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn positions_of_a_volume_have_three_columns() {
        let folder = tempfile::tempdir().unwrap();
        let positions = Array3::from_shape_fn((3, 4, 3), |(i, s, a)| (i * 12 + s * 3 + a) as f64 / 72.0 - 0.25);
        let of_volume = TrajectoryFile { positions, ..trajectory() };
        for name in ["traj_dcf.mat", "trajectory.npz"] {
            let path = folder.path().join(name);
            of_volume.write(&path).unwrap();
            assert_eq!(TrajectoryFile::read(&path).unwrap(), of_volume);
        }
        let path = folder.path().join("four.npz");
        TrajectoryFile { positions: Array3::zeros((3, 4, 4)), weights: None }.write(&path).unwrap();
        let message = TrajectoryFile::read(&path).unwrap_err().to_string();
        assert!(message.contains("key `trajectory`: expected real (interleave, sample, 2 or 3)"), "{message}");
    }

    #[test]
    fn the_edge_is_reached_by_rounding() {
        let folder = tempfile::tempdir().unwrap();
        for (name, beyond) in [("t.npz", f64::from(0.5f32) + 6e-8), ("t.MAT", -0.500_000_000_000_000_1)] {
            let mut rounded = trajectory();
            rounded.positions[[2, 1, 0]] = beyond;
            rounded.write(folder.path().join(name)).unwrap();
            let read = TrajectoryFile::read(folder.path().join(name)).unwrap();
            assert_eq!(read.positions[[2, 1, 0]], 0.5f64.copysign(beyond));
        }
    }

    #[test]
    fn arrays_of_zeros_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traj.npz");
        let nothing = TrajectoryFile { weights: Some(Array2::zeros((1, 4))), ..trajectory() };
        nothing.write(&path).unwrap();
        assert!(TrajectoryFile::read(&path).unwrap_err().to_string().contains("key `weights`"));
        TrajectoryFile { positions: Array3::zeros((3, 4, 2)), ..trajectory() }.write(&path).unwrap();
        assert!(TrajectoryFile::read(&path).unwrap_err().to_string().contains("key `trajectory`"));
        assert!(matches!(trajectory().write(folder.path().join("t.csv")), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn refuses_positions_beyond_half_and_negative_weights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traj.npz");
        let mut beyond = trajectory();
        beyond.positions[[2, 1, 0]] = 31.0;
        beyond.write(&path).unwrap();
        let message = TrajectoryFile::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("key `trajectory`: expected positions in cycles per pixel within [-1/2, 1/2], got 31")
        );
        let mut negative = trajectory();
        negative.weights = Some(Array2::from_elem((3, 4), -1.0));
        negative.write(&path).unwrap();
        assert!(TrajectoryFile::read(&path).unwrap_err().to_string().contains("key `weights`"));
        negative.weights = Some(Array2::ones((2, 4)));
        negative.write(&path).unwrap();
        assert!(TrajectoryFile::read(&path).unwrap_err().to_string().contains("expected [4] or [3, 4]"));
    }
}
