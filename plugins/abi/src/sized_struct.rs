//! Reading structs of another version of the interface.

use std::fmt;
use std::mem::MaybeUninit;

/// A struct that states its own size and may have been built by an older or newer version of the interface.
///
/// # Safety
/// The type is `#[repr(C)]`, holds a `u64` size at `SIZE_OFFSET`, and all zeros are a valid value of it (integers, raw
/// pointers, optional functions).
pub unsafe trait SizedStruct: Copy {
    /// Byte offset of the `u64` size.
    const SIZE_OFFSET: usize = 0;
}

/// Why a struct of the other side cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizedError {
    /// The pointer to the struct is null.
    Null,
    /// The pointer is not aligned for the struct.
    Misaligned,
    /// The stated size does not even reach past the size field.
    TooSmall {
        /// Size that the struct states, in bytes.
        struct_size: u64,
    },
    /// The stated size ends inside of a field, so that half a pointer would be read.
    Torn {
        /// Size that the struct states, in bytes.
        struct_size: u64,
    },
}

impl fmt::Display for SizedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "a null pointer"),
            Self::Misaligned => write!(f, "a misaligned pointer"),
            Self::TooSmall { struct_size } => write!(f, "a struct_size of {struct_size} bytes"),
            Self::Torn { struct_size } => {
                write!(f, "a struct_size of {struct_size} bytes, which ends inside of a field")
            }
        }
    }
}

impl std::error::Error for SizedError {}

/// Copies `min(struct_size, size_of::<T>())` bytes into a zeroed `T`: what the other side does not have reads as zero.
///
/// # Errors
/// [`SizedError::Null`] or [`SizedError::Misaligned`] for such a pointer, [`SizedError::TooSmall`] for a size that does not reach past its own field,
/// [`SizedError::Torn`] for one that is no multiple of the alignment, as every size of a struct is.
///
/// # Safety
/// A `pointer` that is neither null nor misaligned points to a struct with the layout of `T` that is as large as it
/// states, and that nobody writes to during the call.
pub unsafe fn copy_sized<T: SizedStruct>(pointer: *const T) -> Result<T, SizedError> {
    if pointer.is_null() {
        return Err(SizedError::Null);
    }
    if !pointer.is_aligned() {
        return Err(SizedError::Misaligned);
    }
    // SAFETY: the struct reaches at least past its size field, which `SizedStruct` places inside of it.
    let struct_size = unsafe { pointer.byte_add(T::SIZE_OFFSET).cast::<u64>().read() };
    if struct_size < (T::SIZE_OFFSET + size_of::<u64>()) as u64 {
        return Err(SizedError::TooSmall { struct_size });
    }
    if struct_size < size_of::<T>() as u64 && struct_size % align_of::<T>() as u64 != 0 {
        return Err(SizedError::Torn { struct_size });
    }
    let bytes = usize::try_from(struct_size).unwrap_or(usize::MAX).min(size_of::<T>());
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: `bytes` lie inside both structs, which are distinct objects; all zeros are a valid `T`, and so is every
    // prefix of one followed by zeros, because its fields are plain data.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), bytes);
        Ok(copy.assume_init())
    }
}

/// Declares types as [`SizedStruct`] with the size in front.
macro_rules! sized {
    ($($type:ty),+ $(,)?) => {$(
        // SAFETY: `#[repr(C)]` with `struct_size: u64` in front, and only plain data.
        unsafe impl $crate::SizedStruct for $type {}
    )+};
}
pub(crate) use sized;

/// Fails to compile when a type has not the size and field offsets that the header promises on 64-bit targets.
macro_rules! layout {
    ($type:ty, $size:literal, $($field:ident: $offset:literal),+ $(,)?) => {
        #[cfg(target_pointer_width = "64")]
        const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(std::mem::offset_of!($type, $field) == $offset);)+
        };
    };
}
pub(crate) use layout;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorBuffer, Host};

    #[test]
    fn a_smaller_struct_reads_as_zero_beyond_its_end() {
        let host = Host {
            struct_size: std::mem::offset_of!(Host, context) as u64,
            context: std::ptr::dangling_mut(),
            ..Host::default()
        };
        // SAFETY: `host` is alive and at least as large as it states.
        let copy = unsafe { copy_sized(&raw const host) }.unwrap();
        assert!(copy.context.is_null());
    }

    #[test]
    fn a_larger_struct_is_cut() {
        let buffer = ErrorBuffer { struct_size: u64::MAX, ..ErrorBuffer::default() };
        // SAFETY: no more than the size of `ErrorBuffer` is read.
        assert!(unsafe { copy_sized(&raw const buffer) }.is_ok());
    }

    #[test]
    fn nonsense_is_refused() {
        let buffer = ErrorBuffer { struct_size: 7, ..ErrorBuffer::default() };
        let shifted = (&raw const buffer).wrapping_byte_add(1);
        // SAFETY: refused before anything but the size is read.
        unsafe {
            assert_eq!(copy_sized(std::ptr::null::<Host>()).unwrap_err(), SizedError::Null);
            assert_eq!(copy_sized(shifted).unwrap_err(), SizedError::Misaligned);
            assert_eq!(copy_sized(&raw const buffer).unwrap_err(), SizedError::TooSmall { struct_size: 7 });
            let torn = ErrorBuffer { struct_size: 12, ..ErrorBuffer::default() };
            assert_eq!(copy_sized(&raw const torn).unwrap_err(), SizedError::Torn { struct_size: 12 });
        }
    }
}
