//! A problem of some size.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::work::Work;

/// A problem of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub work: Work,
    /// Height and width of the image, in pixels.
    pub size: usize,
    pub frames: usize,
    pub coils: usize,
    pub atoms: usize,
    pub threads: usize,
}

impl Case {
    /// What every axis varies around.
    pub const BASE: Self = Self { work: Work::Operator, size: 224, frames: 200, coils: 1, atoms: 94_777, threads: 2 };
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, size, frames, coils, atoms, threads } = self;
        let name = work.name();
        write!(formatter, "{name}: {size} px, {frames} frames, {coils} coils, {atoms} atoms, {threads} threads")
    }
}
