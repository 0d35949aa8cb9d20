//! What a file is, in words: for users who got it from somebody else.

mod sequence;

use std::collections::BTreeSet;
use std::path::Path;

use diph_formats::{AnyArray, ArrayLocation, CflFile, Hdf5File, IsmrmrdFile, Readout, ReadoutFlag};
use num_complex::Complex32;
use serde::Serialize;

use crate::{DatasetFolder, DictionaryFile, PositionUnit, Result, TrajectoryFile, is_pulseq};

/// What a file is, what it says, and what a reconstruction would need beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FileDescription {
    /// What the file is.
    pub what: String,
    /// What it says: a name and its value, in order.
    pub facts: Vec<(String, String)>,
    /// What a reconstruction needs and the file does not have.
    pub missing: Vec<String>,
    /// A command to go on with; words in capitals stand for files that are missing.
    pub command: Option<String>,
}

impl FileDescription {
    /// Looks at a file or a data folder.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) when it cannot be read, or is of no format that is known.
    pub fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return of_folder(path);
        }
        if is_pulseq(path) {
            return sequence::of_sequence(path);
        }
        if Hdf5File::is_at(path) {
            let groups = IsmrmrdFile::groups(path)?;
            if let Some(first) = groups.first() {
                return of_scan(path, &groups, first);
            }
        }
        if !CflFile::is_named_by(path) {
            if let Ok(trajectory) = TrajectoryFile::read(path) {
                return Ok(of_trajectory(path, &trajectory));
            }
            if let Ok(dictionary) = DictionaryFile::read(path) {
                return Ok(of_dictionary(path, &dictionary));
            }
        }
        of_arrays(path)
    }

    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.into(), value.to_string()));
    }
}

fn of_folder(path: &Path) -> Result<FileDescription> {
    let folder = DatasetFolder::open(path)?;
    let mut description = FileDescription::new("data folder in the layout of the Python MRF-DiPh code");
    let maps = folder.slices_with_maps()?;
    description.fact("slices with maps", maps.len());
    let mut cuts = Vec::new();
    for cut in 0..5 {
        let slices = folder.slices_with_kspace(cut)?;
        if !slices.is_empty() {
            description.fact(&format!("slices with k-space of cut {cut}"), slices.len());
            cuts.push(cut);
        }
    }
    let (trajectory, cut) = (folder.trajectory_path()?, cuts.first().copied());
    match trajectory.exists() {
        true => description.fact("trajectory", trajectory.display()),
        false => description.missing.push(format!("trajectory: {}", trajectory.display())),
    }
    let Some(cut) = cut else {
        description.missing.push("k-space in `synthesized_ksp`; `--simulate` makes it up from maps".into());
        return Ok(description);
    };
    let dictionary = folder.dictionary_path(cut)?;
    match dictionary.exists() {
        true => description.fact("dictionary", dictionary.display()),
        false => description.missing.push(format!("dictionary: {}", dictionary.display())),
    }
    description.command = Some(format!(
        "diph recon --dataset {} --cut {cut} --method lrtv --out results",
        quoted(&path.display().to_string())
    ));
    Ok(description)
}

fn of_trajectory(path: &Path, file: &TrajectoryFile) -> FileDescription {
    let (interleaves, samples, axes) = file.positions.dim();
    let mut description = FileDescription::new("trajectory in Diph's convention");
    description.fact("interleaves", interleaves);
    description.fact("samples in each", samples);
    description.fact("columns", if axes == 2 { "ky, kx" } else { "kz, ky, kx" });
    description.fact("unit", PositionUnit::CyclesPerPixel);
    description
        .fact("density compensation", if file.weights.is_some() { "there" } else { "computed when it is needed" });
    description.missing = vec!["k-space".into(), "dictionary".into()];
    description.command = Some(recon("KSPACE.npy", &["--trajectory", &quoted(&path.display().to_string())], true));
    description
}

fn of_dictionary(path: &Path, file: &DictionaryFile) -> FileDescription {
    let mut description = FileDescription::new("dictionary of fingerprints");
    description.fact("atoms", file.lut.nrows());
    description.fact("frames", file.v.nrows());
    description.fact("coefficients", file.v.ncols());
    for (parameter, values) in file.parameters.iter().zip(file.lut.columns()) {
        let most = values.iter().fold(f64::NEG_INFINITY, |most, value| most.max(*value));
        let least = values.iter().fold(f64::INFINITY, |least, value| least.min(*value));
        description.fact(&parameter.name, format!("{least} to {most} {}", parameter.unit).trim_end());
    }
    description.missing = vec!["k-space".into(), "trajectory".into()];
    let command = recon("KSPACE.npy", &["--trajectory", "TRAJECTORY.npy"], true);
    description.command = Some(command.replace("DICTIONARY.npz", &quoted(&path.display().to_string())));
    description
}

fn of_scan(path: &Path, groups: &[String], group: &str) -> Result<FileDescription> {
    let file = IsmrmrdFile::open(path, Some(group))?;
    let mut description = FileDescription::new("ISMRMRD raw data");
    description.fact("measurements", groups.join(", "));
    let (header, readouts) = (file.header(), file.readouts());
    let imaging: Vec<&Readout> = readouts.iter().filter(|readout| readout.is_imaging()).collect();
    description.fact("readouts of the image", imaging.len());
    let noise = readouts.iter().filter(|readout| readout.is(ReadoutFlag::Noise)).count();
    description.fact("readouts of noise", noise);
    description.fact("other readouts, left out", readouts.len() - imaging.len() - noise);
    if let Some(first) = imaging.first() {
        description.fact("receivers", first.channels);
        description.fact("samples", first.kept().len());
        description.fact("dwell time", format!("{:.3} µs", first.dwell_time * 1e6));
        description.fact("centre of the first slice", format!("{:?} mm", first.position));
        description.fact("slice direction", format!("{:?}", first.slice_direction));
    }
    for (name, values) in counters(&imaging) {
        if values > 1 {
            description.fact(&format!("counter {name}"), format!("{values} values"));
        }
    }
    for encoding in &header.encodings {
        let [x, y, z] = encoding.recon.matrix;
        let [width, height, depth] = encoding.recon.field_of_view;
        description.fact("image", format!("{z} x {y} x {x}, {depth} x {height} x {width} mm (z, y, x)"));
        description.fact("trajectory", &encoding.trajectory);
    }
    for (name, values, unit) in [
        ("TR", &header.repetition_times, "ms"),
        ("TE", &header.echo_times, "ms"),
        ("TI", &header.inversion_times, "ms"),
        ("flip angle", &header.flip_angles, "degrees"),
    ] {
        match values[..] {
            [] => (),
            [only] => description.fact(name, format!("{only} {unit}")),
            [first, ..] => description.fact(name, format!("{} values from {first} {unit}", values.len())),
        }
    }
    let columns = imaging.first().map_or(0, |readout| readout.trajectory_dimensions);
    let is_cartesian = header.encodings.first().is_some_and(|encoding| encoding.trajectory == "cartesian");
    let mut flags: Vec<&str> = Vec::new();
    match columns {
        0 if is_cartesian => description.fact("positions", "from the counters"),
        0 => {
            description.missing.push("trajectory".into());
            flags.extend(["--trajectory", "TRAJECTORY.npy"]);
        }
        count => description.fact("positions", format!("embedded, {count} columns")),
    }
    let usual = counters(&imaging).into_iter().filter(|(name, values)| *values > 1 && USUAL.contains(name)).count();
    if usual != 1 {
        description.missing.push("which counter tells the frames apart".into());
        flags.extend(["--frame-counter", "COUNTER"]);
    }
    description.missing.push("dictionary".into());
    let name = path.display().to_string();
    let kspace = if groups.len() == 1 { name } else { format!("{name}:{group}") };
    description.command = Some(recon(&quoted(&kspace), &flags, false));
    Ok(description)
}

/// Counters that may tell frames apart where the user names none.
const USUAL: [&str; 4] = ["repetition", "contrast", "set", "phase"];

fn counters(imaging: &[&Readout]) -> Vec<(&'static str, usize)> {
    let distinct =
        |of: &dyn Fn(&Readout) -> usize| imaging.iter().map(|readout| of(readout)).collect::<BTreeSet<_>>().len();
    vec![
        ("repetition", distinct(&|readout| readout.counters.repetition)),
        ("contrast", distinct(&|readout| readout.counters.contrast)),
        ("set", distinct(&|readout| readout.counters.set)),
        ("phase", distinct(&|readout| readout.counters.phase)),
        ("segment", distinct(&|readout| readout.counters.segment)),
        ("average", distinct(&|readout| readout.counters.average)),
        ("slice", distinct(&|readout| readout.counters.slice)),
        ("step-1", distinct(&|readout| readout.counters.step_1)),
        ("step-2", distinct(&|readout| readout.counters.step_2)),
    ]
}

fn of_arrays(path: &Path) -> Result<FileDescription> {
    let keys = ArrayLocation::keys(path)?;
    let mut description = FileDescription::new(match CflFile::is_named_by(path) {
        true => "array of BART".into(),
        false => format!("file of {} arrays", keys.len().max(1)),
    });
    if CflFile::is_named_by(path) {
        description.fact("dimensions of BART", format!("{:?}", CflFile::open(path)?.dimensions()));
    }
    let locations = match keys.is_empty() {
        true => vec![ArrayLocation::of_file(path)],
        false => keys.into_iter().map(|key| ArrayLocation { path: path.into(), key: Some(key) }).collect(),
    };
    let (mut kspace, mut trajectory) = (None, None);
    for location in locations {
        let entry = match location.read() {
            Ok(entry) => entry,
            Err(error) => {
                description.fact(&location.to_string(), error);
                continue;
            }
        };
        let (shape, name) = (entry.array.shape().to_vec(), location.to_string());
        let is_complex = matches!(entry.array, AnyArray::Complex32(_) | AnyArray::Complex64(_));
        description.fact(&name, &entry.array);
        let has_columns = shape.len() > 1 && shape.iter().any(|length| matches!(length, 2 | 3));
        let Ok(values) = entry.read::<Complex32, ndarray::IxDyn>("any") else { continue };
        let most = values.iter().fold(0.0f32, |most, value| most.max(value.norm()));
        let is_real = values.iter().all(|value| value.im == 0.0);
        if is_real && has_columns && (CflFile::is_named_by(path) || !is_complex) {
            description.fact("  as positions", format!("up to {most}: {}", units(f64::from(most))));
            trajectory.get_or_insert(name);
        } else if is_complex && shape.iter().filter(|length| **length > 1).count() > 1 {
            description.fact("  as k-space", format!("axes {shape:?}, largest value {most:.4}"));
            kspace.get_or_insert(name);
        }
    }
    if kspace.is_none() && trajectory.is_none() {
        return Ok(description);
    }
    if kspace.is_none() {
        description.missing.push("k-space".into());
    }
    if trajectory.is_none() {
        description.missing.push("trajectory".into());
    }
    description.missing.extend(["dictionary".into(), "size of the image".into()]);
    let (kspace, trajectory) = (
        kspace.map_or("KSPACE.npy".into(), |name| quoted(&name)),
        trajectory.map_or("TRAJECTORY.npy".into(), |name| quoted(&name)),
    );
    description.command = Some(recon(&kspace, &["--trajectory", &trajectory], true));
    Ok(description)
}

fn units(most: f64) -> &'static str {
    match most {
        most if most <= 0.5001 => "cycles-per-pixel",
        most if most <= 3.1417 => "radians, or grid of a small image",
        _ => "grid or 1/m",
    }
}

fn recon(kspace: &str, flags: &[&str], needs_size: bool) -> String {
    let size = if needs_size { " --image-size HEIGHTxWIDTH" } else { "" };
    let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
    format!("diph recon --kspace {kspace}{flags} --dictionary DICTIONARY.npz{size} --method lrtv --out results")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-:".contains(character);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
