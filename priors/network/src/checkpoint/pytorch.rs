//! State dicts of PyTorch: zip files with a pickle that describes the tensors, and a file for the numbers of each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use diph_formats::open_file;
use zip::{CompressionMethod, ZipArchive};

use super::numbers::{Numbers, widened};
use super::pickle::{Pickle, Value};
use crate::{Error, Result, Tensor};

/// Longest description that is read: those of the largest networks have a few megabytes.
const MAX_PICKLE: u64 = 64 << 20;

/// Dicts inside of dicts that are entered.
const MAX_NESTING: usize = 4;

/// What data-parallel training and the compiler of PyTorch put in front of every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Entries that are known to hold the state dict where a file holds several dicts of tensors, the likeliest first.
const KNOWN_ENTRIES: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// Whether a file is one of PyTorch: a zip archive by its first bytes, which safetensors files never are. The name decides where
/// there is no file, and where it is neither, so that the right reader says what is wrong.
pub fn is_pytorch(path: &Path) -> bool {
    let mut start = [0; 4];
    if open_file(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"PK\x03\x04" {
        return true;
    }
    let is_named = |name: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(name));
    is_named("pt") || is_named("pth")
}

/// The tensors of a state dict, and notes on where in the file it was found.
pub struct StateDict {
    pub tensors: BTreeMap<String, Tensor>,
    pub notes: BTreeMap<String, String>,
}

/// Reads a state dict: the file's own, or that in an entry of it (`state_dict` for example). A prefix `module.` or `_orig_mod.` of all
/// names is left away.
pub fn read(path: &Path) -> Result<StateDict> {
    let fault = |message: String| Error::file(path, format!("not a PyTorch state dict: {message}"));
    let file = open_file(path).map_err(|error| Error::file(path, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| fault(error.to_string()))?;
    let folder = folder(&archive).ok_or_else(|| fault("it has no `data.pkl`".into()))?;
    if let Ok(order) = read_entry(&mut archive, &format!("{folder}byteorder"), 16)
        && order != b"little"
    {
        return Err(fault("its numbers are not in the byte order of this machine".into()));
    }
    let description = read_entry(&mut archive, &format!("{folder}data.pkl"), MAX_PICKLE).map_err(fault)?;
    let pickle = Pickle::parse(&description).map_err(fault)?;
    let (place, entries) = find_tensors(&pickle).map_err(fault)?;
    let (prefix, names) = without_wrappers(&entries);
    let mut storages = Storages { archive, folder, read: BTreeMap::new() };
    let mut tensors = BTreeMap::new();
    for ((_, tensor), name) in entries.iter().zip(names) {
        let tensor = storages.tensor(&pickle, &name, *tensor, path)?;
        tensors.insert(name, tensor);
    }
    let mut notes = BTreeMap::new();
    for (key, value) in [("pytorch_entry", place), ("pytorch_prefix", prefix)] {
        if !value.is_empty() {
            notes.insert(key.to_string(), value);
        }
    }
    Ok(StateDict { tensors, notes })
}

/// The folder of the archive that everything lies in, with a slash at its end.
fn folder(archive: &ZipArchive<File>) -> Option<String> {
    archive.file_names().find_map(|name| name.ok()?.strip_suffix("data.pkl").map(String::from))
}

/// A file of the archive. PyTorch stores files as they are, so that none is larger than the archive.
fn read_entry(archive: &mut ZipArchive<File>, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let entry = archive.by_name(name).map_err(|error| format!("`{name}`: {error}"))?;
    if entry.compression() != CompressionMethod::Stored {
        return Err(format!("`{name}` is compressed, which PyTorch never does"));
    }
    if entry.size() > most {
        return Err(format!("`{name}` has {} bytes, expected at most {most}", entry.size()));
    }
    let mut bytes = Vec::new();
    entry.take(most).read_to_end(&mut bytes).map_err(|error| format!("`{name}`: {error}"))?;
    Ok(bytes)
}

/// Names and values of the tensors, and the entry of the file that they are in, empty where it is the file itself.
fn find_tensors(pickle: &Pickle) -> Result<(String, Vec<(String, usize)>), String> {
    let (mut place, mut dict) = (String::new(), pickle.root());
    for _ in 0..=MAX_NESTING {
        let entries =
            entries(pickle, dict).ok_or("it holds no dict of tensors but another object; save `model.state_dict()`")?;
        let tensors: Vec<_> = entries.iter().filter(|(_, value)| is_tensor(pickle, *value)).cloned().collect();
        if !tensors.is_empty() {
            return Ok((place, tensors));
        }
        let nested: Vec<_> =
            entries.iter().filter(|(_, value)| matches!(pickle.value(*value), Value::Dict(_))).collect();
        let known = KNOWN_ENTRIES.iter().find_map(|known| nested.iter().find(|(name, _)| name == known));
        let (name, value) = match (known, nested.as_slice()) {
            (Some(entry), _) => *entry,
            (None, [only]) => only,
            (None, []) => return Err("it holds no tensors".into()),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
                return Err(format!("it holds no tensors but nested dicts {names:?}; save one of them by itself"));
            }
        };
        place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        dict = *value;
    }
    Err(format!("its tensors are nested deeper than {MAX_NESTING} dicts; save the state dict by itself"))
}

/// The entries of a dict whose keys are texts. What was set twice counts as it was set last.
fn entries(pickle: &Pickle, dict: usize) -> Option<Vec<(String, usize)>> {
    let Value::Dict(entries) = pickle.value(dict) else { return None };
    let named = entries.iter().filter_map(|(key, value)| Some((pickle.text(*key)?.to_string(), *value)));
    let by_name: BTreeMap<String, usize> = named.collect();
    Some(by_name.into_iter().collect())
}

fn is_tensor(pickle: &Pickle, value: usize) -> bool {
    let Value::Call(function, _) = pickle.value(value) else { return false };
    matches!(pickle.value(*function), Value::Global(name) if name.starts_with("torch._utils._rebuild_tensor"))
}

/// What all names begin with, as far as wrappers put it there, and the names without it.
fn without_wrappers(entries: &[(String, usize)]) -> (String, Vec<String>) {
    let mut prefix = String::new();
    loop {
        let begins = |wrapper: &&&str| entries.iter().all(|(name, _)| name[prefix.len()..].starts_with(**wrapper));
        let Some(wrapper) = WRAPPERS.iter().find(begins) else { break };
        prefix += wrapper;
    }
    let names = entries.iter().map(|(name, _)| name[prefix.len()..].to_string()).collect();
    (prefix, names)
}

/// The numbers of an archive.
struct Storages {
    archive: ZipArchive<File>,
    folder: String,
    /// Those that several tensors may share.
    read: BTreeMap<String, Vec<f32>>,
}

impl Storages {
    /// A tensor `_rebuild_tensor_v2(storage, offset, size, stride, ..)` in f32.
    fn tensor(&mut self, pickle: &Pickle, name: &str, call: usize, path: &Path) -> Result<Tensor> {
        let fault = |message: &str| Error::file(path, format!("not a PyTorch state dict: tensor `{name}`: {message}"));
        let Value::Call(_, arguments) = pickle.value(call) else { return Err(fault("no tensor")) };
        let Some([storage, offset, size, stride, ..]) = pickle.sequence(*arguments) else {
            return Err(fault("expected a storage, an offset, a size and strides"));
        };
        let counts = |value: usize| -> Option<Vec<usize>> {
            pickle.sequence(value)?.iter().map(|count| pickle.count(*count)).collect()
        };
        let (Some(offset), Some(shape), Some(strides)) = (pickle.count(*offset), counts(*size), counts(*stride)) else {
            return Err(fault("expected an offset, a size and strides"));
        };
        let Value::Persistent(description) = pickle.value(*storage) else { return Err(fault("expected a storage")) };
        // ("storage", type, key, device, count)
        let Some([_, kind, key, ..]) = pickle.sequence(*description) else { return Err(fault("expected a storage")) };
        let (Value::Global(kind), Some(key)) = (pickle.value(*kind), pickle.text(*key)) else {
            return Err(fault("expected a storage with a type and a key"));
        };
        let numbers = match kind.as_str() {
            "torch.FloatStorage" => Numbers::F32,
            "torch.HalfStorage" => Numbers::F16,
            "torch.BFloat16Storage" => Numbers::Bf16,
            "torch.DoubleStorage" => Numbers::F64,
            other => return Err(Error::TensorDtype { tensor: name.into(), got: other.into() }),
        };
        let values = self.values(key, numbers).map_err(|message| fault(&message))?;
        let values = strided(values, offset, &shape, &strides)
            .ok_or_else(|| fault("its size and strides reach beyond its numbers, or read a number twice"))?;
        Tensor::new(shape, values)
    }

    fn values(&mut self, key: &str, numbers: Numbers) -> Result<&[f32], String> {
        if !self.read.contains_key(key) {
            let bytes = read_entry(&mut self.archive, &format!("{}data/{key}", self.folder), u64::MAX)?;
            self.read.insert(key.into(), widened(&bytes, numbers));
        }
        Ok(&self.read[key])
    }
}

/// The values of a shape in memory with these strides; `None` when they lie outside of it, or there are more than it holds.
fn strided(values: &[f32], offset: usize, shape: &[usize], strides: &[usize]) -> Option<Vec<f32>> {
    if shape.len() != strides.len() {
        return None;
    }
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length))?;
    if count == 0 {
        return Some(Vec::new());
    }
    let reach = shape
        .iter()
        .zip(strides)
        .try_fold(offset, |reach, (length, stride)| reach.checked_add((length - 1).checked_mul(*stride)?))?;
    if reach >= values.len() || count > values.len() {
        return None;
    }
    let mut places = vec![offset];
    for (length, stride) in shape.iter().zip(strides) {
        places = places.iter().flat_map(|place| (0..*length).map(move |index| place + index * stride)).collect();
    }
    Some(places.into_iter().map(|place| values[place]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_followed_inside_of_memory_only() {
        let values: Vec<f32> = (0..6).map(|value| value as f32).collect();
        assert_eq!(strided(&values, 0, &[3, 2], &[1, 3]).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(strided(&values, 4, &[2], &[1]).unwrap(), [4.0, 5.0]);
        assert!(strided(&values, 0, &[0, 3], &[3, 1]).unwrap().is_empty());
        for (offset, shape, strides) in [
            (5, &[2][..], &[1][..]),
            (0, &[2, 4], &[4, 1]),
            (0, &[2], &[usize::MAX]),
            (0, &[usize::MAX, 2], &[0, 0]),
            (0, &[7], &[0]),
            (0, &[2], &[1, 1]),
        ] {
            assert!(strided(&values, offset, shape, strides).is_none(), "{offset} {shape:?} {strides:?}");
        }
    }

    #[test]
    fn wrappers_are_left_away_where_all_names_have_them() {
        let entries = |names: &[&str]| names.iter().map(|name| (name.to_string(), 0)).collect::<Vec<_>>();
        let all = entries(&["_orig_mod.module.a", "_orig_mod.module.b"]);
        assert_eq!(without_wrappers(&all), ("_orig_mod.module.".into(), vec!["a".into(), "b".into()]));
        assert_eq!(without_wrappers(&entries(&["module.a", "b"])).0, "");
    }
}
