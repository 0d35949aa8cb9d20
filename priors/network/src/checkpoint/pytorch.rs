//! State dicts of PyTorch.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;
use candle_core::pickle::PthTensors;

use crate::{Error, Result};

/// Whether the file's name is that of a PyTorch file.
pub fn is_pytorch(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pt" || extension == "pth")
}

/// All tensors of a state dict.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let fault = |error: candle_core::Error| Error::file(path, format!("not a PyTorch state dict: {error}"));
    // A file that is not there would be called unreadable as an archive.
    std::fs::metadata(path).map_err(|error| Error::file(path, error))?;
    let file = PthTensors::new(path, None).map_err(fault)?;
    let names: Vec<&String> = file.tensor_infos().keys().collect();
    if names.is_empty() {
        return Err(Error::file(path, "not a PyTorch state dict: it holds no tensors"));
    }
    let mut tensors = BTreeMap::new();
    for name in names {
        if let Some(tensor) = file.get(name).map_err(fault)? {
            tensors.insert(name.clone(), tensor);
        }
    }
    Ok(tensors)
}
