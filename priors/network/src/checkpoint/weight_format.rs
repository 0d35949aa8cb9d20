//! How many bits weights have on disk.

use candle_core::DType;
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

impl WeightFormat {
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}
