//! A twix file.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use num_complex::Complex32;

use super::line::{Layout, Line};
use super::protocol::Protocol;
use crate::{Error, IsmrmrdHeader, Readout, Result, open_file};

const FORMAT: &str = "twix file";

/// The most measurements of one file, as the table at its beginning has it.
const MOST_MEASUREMENTS: u32 = 64;

/// Bytes of an entry of that table, and of what comes before.
const ENTRY: u64 = 152;
const BEFORE_ENTRIES: u64 = 8;

/// The first word of a file of VB is the length of its header, which is longer than this; that of VD is smaller.
const SHORTEST_HEADER: u32 = 10_000;

/// A twix file of which one measurement is read. Header and lines are read when it is opened, samples when they are asked for.
///
/// What a line says is told in the words of ISMRMRD, so that both formats are one to whoever reconstructs.
pub struct TwixFile {
    path: PathBuf,
    layout: Layout,
    measurement: usize,
    measurements: usize,
    header: IsmrmrdHeader,
    readouts: Vec<Readout>,
    /// Beginning of every readout's line in the file.
    offsets: Vec<u64>,
}

impl TwixFile {
    /// Whether a file is raw data of Siemens: its name ends in `.dat`, and its first words are those of either version.
    pub fn is_at(path: &Path) -> bool {
        let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dat"));
        named && open_file(path).is_ok_and(|mut file| layout_of(&mut file).is_ok_and(|layout| layout.is_some()))
    }

    /// Opens a measurement by its number, from 0. Without a number it is the last: those before are adjustments.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`]; [`Error::MissingKey`] for a measurement that is not there, [`Error::Malformed`] when the
    /// file is no twix file, ends in the middle of a header, or has no protocol.
    pub fn open(path: &Path, measurement: Option<&str>) -> Result<Self> {
        let file = open_file(path).map_err(|source| Error::read(path, source))?;
        let measurements = match Self::parse(path, BufReader::new(file), measurement)? {
            Ok(file) => return Ok(file),
            Err(measurements) => measurements,
        };
        let key = format!("measurement {}", measurement.unwrap_or_default());
        let available = (0..measurements).map(|number| number.to_string()).collect();
        Err(Error::MissingKey { path: path.into(), key, available })
    }

    /// Opens a measurement in bytes of any origin, which `path` stands for in messages; the number of measurements where the one that is
    /// asked for is not among them.
    fn parse(path: &Path, mut bytes: impl Read + Seek, measurement: Option<&str>) -> Result<Result<Self, usize>> {
        let read = |source| Error::read(path, source);
        let wrong = |problem: &str| Error::malformed(path, FORMAT, problem);
        let end = bytes.seek(SeekFrom::End(0)).map_err(read)?;
        let layout = layout_of(&mut bytes).map_err(read)?;
        let layout = layout.ok_or_else(|| wrong("its first words are those of neither VB nor VD"))?;
        let spans = match layout {
            Layout::Vb => vec![(0, end)],
            Layout::Vd => spans(&mut bytes, end).map_err(read)?,
        };
        let number = match measurement {
            None => Some(spans.len().saturating_sub(1)),
            Some(word) => word.trim_matches('/').parse().ok(),
        };
        let Some((measurement, &(start, end))) = number.and_then(|at| Some((at, spans.get(at)?))) else {
            return Ok(Err(spans.len()));
        };
        let length = u64::from(word(&mut bytes, start).map_err(read)?);
        if length < BEFORE_ENTRIES || start.saturating_add(length) > end {
            return Err(wrong("the header of a measurement is longer than the measurement"));
        }
        let mut header = Vec::new();
        bytes.seek(SeekFrom::Start(start)).map_err(read)?;
        bytes.by_ref().take(length).read_to_end(&mut header).map_err(read)?;
        let protocol = Protocol::find(&header).ok_or_else(|| wrong("the header has no protocol (ASCCONV)"))?;
        let (mut readouts, mut offsets, mut center) = (Vec::new(), Vec::new(), [0, 0]);
        let mut at = start + length;
        let mut head = vec![0; layout.header()];
        while at + head.len() as u64 <= end {
            bytes.seek(SeekFrom::Start(at)).map_err(read)?;
            bytes.read_exact(&mut head).map_err(read)?;
            let line = Line::of(&head, layout, readouts.len());
            let next = at.saturating_add(line.length(layout));
            // An interrupted scan ends in the middle of a line.
            if line.is_end() || next > end || next < at + head.len() as u64 {
                break;
            }
            if line.is_readout() {
                let mut readout = line.readout.clone();
                readout.dwell_time = protocol.dwell_time();
                if readout.is_imaging() {
                    center = line.center;
                }
                readouts.push(readout);
                offsets.push(at);
            }
            at = next;
        }
        let first = readouts.iter().find(|readout| readout.is_imaging());
        let (samples, receivers) = first.map_or((0, 0), |first| (first.samples, first.channels));
        let header = protocol.header(samples, center, receivers);
        let (path, measurements) = (path.into(), spans.len());
        Ok(Ok(Self { path, layout, measurement, measurements, header, readouts, offsets }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the measurement, from 0.
    pub fn measurement(&self) -> usize {
        self.measurement
    }

    /// Number of measurements of the file.
    pub fn measurements(&self) -> usize {
        self.measurements
    }

    /// `VB`, or `VD or VE`.
    pub fn version(&self) -> &'static str {
        if self.layout == Layout::Vb { "VB" } else { "VD or VE" }
    }

    /// What the protocol says, in the words of ISMRMRD.
    pub fn header(&self) -> &IsmrmrdHeader {
        &self.header
    }

    /// All readouts in the order of the file. Records count readouts only.
    pub fn readouts(&self) -> &[Readout] {
        &self.readouts
    }

    /// Samples (channel, sample) of readouts, each shown as it is read; there are no trajectories. Samples to be discarded are left out;
    /// those of a reversed readout are in the order in which they were taken.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Malformed`] for a readout of another file, [`Error::NotFinite`] for a NaN or an infinity; what `show`
    /// fails with.
    pub fn read<E: From<Error>>(
        &self,
        readouts: &[&Readout],
        mut show: impl FnMut(&Readout, Array2<Complex32>, Array2<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| Error::read(&self.path, source);
        let mut file = BufReader::new(open_file(&self.path).map_err(failed)?);
        for readout in readouts {
            let Some(offset) = self.offsets.get(readout.record) else {
                return Err(Error::malformed(&self.path, FORMAT, format!("it has no record {}", readout.record)).into());
            };
            let kept = readout.kept();
            let mut samples = Array2::zeros((readout.channels, kept.len()));
            file.seek(SeekFrom::Start(offset + self.layout.before_receivers() as u64)).map_err(failed)?;
            let mut bytes = vec![0; self.layout.before_samples() + 8 * readout.samples];
            for mut receiver in samples.outer_iter_mut() {
                file.read_exact(&mut bytes).map_err(failed)?;
                let pairs = bytes[self.layout.before_samples()..].chunks_exact(8);
                for (sample, pair) in receiver.iter_mut().zip(pairs.skip(kept.start)) {
                    let part = |at: usize| f32::from_le_bytes(std::array::from_fn(|byte| pair[at + byte]));
                    *sample = Complex32::new(part(0), part(4));
                }
            }
            if let Some(at) = samples.iter().position(|sample| !sample.is_finite()) {
                let (path, key) = (self.path.clone(), format!("measurement {}", self.measurement));
                return Err(Error::NotFinite { path, key, index: vec![readout.record, at] }.into());
            }
            let none = Array2::zeros((kept.len(), 0));
            show(readout, samples, none)?;
        }
        Ok(())
    }
}

fn word(bytes: &mut (impl Read + Seek), at: u64) -> std::io::Result<u32> {
    let mut word = [0; 4];
    bytes.seek(SeekFrom::Start(at))?;
    bytes.read_exact(&mut word)?;
    Ok(u32::from_le_bytes(word))
}

/// The version by the first two words: lengths of headers are larger than numbers of measurements.
fn layout_of(bytes: &mut (impl Read + Seek)) -> std::io::Result<Option<Layout>> {
    let (Ok(first), Ok(second)) = (word(bytes, 0), word(bytes, 4)) else { return Ok(None) };
    Ok(match (first < SHORTEST_HEADER, (1..=MOST_MEASUREMENTS).contains(&second)) {
        (true, true) => Some(Layout::Vd),
        (false, true) => Some(Layout::Vb),
        _ => None,
    })
}

/// Beginning and end of every measurement, none beyond the end of the file.
fn spans(bytes: &mut (impl Read + Seek), end: u64) -> std::io::Result<Vec<(u64, u64)>> {
    let count = u64::from(word(bytes, 4)?.min(MOST_MEASUREMENTS));
    let long = |bytes: &mut _, at| -> std::io::Result<u64> {
        Ok(u64::from(word(bytes, at)?) | u64::from(word(bytes, at + 4)?) << 32)
    };
    (0..count)
        .map(|entry| {
            let at = BEFORE_ENTRIES + entry * ENTRY + 8;
            let (start, length) = (long(bytes, at)?, long(bytes, at + 8)?);
            // Some writers leave the length of the only measurement at 0.
            let stop = if length == 0 { end } else { start.saturating_add(length).min(end) };
            Ok((start, stop))
        })
        .collect()
}

#[cfg(test)]
mod tests;
