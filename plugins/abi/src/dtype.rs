//! Element types of tensors.

/// Element type of a [`Tensor`](crate::Tensor); complex numbers are pairs (re, im).
///
/// A plain integer, because the other side may know types that this one does not.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dtype(pub i32);

impl Dtype {
    /// 32-bit float.
    pub const F32: Self = Self(1);
    /// 64-bit float.
    pub const F64: Self = Self(2);
    /// Complex of two 32-bit floats.
    pub const C64: Self = Self(3);
    /// Complex of two 64-bit floats.
    pub const C128: Self = Self(4);
    /// 32-bit signed integer.
    pub const I32: Self = Self(5);
    /// 64-bit signed integer.
    pub const I64: Self = Self(6);
    /// 8-bit unsigned integer.
    pub const U8: Self = Self(7);

    /// Name as in a descriptor's example, such as `f32`; `unknown` for a type of a later version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::C64 => "c64",
            Self::C128 => "c128",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            _ => "unknown",
        }
    }
}
