//! Arrays of every element type that crosses the border.

use std::ffi::c_void;

use diph_plugin_abi::Dtype;
use ndarray::{Array, ArrayD, Dimension};
use num_complex::{Complex32, Complex64};

/// A C-contiguous array of one of the element types that crosses the border. `From` any `ndarray` array of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ArrayData {
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// 64-bit floats.
    F64(ArrayD<f64>),
    /// Complex numbers of two 32-bit floats.
    C64(ArrayD<Complex32>),
    /// Complex numbers of two 64-bit floats.
    C128(ArrayD<Complex64>),
    /// 32-bit integers.
    I32(ArrayD<i32>),
    /// 64-bit integers.
    I64(ArrayD<i64>),
    /// 8-bit unsigned integers.
    U8(ArrayD<u8>),
}

macro_rules! variants {
    ($($variant:ident: $type:ty),+ $(,)?) => {
        $(
            impl<D: Dimension> From<Array<$type, D>> for ArrayData {
                fn from(array: Array<$type, D>) -> Self {
                    let array = array.into_dyn();
                    Self::$variant(if array.is_standard_layout() {
                        array
                    } else {
                        array.as_standard_layout().into_owned()
                    })
                }
            }
        )+

        impl ArrayData {
            /// Axis lengths, slowest first.
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape(),)+
                }
            }

            /// Element type, first element (never written to).
            pub(crate) fn parts(&self) -> (Dtype, *mut c_void) {
                match self {
                    $(Self::$variant(array) => {
                        let array = array.view();
                        (Dtype::$variant, array.as_ptr().cast_mut().cast())
                    })+
                }
            }
        }
    };
}

variants!(F32: f32, F64: f64, C64: Complex32, C128: Complex64, I32: i32, I64: i64, U8: u8);
