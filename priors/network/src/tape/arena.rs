//! Memory that is used again.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the memory of buffers that are no longer needed for those that come next, so that a network that runs many times allocates
/// in its first run only.
#[derive(Clone, Default)]
pub struct Arena {
    free: Arc<Mutex<Vec<Vec<f32>>>>,
}

/// Memory of an arena, to which it goes back.
pub struct Buffer {
    values: Vec<f32>,
    arena: Arena,
}

impl Arena {
    /// Values of no particular content.
    pub fn buffer(&self, len: usize) -> Buffer {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |values: &Vec<f32>| (len..=2 * len).contains(&values.capacity());
        let best = (0..free.len()).filter(|index| fits(&free[*index])).min_by_key(|index| free[*index].capacity());
        let mut values = best.map(|index| free.swap_remove(index)).unwrap_or_default();
        drop(free);
        values.resize(len, 0.0);
        Buffer { values, arena: self.clone() }
    }

    /// Zeros.
    pub fn zeros(&self, len: usize) -> Buffer {
        let mut buffer = self.buffer(len);
        buffer.fill(0.0);
        buffer
    }
}

#[cfg(test)]
impl Arena {
    /// Of everything that is not in use.
    pub fn bytes(&self) -> u64 {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.iter().map(|values| (values.capacity() * size_of::<f32>()) as u64).sum()
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.arena.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back() {
        let arena = Arena::default();
        let first = arena.buffer(100);
        let address = first.as_ptr();
        drop(first);
        assert_ne!(arena.buffer(20).as_ptr(), address, "too large for this");
        let second = arena.buffer(90);
        assert_eq!((second.as_ptr(), second.len()), (address, 90));
        assert_ne!(arena.buffer(90).as_ptr(), address, "in use");
    }
}
