//! Where the voxels of a volume lie.

use std::str::FromStr;

/// The directions of the patient in which the indices x, y and z of a volume grow, as three letters: `L` or `R`, `A` or `P`, `S` or `I`.
/// `LPS` is an axial slice as radiologists look at it, the subject's left on the right of the picture.
///
/// ```
/// use diph_recon::derivatives::PatientAxes;
/// assert!("LPS".parse::<PatientAxes>().is_ok());
/// assert!("LRS".parse::<PatientAxes>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientAxes([Direction; 3]);

/// One of the directions right, anterior, superior (0, 1, 2), or the opposite one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Direction {
    axis: usize,
    is_opposite: bool,
}

impl FromStr for PatientAxes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "expected three letters, one of each pair L/R, A/P and S/I, in the order of x, y and z, got `{text}`"
            )
        };
        let direction = |letter: char| {
            let found = ["RL", "AP", "SI"].iter().enumerate().find_map(|(axis, pair)| {
                let place = pair.find(letter.to_ascii_uppercase())?;
                Some(Direction { axis, is_opposite: place == 1 })
            });
            found.ok_or_else(expected)
        };
        let directions = text.chars().map(direction).collect::<Result<Vec<Direction>, String>>()?;
        let directions: [Direction; 3] = directions.try_into().map_err(|_| expected())?;
        match (0..3).all(|axis| directions.iter().any(|direction| direction.axis == axis)) {
            true => Ok(Self(directions)),
            false => Err(expected()),
        }
    }
}

/// Size and orientation of the voxels of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolumeGeometry {
    /// Distances of neighbouring voxels along x and y, and of neighbouring slices, in mm.
    pub voxel_mm: [f64; 3],
    /// How the subject lay; `None` where nobody knows.
    pub axes: Option<PatientAxes>,
}

impl VolumeGeometry {
    /// The same with slices that are `step` times as far from each other.
    pub(super) fn with_slice_step(self, step: usize) -> Self {
        let [x, y, z] = self.voxel_mm;
        Self { voxel_mm: [x, y, z * step as f64], ..self }
    }

    /// Rows of the matrix that takes voxel indices (x, y, z, 1) of a volume with these numbers of voxels to millimetres towards
    /// right, anterior and superior. The middle of the volume is the origin: where in the scanner it lay is not known.
    pub(super) fn affine(&self, voxels: [usize; 3]) -> Option<[[f64; 4]; 3]> {
        let PatientAxes(directions) = self.axes?;
        let mut rows = [[0.0; 4]; 3];
        for (index, direction) in directions.into_iter().enumerate() {
            let length = self.voxel_mm[index] * if direction.is_opposite { -1.0 } else { 1.0 };
            rows[direction.axis][index] = length;
            rows[direction.axis][3] -= length * (voxels[index] as f64 - 1.0) / 2.0;
        }
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_voxel_of_an_lps_volume_lies_right_anterior_inferior() {
        let geometry = VolumeGeometry { voxel_mm: [1.0, 2.0, 5.0], axes: Some("LPS".parse().unwrap()) };
        let rows = geometry.affine([11, 21, 3]).unwrap();
        assert_eq!(rows, [[-1.0, 0.0, 0.0, 5.0], [0.0, -2.0, 0.0, 20.0], [0.0, 0.0, 5.0, -5.0]]);
        let sagittal = VolumeGeometry { axes: Some("psl".parse().unwrap()), ..geometry };
        assert_eq!(sagittal.affine([1, 1, 1]).unwrap()[0], [0.0, 0.0, -5.0, 0.0]);
        assert_eq!(VolumeGeometry { axes: None, ..geometry }.affine([1, 1, 1]), None);
    }

    #[test]
    fn axes_are_one_of_each_pair() {
        for text in ["", "LP", "LPSA", "LRS", "XYZ", "LLP"] {
            assert!(text.parse::<PatientAxes>().unwrap_err().contains("L/R"), "{text}");
        }
    }
}
