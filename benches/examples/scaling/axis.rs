//! What grows.

use crate::case::Case;

/// A length of the problem that varies alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Height and width of the image.
    Size,
    /// Frames of the sequence.
    Frames,
    /// Receive coils.
    Coils,
    /// Atoms of the dictionary.
    Atoms,
    /// Threads.
    Threads,
}

impl Axis {
    pub const ALL: [Self; 5] = [Self::Size, Self::Frames, Self::Coils, Self::Atoms, Self::Threads];

    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "image side (pixels)",
            Self::Frames => "frames",
            Self::Coils => "coils",
            Self::Atoms => "atoms",
            Self::Threads => "threads",
        }
    }

    /// Ascending; the base is among them.
    pub fn values(self, quick: bool) -> Vec<usize> {
        let (full, few): (&[usize], &[usize]) = match self {
            Self::Size => (&[112, 160, 224, 320, 448, 512], &[112, 224]),
            Self::Frames => (&[100, 200, 500, 1000], &[100, 200]),
            Self::Coils => (&[1, 2, 4, 8, 16, 32], &[1, 4]),
            Self::Atoms => (&[10_000, 30_000, 94_777, 300_000, 1_000_000], &[10_000, 94_777]),
            Self::Threads => (&[1, 2], &[2]),
        };
        if quick { few.to_vec() } else { full.to_vec() }
    }

    pub fn set(self, case: Case, value: usize) -> Case {
        match self {
            Self::Size => Case { size: value, ..case },
            Self::Frames => Case { frames: value, ..case },
            Self::Coils => Case { coils: value, ..case },
            Self::Atoms => Case { atoms: value, ..case },
            Self::Threads => Case { threads: value, ..case },
        }
    }

    pub fn of(self, case: &Case) -> usize {
        match self {
            Self::Size => case.size,
            Self::Frames => case.frames,
            Self::Coils => case.coils,
            Self::Atoms => case.atoms,
            Self::Threads => case.threads,
        }
    }
}
