//! An atom of the dictionary.

use std::fmt;

use serde::Serialize;

/// An atom of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Atom {
    /// Row of the dictionary.
    pub index: usize,
    /// T1 in seconds.
    pub t1_s: f32,
    /// T2 in seconds.
    pub t2_s: f32,
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, t1_s, t2_s } = self;
        write!(f, "#{index} (T1 {:.1} ms, T2 {:.1} ms)", t1_s * 1e3, t2_s * 1e3)
    }
}
