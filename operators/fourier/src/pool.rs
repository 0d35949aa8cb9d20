//! Buffers that are used again.

use std::sync::Mutex;

/// Work buffers of an operator: every running call holds one, and it is there for the next call. Buffers hold
/// leftovers, so users overwrite what they read.
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Pool<T> {
    /// A pool without a buffer.
    pub fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Runs `work` with a free buffer, or a new one.
    pub fn with<R>(&self, create: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let mut buffer = self.lock().pop().unwrap_or_else(create);
        let result = work(&mut buffer);
        self.lock().push(buffer);
        result
    }

    /// A panic elsewhere cannot spoil buffers whose content means nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
