//! Types of numbers on disk.

use half::{bf16, f16};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of weights on disk. In memory they are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 32 bits, exact.
    #[default]
    F32,
    /// 16 bits, 11 of them of precision, up to 65504.
    F16,
    /// 16 bits, 8 of them of precision, range of f32.
    Bf16,
}

/// The types that weights are read from.
#[derive(Clone, Copy, Debug)]
pub enum Numbers {
    F32,
    F16,
    Bf16,
    F64,
}

/// Numbers in little-endian bytes as f32. Bytes that are left over at the end are no number.
pub fn widened(bytes: &[u8], numbers: Numbers) -> Vec<f32> {
    match numbers {
        Numbers::F32 => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Numbers::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        Numbers::Bf16 => bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
        Numbers::F64 => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect(),
    }
}

/// Values in little-endian bytes of a format, and the first that is no finite number in it.
pub fn narrowed(values: &[f32], format: WeightFormat) -> (Vec<u8>, Option<usize>) {
    let first = |is_finite: &dyn Fn(f32) -> bool| values.iter().position(|value| !is_finite(*value));
    match format {
        WeightFormat::F32 => (values.iter().flat_map(|value| value.to_le_bytes()).collect(), first(&f32::is_finite)),
        WeightFormat::F16 => (
            values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            first(&|value| f16::from_f32(value).is_finite()),
        ),
        WeightFormat::Bf16 => (
            values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
            first(&|value| bf16::from_f32(value).is_finite()),
        ),
    }
}
