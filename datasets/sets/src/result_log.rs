//! The Python MRF-DiPh code's log of every step.

use std::path::Path;

use diph_formats::{Error, Result, write_atomically};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "log_res.csv";

/// One row of `log_res.csv`: errors after one step on one slice, as fractions, not percent. Empty where not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResultLogRow {
    /// Step, counted down from their number to 1.
    pub iteration: usize,
    /// Number of the volume.
    pub vol: usize,
    /// Number of the slice.
    pub slice: usize,
    /// Coupling to the physics.
    pub gamma: f64,
    /// Coupling to the prior.
    pub lmbda: f64,
    /// Share of fresh noise.
    pub xi: f64,
    /// Mean absolute relative error of T1 in the mask.
    pub mape_t1: Option<f64>,
    /// Mean absolute relative error of T2 in the mask.
    pub mape_t2: Option<f64>,
    /// Error of the projected image.
    pub nrmse_zt: Option<f64>,
    /// Error of the prior's output.
    pub nrmse_xtilda: Option<f64>,
    /// Error of the data-consistent image.
    pub nrmse_xhat: Option<f64>,
    /// k-space error of the projected image.
    pub nrmse_kspace_zt: Option<f64>,
    /// k-space error of the prior's output.
    pub nrmse_kspace_xtilda: Option<f64>,
    /// k-space error of the data-consistent image.
    pub nrmse_kspace_xhat: Option<f64>,
}

impl ResultLogRow {
    /// Reads all rows of a log. Columns are found by their names, others are left out.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`] or [`Error::Malformed`].
    pub fn read_all(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let path = path.as_ref();
        let bytes = diph_formats::read_file(path).map_err(|source| Error::read(path, source))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
        reader.deserialize().collect::<Result<_, _>>().map_err(|error| Error::malformed(path, FORMAT, error))
    }

    /// Writes a log.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_all(path: impl AsRef<Path>, rows: &[Self]) -> Result<()> {
        write_atomically(path.as_ref(), |file| {
            let mut writer = csv::Writer::from_writer(file);
            for row in rows {
                writer.serialize(row)?;
            }
            writer.flush()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log_res.csv");
        let row = ResultLogRow { iteration: 30, slice: 5, gamma: 0.01, mape_t1: Some(0.25), ..Default::default() };
        ResultLogRow::write_all(&path, &[row.clone(), row.clone()]).unwrap();
        assert_eq!(ResultLogRow::read_all(&path).unwrap(), [row.clone(), row]);
        let text = std::fs::read_to_string(&path).unwrap();
        let header = "iteration,vol,slice,gamma,lmbda,xi,mape_t1,mape_t2,nrmse_zt,nrmse_xtilda,nrmse_xhat,\
                      nrmse_kspace_zt,nrmse_kspace_xtilda,nrmse_kspace_xhat\n";
        assert!(text.starts_with(header), "{text}");
    }

    #[test]
    fn finds_columns_by_name_and_refuses_garbage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log_res.csv");
        std::fs::write(&path, "extra, xi, iteration, vol, slice, gamma, lmbda\n9, 1.0, 3, 0, 5, 0.01, 1e-4\n").unwrap();
        let rows = ResultLogRow::read_all(&path).unwrap();
        assert_eq!((rows[0].iteration, rows[0].lmbda, rows[0].mape_t1), (3, 1e-4, None));
        std::fs::write(&path, "iteration,vol\n1,x\n").unwrap();
        assert!(matches!(ResultLogRow::read_all(&path), Err(Error::Malformed { .. })));
    }
}
