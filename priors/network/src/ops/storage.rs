//! Access to the numbers behind candle's tensors.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The values of a contiguous f32 tensor.
pub fn values<'a>(operation: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("{operation}: expected f32, got {:?}", candle_core::backend::BackendStorage::dtype(storage));
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{operation}: expected a contiguous tensor, got {layout:?}"),
    }
}

/// Calls `with` on the values of an f32 tensor of the processor, contiguous or not.
pub fn with_values<T>(operation: &str, tensor: &Tensor, with: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => with(values(operation, storage, layout)?),
        _ => bail!("{operation}: expected a tensor in the processor's memory"),
    }
}
