//! An ISMRMRD file.

use std::path::Path;

use ndarray::Array2;
use num_complex::Complex32;

use super::{Counters, IsmrmrdHeader, Readout};
use crate::hdf5::{Hdf5File, Records};
use crate::{Error, Result};

const FORMAT: &str = "ISMRMRD file";

/// Groups that a file may be nested in.
const DEEPEST: usize = 3;

/// An ISMRMRD file. Header and readouts are read when it is opened, samples when they are asked for.
///
/// Where a field stands in a record is what the file says: Python's writer packs records to 372 bytes, that of C++ aligns them to 376.
pub struct IsmrmrdFile {
    file: Hdf5File,
    group: String,
    header: IsmrmrdHeader,
    readouts: Vec<Readout>,
}

impl IsmrmrdFile {
    /// Names of the groups that hold a measurement; none where it is another file of HDF5.
    ///
    /// # Errors
    /// As [`Hdf5File::open`].
    pub fn groups(path: &Path) -> Result<Vec<String>> {
        Self::groups_of(&Hdf5File::open(path)?)
    }

    fn groups_of(file: &Hdf5File) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        file.walk(&file.root()?, "", DEEPEST, &mut |key, _| keys.push(key))?;
        let has = |key: String| keys.contains(&key);
        let group =
            |key: &String| key.strip_suffix("/xml").filter(|group| has(format!("{group}/data"))).map(str::to_owned);
        Ok(keys.iter().filter_map(group).collect())
    }

    /// Reads header and readouts of a measurement; `group` may be left out where the file holds one.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`]; [`Error::MissingKey`] for a group that is not there, [`Error::Unsupported`] where several are
    /// and none is named; [`Error::Malformed`] and [`Error::Unexpected`] when header or table are not those of the format.
    pub fn open(path: &Path, group: Option<&str>) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        let groups = Self::groups_of(&file)?;
        let group = match (group.map(|group| group.trim_matches('/')), &groups[..]) {
            (Some(group), _) if groups.iter().any(|there| there == group) => group.to_owned(),
            (None, [only]) => only.clone(),
            (None, [first, ..]) => {
                let name = path.file_name().unwrap_or_default().display();
                return Err(Error::Unsupported {
                    path: path.into(),
                    found: format!("a file of {} measurements where one is needed", groups.len()),
                    advice: format!("name one, for example `{name}:{first}`: {}", groups.join(", ")),
                });
            }
            (group, _) => {
                let key = format!("{} with `xml` and `data`", group.unwrap_or("a group"));
                return Err(Error::MissingKey { path: path.into(), key, available: groups });
            }
        };
        let xml = file.text(&format!("{group}/xml"))?;
        let header = IsmrmrdHeader::parse(&xml)
            .map_err(|problem| Error::malformed(path, FORMAT, format!("key `{group}/xml`: {problem}")))?;
        let readouts = read_table(&Records::read(&file, &format!("{group}/data"))?)?;
        Ok(Self { file, group, header, readouts })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The group of the measurement.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The header.
    pub fn header(&self) -> &IsmrmrdHeader {
        &self.header
    }

    /// All readouts in the order of the file.
    pub fn readouts(&self) -> &[Readout] {
        &self.readouts
    }

    /// Samples (channel, sample) of readouts and their trajectories (sample, column), each shown as it is read. Samples to be discarded
    /// are left out; those of a reversed readout are in the order in which they were taken.
    ///
    /// # Errors
    /// [`Error::Malformed`] where a record leads to nowhere or has another number of values than it says, [`Error::NotFinite`] for a NaN
    /// or an infinity; what `show` fails with.
    pub fn read<E: From<Error>>(
        &self,
        readouts: &[&Readout],
        mut show: impl FnMut(&Readout, Array2<Complex32>, Array2<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = format!("{}/data", self.group);
        let table = Records::read(&self.file, &key)?;
        let (data, trajectory) = (table.sequence("data")?, table.sequence("traj")?);
        for readout in readouts {
            let kept = readout.kept();
            let wrong = |what: &str, expected: usize, got: usize| {
                let problem = format!("key `{key}`: record {}: expected {expected} {what}, got {got}", readout.record);
                Error::malformed(self.path(), FORMAT, problem)
            };
            let values = table.numbers(readout.record, data)?;
            let expected = readout.samples.saturating_mul(readout.channels).saturating_mul(2);
            if values.len() != expected || kept.is_empty() || readout.channels == 0 {
                return Err(wrong("numbers of samples", expected, values.len()).into());
            }
            let positions = table.numbers(readout.record, trajectory)?;
            let columns = readout.trajectory_dimensions;
            if positions.len() != readout.samples.saturating_mul(columns) {
                return Err(wrong("numbers of positions", readout.samples * columns, positions.len()).into());
            }
            if let Some(at) = values.iter().chain(&positions).position(|value| !value.is_finite()) {
                let index = vec![readout.record, at];
                return Err(Error::NotFinite { path: self.path().into(), key, index }.into());
            }
            let samples = Array2::from_shape_fn((readout.channels, kept.len()), |(channel, sample)| {
                let at = 2 * (channel * readout.samples + kept.start + sample);
                Complex32::new(values[at], values[at + 1])
            });
            let positions = Array2::from_shape_fn((kept.len(), columns), |(sample, column)| {
                positions[(kept.start + sample) * columns + column]
            });
            show(readout, samples, positions)?;
        }
        Ok(())
    }
}

fn read_table(table: &Records<'_>) -> Result<Vec<Readout>> {
    let number = |name: &str| table.field(&format!("head.{name}"), 1);
    let vector = |name: &str| table.field(&format!("head.{name}"), 3);
    let counter = |name: &str| table.field(&format!("head.idx.{name}"), 1);
    let (flags, samples, channels) = (number("flags")?, number("number_of_samples")?, number("active_channels")?);
    let (pre, post, center) = (number("discard_pre")?, number("discard_post")?, number("center_sample")?);
    let (encoding, dimensions, dwell) =
        (number("encoding_space_ref")?, number("trajectory_dimensions")?, number("sample_time_us")?);
    let (position, read, phase, slice) =
        (vector("position")?, vector("read_dir")?, vector("phase_dir")?, vector("slice_dir")?);
    let names = [
        "kspace_encode_step_1",
        "kspace_encode_step_2",
        "average",
        "slice",
        "contrast",
        "phase",
        "repetition",
        "set",
        "segment",
    ];
    let counters = names.map(counter).into_iter().collect::<Result<Vec<_>>>()?;
    let readout = |record: usize| {
        let count = |field| usize::try_from(table.integer(record, field)).unwrap_or(usize::MAX);
        let index = |at: usize| count(counters[at]);
        Readout {
            record,
            flags: table.integer(record, flags) as u64,
            samples: count(samples),
            channels: count(channels),
            discard_pre: count(pre),
            discard_post: count(post),
            center_sample: count(center),
            encoding: count(encoding),
            trajectory_dimensions: count(dimensions),
            dwell_time: table.reals::<1>(record, dwell)[0] * 1e-6,
            position: table.reals(record, position),
            read_direction: table.reals(record, read),
            phase_direction: table.reals(record, phase),
            slice_direction: table.reals(record, slice),
            counters: Counters {
                step_1: index(0),
                step_2: index(1),
                average: index(2),
                slice: index(3),
                contrast: index(4),
                phase: index(5),
                repetition: index(6),
                set: index(7),
                segment: index(8),
            },
        }
    };
    Ok((0..table.len()).map(readout).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NpzFile;
    use crate::ReadoutFlag;
    use ndarray::{Ix3, Ix4};
    use proptest::prelude::*;

    fn peer(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers").join(name)
    }

    #[test]
    fn records_of_372_bytes_as_python_writes_them() {
        let file = IsmrmrdFile::open(&peer("ismrmrd_python.h5"), None).unwrap();
        assert_eq!((file.group(), file.readouts().len()), ("fingerprints", 18));
        let imaging: Vec<&Readout> = file.readouts().iter().filter(|readout| readout.is_imaging()).collect();
        assert_eq!(imaging.len(), 12);
        assert!(file.readouts()[0].is(ReadoutFlag::Noise));
        assert!((imaging[0].dwell_time - 2.5e-6).abs() < 1e-12);
        assert_eq!(imaging[0].position, [1.0, 2.0, 31.0]);
        let mut written = NpzFile::open(peer("ismrmrd_python.npz")).unwrap();
        let kspace = written.array::<Complex32, Ix4>("kspace", "(slice, coil, frame, sample)").unwrap();
        let trajectory = written.array::<f32, Ix3>("trajectory", "(frame, sample, column)").unwrap();
        let mut shown = 0;
        let compare = |readout: &Readout, samples: Array2<Complex32>, positions: Array2<f32>| {
            let Counters { slice, repetition, step_1, .. } = readout.counters;
            for ((coil, sample), value) in samples.indexed_iter() {
                assert_eq!(*value, kspace[[slice, coil, repetition, 8 * step_1 + sample]]);
            }
            for ((sample, column), value) in positions.indexed_iter() {
                assert_eq!(*value, trajectory[[repetition, 8 * step_1 + sample, column]]);
            }
            shown += samples.len();
            Ok::<(), Error>(())
        };
        file.read(&imaging, compare).unwrap();
        assert_eq!(shown, kspace.len());
    }

    #[test]
    fn records_of_376_bytes_as_cpp_writes_them() {
        let file = IsmrmrdFile::open(&peer("ismrmrd_cpp.h5"), Some("/dataset")).unwrap();
        assert_eq!(file.readouts().len(), 33);
        assert!(file.readouts()[0].is(ReadoutFlag::Noise));
        let line = &file.readouts()[5];
        assert_eq!((line.samples, line.channels, line.center_sample, line.counters.step_1), (32, 2, 16, 4));
        let encoding = &file.header().encodings[0];
        assert_eq!((encoding.encoded.matrix, encoding.recon.matrix), ([32, 16, 1], [16, 16, 1]));
        let message = IsmrmrdFile::open(&peer("ismrmrd_cpp.h5"), Some("scan")).err().unwrap().to_string();
        assert!(message.contains("`dataset`"), "{message}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn garbled_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
            let mut bytes = std::fs::read(peer("ismrmrd_python.h5")).unwrap();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("garbled.h5");
            std::fs::write(&path, bytes).unwrap();
            if let Ok(file) = IsmrmrdFile::open(&path, None) {
                let all: Vec<&Readout> = file.readouts().iter().collect();
                let _ = file.read(&all, |_, _, _| Ok::<(), Error>(()));
            }
            let _ = Hdf5File::open(&path).and_then(|file| file.entry("fingerprints/image"));
        }
    }
}
