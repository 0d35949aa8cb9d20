//! Arrays of every element type that crosses the border.

use std::ffi::c_void;
use std::ptr;

use diph_plugin_abi::Dtype;
use ndarray::{Array, ArrayView, CowArray, Dimension, IxDyn};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

/// Element type of an array that crosses the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// A 32-bit floating-point number.
    F32,
    /// A 64-bit floating-point number.
    F64,
    /// Complex of two 32-bit floats.
    C64,
    /// Complex of two 64-bit floats.
    C128,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 64 bits.
    I64,
    /// An unsigned integer of 8 bits.
    U8,
}

#[cfg(unix)]
impl ElementType {
    /// Bytes of one element.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::C64 | Self::I64 => 8,
            Self::C128 => 16,
        }
    }
}

/// A C-contiguous array of one of the element types that crosses the border, owned or borrowed. `From` any `ndarray` array or
/// view of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ArrayData<'a> {
    /// An array of 32-bit floating-point numbers.
    F32(CowArray<'a, f32, IxDyn>),
    /// An array of 64-bit floating-point numbers.
    F64(CowArray<'a, f64, IxDyn>),
    /// Complex numbers of two 32-bit floats.
    C64(CowArray<'a, Complex32, IxDyn>),
    /// Complex numbers of two 64-bit floats.
    C128(CowArray<'a, Complex64, IxDyn>),
    /// An array of signed integers of 32 bits.
    I32(CowArray<'a, i32, IxDyn>),
    /// An array of signed integers of 64 bits.
    I64(CowArray<'a, i64, IxDyn>),
    /// An array of unsigned integers of 8 bits.
    U8(CowArray<'a, u8, IxDyn>),
    /// A shape without values, for estimates of memory; nothing can be created from it.
    Announced(ElementType, Vec<usize>),
}

macro_rules! variants {
    ($($variant:ident: $type:ty),+ $(,)?) => {
        $(
            impl<'a, D: Dimension> From<Array<$type, D>> for ArrayData<'a> {
                fn from(array: Array<$type, D>) -> Self {
                    let array = array.into_dyn();
                    Self::$variant(CowArray::from(if array.is_standard_layout() {
                        array
                    } else {
                        array.as_standard_layout().into_owned()
                    }))
                }
            }

            /// Borrows a C-contiguous view and copies any other.
            impl<'a, D: Dimension> From<ArrayView<'a, $type, D>> for ArrayData<'a> {
                fn from(view: ArrayView<'a, $type, D>) -> Self {
                    let view = view.into_dyn();
                    Self::$variant(if view.is_standard_layout() {
                        CowArray::from(view)
                    } else {
                        CowArray::from(view.as_standard_layout().into_owned())
                    })
                }
            }
        )+

        impl ArrayData<'_> {
            /// Lengths of the axes, that which changes slowest in memory first.
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape(),)+
                    Self::Announced(_, shape) => shape,
                }
            }

            /// The element type.
            pub(crate) fn element_type(&self) -> ElementType {
                match self {
                    $(Self::$variant(_) => ElementType::$variant,)+
                    Self::Announced(dtype, _) => *dtype,
                }
            }

            /// A copy that borrows nothing.
            #[cfg(unix)]
            pub(crate) fn to_static(&self) -> ArrayData<'static> {
                match self {
                    $(Self::$variant(array) => ArrayData::$variant(CowArray::from(array.to_owned().into_owned())),)+
                    Self::Announced(dtype, shape) => ArrayData::Announced(*dtype, shape.clone()),
                }
            }

            /// The bytes of all elements; none of a shape without values.
            #[cfg(unix)]
            pub(crate) fn bytes(&self) -> &[u8] {
                match self {
                    $(Self::$variant(array) => {
                        // SAFETY: C-contiguous numbers without padding, by what `From` makes.
                        unsafe { std::slice::from_raw_parts(array.as_ptr().cast(), array.len() * size_of::<$type>()) }
                    })+
                    Self::Announced(..) => &[],
                }
            }

            /// Element type, first element (never written to; null for a shape without values), length in bytes.
            pub(crate) fn parts(&self) -> (Dtype, *mut c_void, usize) {
                match self {
                    $(Self::$variant(array) => {
                        (Dtype::$variant, array.as_ptr().cast_mut().cast(), array.len() * size_of::<$type>())
                    })+
                    $(Self::Announced(ElementType::$variant, _) => (Dtype::$variant, ptr::null_mut(), 0),)+
                }
            }
        }
    };
}

impl ArrayData<'_> {
    /// Overwrites every value with one that shows wherever it is used: NaN, or a number that nobody chose.
    pub(crate) fn poison(&mut self) {
        let (nan, wide) = (f32::NAN, f64::NAN);
        match self {
            Self::F32(array) => array.fill(nan),
            Self::F64(array) => array.fill(wide),
            Self::C64(array) => array.fill(Complex32::new(nan, nan)),
            Self::C128(array) => array.fill(Complex64::new(wide, wide)),
            Self::I32(array) => array.fill(i32::MIN + 77),
            Self::I64(array) => array.fill(i64::MIN + 77),
            Self::U8(array) => array.fill(0xa5),
            Self::Announced(..) => {}
        }
    }
}

variants!(F32: f32, F64: f64, C64: Complex32, C128: Complex64, I32: i32, I64: i64, U8: u8);
