//! Raw data of a scanner, whatever the format.

use std::path::Path;

use ndarray::Array2;
use num_complex::Complex32;

use crate::ismrmrd::{IsmrmrdFile, IsmrmrdHeader, Readout};
use crate::{ArrayLocation, Error, Hdf5File, Result, TwixFile};

/// One measurement of raw data: readouts with their counters, and what its header says in the words of ISMRMRD.
pub enum RawData {
    /// ISMRMRD (`.h5`).
    Ismrmrd(IsmrmrdFile),
    /// Siemens twix (`.dat`).
    Twix(TwixFile),
}

impl RawData {
    /// Whether a location is a measurement of raw data, and no array of a file.
    ///
    /// # Errors
    /// Those of an HDF5 file that cannot be read.
    pub fn is_at(location: &ArrayLocation) -> Result<bool> {
        if TwixFile::is_at(&location.path) {
            return Ok(true);
        }
        if !Hdf5File::is_at(&location.path) {
            return Ok(false);
        }
        let groups = IsmrmrdFile::groups(&location.path)?;
        Ok(match &location.key {
            Some(key) => groups.iter().any(|group| group == key.trim_matches('/')),
            None => !groups.is_empty(),
        })
    }

    /// Opens the measurement that a location names: by its group in ISMRMRD files, by its number from 0 in twix files.
    ///
    /// # Errors
    /// As [`IsmrmrdFile::open`] and [`TwixFile::open`].
    pub fn open(location: &ArrayLocation) -> Result<Self> {
        let (path, key) = (&location.path, location.key.as_deref());
        Ok(match TwixFile::is_at(path) {
            true => Self::Twix(TwixFile::open(path, key)?),
            false => Self::Ismrmrd(IsmrmrdFile::open(path, key)?),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Ismrmrd(file) => file.path(),
            Self::Twix(file) => file.path(),
        }
    }

    /// What messages call a part of the measurement, such as `data` or `xml`.
    pub fn key(&self, part: &str) -> String {
        match self {
            Self::Ismrmrd(file) => format!("{}/{part}", file.group()),
            Self::Twix(file) => format!("measurement {}, {part}", file.measurement()),
        }
    }

    /// The header.
    pub fn header(&self) -> &IsmrmrdHeader {
        match self {
            Self::Ismrmrd(file) => file.header(),
            Self::Twix(file) => file.header(),
        }
    }

    /// All readouts in the order of the file.
    pub fn readouts(&self) -> &[Readout] {
        match self {
            Self::Ismrmrd(file) => file.readouts(),
            Self::Twix(file) => file.readouts(),
        }
    }

    /// Samples (channel, sample) and embedded positions (sample, column) of readouts, each shown as it is read.
    ///
    /// # Errors
    /// As [`IsmrmrdFile::read`] and [`TwixFile::read`], and those of `show`.
    pub fn read<E: From<Error>>(
        &self,
        readouts: &[&Readout],
        show: impl FnMut(&Readout, Array2<Complex32>, Array2<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Ismrmrd(file) => file.read(readouts, show),
            Self::Twix(file) => file.read(readouts, show),
        }
    }
}
