//! Memory that host and worker share.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::slice;

use memmap2::MmapRaw;

use super::message::TensorForm;

/// Where tensors begin: at the start of a cache line.
const ALIGNMENT: usize = 64;

/// Memory that host and worker share. The host makes it larger as needed; nobody makes it smaller.
pub(crate) struct Arena {
    file: File,
    map: Option<MmapRaw>,
}

impl Arena {
    /// New memory, of no size yet.
    pub(crate) fn create() -> io::Result<Self> {
        Ok(Self { file: anonymous_file()?, map: None })
    }

    /// Memory that another process has made.
    pub(crate) fn of(file: File) -> Self {
        Self { file, map: None }
    }

    /// The file behind it, for another process.
    pub(crate) fn file(&self) -> io::Result<File> {
        Ok(self.file.as_fd().try_clone_to_owned()?.into())
    }

    /// Makes room for this many bytes.
    pub(crate) fn grow(&mut self, bytes: usize) -> io::Result<()> {
        if self.length() < bytes {
            self.map = None;
            self.file.set_len(bytes.next_power_of_two() as u64)?;
        }
        self.see(bytes)
    }

    /// Sees what the other process has made room for.
    ///
    /// # Errors
    /// When it has made less.
    pub(crate) fn see(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > self.length() {
            self.map = None;
            self.map = Some(MmapRaw::map_raw(&self.file)?);
        }
        match bytes <= self.length() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "less shared memory than was announced")),
        }
    }

    fn length(&self) -> usize {
        self.map.as_ref().map_or(0, MmapRaw::len)
    }

    /// Numbers from byte `offset` on.
    ///
    /// # Safety
    /// Nobody writes to them during `'a`; every pattern of bits is a `T`.
    pub(crate) unsafe fn values<'a, T>(&self, offset: usize, count: usize) -> io::Result<&'a [T]> {
        let pointer = self.pointer::<T>(offset, count)?;
        // SAFETY: inside of the mapping and aligned; the rest is the caller's promise.
        Ok(unsafe { slice::from_raw_parts(pointer, count) })
    }

    /// Numbers from byte `offset` on, to be written.
    ///
    /// # Safety
    /// As [`values`](Self::values), and nobody else reads them.
    pub(crate) unsafe fn values_mut<'a, T>(&self, offset: usize, count: usize) -> io::Result<&'a mut [T]> {
        let pointer = self.pointer::<T>(offset, count)?;
        // SAFETY: as above.
        Ok(unsafe { slice::from_raw_parts_mut(pointer, count) })
    }

    /// Copies bytes to `offset`.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let pointer = self.pointer::<u8>(offset, bytes.len())?;
        // SAFETY: inside of the mapping, which is no memory of Rust's.
        unsafe { pointer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies bytes from `offset`.
    pub(crate) fn read(&self, offset: usize, bytes: &mut [u8]) -> io::Result<()> {
        let pointer = self.pointer::<u8>(offset, bytes.len())?;
        // SAFETY: as in `write`.
        unsafe { pointer.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn pointer<T>(&self, offset: usize, count: usize) -> io::Result<*mut T> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a tensor outside of the shared memory");
        let end = count.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(offset)).ok_or_else(outside)?;
        let map = self.map.as_ref().filter(|_| end <= self.length() && offset.is_multiple_of(align_of::<T>()));
        if count == 0 {
            return Ok(std::ptr::dangling_mut());
        }
        // SAFETY: inside of the mapping.
        Ok(unsafe { map.ok_or_else(outside)?.as_mut_ptr().add(offset) }.cast())
    }
}

/// Where tensors lie one after the other, and how many bytes they take in all. `None` for sizes that no memory has.
pub(crate) fn places<'a>(forms: impl IntoIterator<Item = &'a TensorForm>) -> Option<(Vec<usize>, usize)> {
    let (mut offsets, mut end) = (Vec::new(), 0usize);
    for form in forms {
        offsets.push(end);
        end = end.checked_add(form.bytes()?)?.checked_next_multiple_of(ALIGNMENT)?;
    }
    Some((offsets, end))
}

/// A file without a name, in memory; the other process cannot make it smaller under our eyes.
#[cfg(target_os = "linux")]
fn anonymous_file() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let file = memfd_create("diph tensors", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    fcntl_add_seals(&file, SealFlags::SHRINK)?;
    Ok(file.into())
}

/// A file without a name.
#[cfg(not(target_os = "linux"))]
fn anonymous_file() -> io::Result<File> {
    tempfile::tempfile()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ElementType;

    fn form(dtype: ElementType, shape: &[usize]) -> TensorForm {
        TensorForm { dtype, shape: shape.to_vec() }
    }

    #[test]
    fn tensors_lie_one_after_the_other() {
        let forms = [form(ElementType::C64, &[2, 3]), form(ElementType::U8, &[65]), form(ElementType::F64, &[])];
        assert_eq!(places(&forms), Some((vec![0, 64, 192], 256)));
        assert_eq!(places(&[form(ElementType::C64, &[usize::MAX, 2])]), None);
    }

    #[test]
    fn both_sides_see_the_same_bytes() {
        let mut own = Arena::create().unwrap();
        let mut other = Arena::of(own.file().unwrap());
        assert!(other.see(8).is_err(), "nothing is there yet");
        for size in [100, 5000] {
            own.grow(size).unwrap();
            other.see(size).unwrap();
            own.write(size - 4, &7f32.to_ne_bytes()).unwrap();
            // SAFETY: nobody else has them.
            let values = unsafe { other.values_mut::<f32>(size - 4, 1) }.unwrap();
            assert_eq!(values[0], 7.0);
            values[0] = 8.0;
            let mut bytes = [0; 4];
            own.read(size - 4, &mut bytes).unwrap();
            assert_eq!(f32::from_ne_bytes(bytes), 8.0);
        }
        assert!(own.read(8190, &mut [0; 4]).is_err() && own.write(usize::MAX, &[0; 4]).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_other_side_cannot_make_it_smaller() {
        let mut own = Arena::create().unwrap();
        own.grow(4096).unwrap();
        assert!(own.file().unwrap().set_len(1).is_err());
    }
}
