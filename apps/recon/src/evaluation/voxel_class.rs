//! Voxels by their reference T1 and T2: ranges of the two, and tissues.

use std::ops::Range;

/// A set of voxels with a reference T1 and a reference T2 in given ranges, both in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct VoxelClass {
    /// Name in tables and files, for example `T2 30-50 ms` or `white matter`.
    pub name: &'static str,
    /// Reference T1 in seconds, the end not included.
    pub t1: Range<f32>,
    /// Reference T2 in seconds, the end not included.
    pub t2: Range<f32>,
}

const ALL: Range<f32> = 0.0..f32::INFINITY;

impl VoxelClass {
    /// Tissues of the brain at 3 T. The ranges hold the middle of what in-vivo fingerprinting finds for each; voxels between
    /// them are mixtures, which belong to no tissue.
    pub const TISSUES: [Self; 3] = [
        Self::new("white matter", 0.6..1.0, 0.03..0.08),
        Self::new("grey matter", 1.2..1.8, 0.05..0.13),
        Self::new("CSF", 2.2..f32::INFINITY, 0.2..f32::INFINITY),
    ];

    /// Ranges that together hold every T1.
    pub const T1_RANGES: [Self; 6] = [
        Self::new("T1 below 0.6 s", 0.0..0.6, ALL),
        Self::new("T1 0.6-0.9 s", 0.6..0.9, ALL),
        Self::new("T1 0.9-1.2 s", 0.9..1.2, ALL),
        Self::new("T1 1.2-1.8 s", 1.2..1.8, ALL),
        Self::new("T1 1.8-2.6 s", 1.8..2.6, ALL),
        Self::new("T1 from 2.6 s", 2.6..f32::INFINITY, ALL),
    ];

    /// Ranges that together hold every T2.
    pub const T2_RANGES: [Self; 6] = [
        Self::new("T2 below 30 ms", ALL, 0.0..0.03),
        Self::new("T2 30-50 ms", ALL, 0.03..0.05),
        Self::new("T2 50-80 ms", ALL, 0.05..0.08),
        Self::new("T2 80-130 ms", ALL, 0.08..0.13),
        Self::new("T2 130-300 ms", ALL, 0.13..0.3),
        Self::new("T2 from 300 ms", ALL, 0.3..f32::INFINITY),
    ];

    const fn new(name: &'static str, t1: Range<f32>, t2: Range<f32>) -> Self {
        Self { name, t1, t2 }
    }

    /// All of them: tissues, then ranges of T1, then of T2.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TISSUES.into_iter().chain(Self::T1_RANGES).chain(Self::T2_RANGES)
    }

    /// Whether a voxel with these reference values (seconds) belongs to the class.
    pub fn contains(&self, t1: f32, t2: f32) -> bool {
        self.t1.contains(&t1) && self.t2.contains(&t2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_one_range_and_in_at_most_one_tissue() {
        let classes =
            |t1, t2| VoxelClass::all().filter(|class| class.contains(t1, t2)).map(|class| class.name).collect();
        let of_white: Vec<&str> = classes(0.85, 0.055);
        assert_eq!(of_white, ["white matter", "T1 0.6-0.9 s", "T2 50-80 ms"]);
        for (t1, t2) in [(0.0, 0.0), (0.6, 0.03), (1.1, 0.06), (1.3, 0.09), (4.5, 2.0), (5.0, 4.0)] {
            let within = |ranges: &[VoxelClass]| ranges.iter().filter(|range| range.contains(t1, t2)).count();
            let counts =
                [within(&VoxelClass::T1_RANGES), within(&VoxelClass::T2_RANGES), within(&VoxelClass::TISSUES).max(1)];
            assert_eq!(counts, [1; 3], "{t1} {t2}");
        }
    }
}
