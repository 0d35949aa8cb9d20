//! In which unit, sign and order positions in k-space come.

use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;

use diph_core::ImageShape;
use ndarray::{Array3, Axis};

/// Positions may leave [-1/2, 1/2] by this much, since many programs keep them in single precision.
pub(super) const ROUNDING: f64 = 1e-5;

/// The unit of positions in k-space.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PositionUnit {
    /// Cycles per pixel, within [-1/2, 1/2].
    #[default]
    CyclesPerPixel,
    /// Radians per pixel, within [-pi, pi].
    Radians,
    /// Cycles per field of view, within [-N/2, N/2] for N pixels: that of BART.
    Grid,
    /// Cycles per metre; the size of a pixel tells what they are in the image.
    PerMetre,
}

impl PositionUnit {
    const ALL: [(&str, Self); 4] = [
        ("cycles-per-pixel", Self::CyclesPerPixel),
        ("radians", Self::Radians),
        ("grid", Self::Grid),
        ("1/m", Self::PerMetre),
    ];

    /// What positions along an axis are multiplied by, so that they are in cycles per pixel. `pixels` is the length of the image
    /// along the axis, `voxel` the size of one of them in metres; `None` where the unit needs what is not known.
    pub fn factor(self, pixels: usize, voxel: Option<f64>) -> Option<f64> {
        match self {
            Self::CyclesPerPixel => Some(1.0),
            Self::Radians => Some(1.0 / TAU),
            Self::Grid => Some(1.0 / pixels as f64),
            Self::PerMetre => voxel,
        }
    }

    /// Units in which positions up to `largest` lie within an image of this shape, for advice.
    pub fn that_fit(largest: f64, image: &ImageShape) -> Vec<&'static str> {
        let longest = image.lengths().iter().copied().max().unwrap_or(1);
        let mut units = vec![];
        if largest <= TAU / 2.0 + TAU * ROUNDING {
            units.push("radians");
        }
        if largest <= longest as f64 * (0.5 + ROUNDING) {
            units.push("grid");
        }
        units.push("1/m");
        units
    }
}

impl FromStr for PositionUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, unit)| *unit).ok_or_else(|| format!("expected one of {names}, got `{text}`"))
    }
}

impl fmt::Display for PositionUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, unit)| unit == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// What the columns of a trajectory stand for: `kx,-ky` says that the first is kx and the second is -ky. This is how the axes of the
/// image are turned and mirrored without another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

/// One column of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    /// 'x', 'y' or 'z'.
    axis: char,
    negative: bool,
}

impl Columns {
    /// Axes of the image in Diph's order, the last fastest.
    const ORDER: [char; 3] = ['z', 'y', 'x'];

    /// Diph's own order for two or three columns: (ky, kx) and (kz, ky, kx).
    pub fn own(count: usize) -> Self {
        Self::positive(&Self::ORDER[Self::ORDER.len().saturating_sub(count)..])
    }

    /// The order of most other programs for two or three columns: (kx, ky) and (kx, ky, kz).
    pub fn x_first(count: usize) -> Self {
        Self::positive(&['x', 'y', 'z'][..count.min(3)])
    }

    fn positive(axes: &[char]) -> Self {
        Self(axes.iter().map(|axis| Column { axis: *axis, negative: false }).collect())
    }

    /// Number of columns.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// For each axis of Diph's order that there is: the column that it stands in, and its sign.
    pub fn sources(&self) -> Vec<(usize, f64)> {
        let source = |axis: &char| {
            let column = self.0.iter().position(|column| column.axis == *axis)?;
            Some((column, if self.0[column].negative { -1.0 } else { 1.0 }))
        };
        Self::ORDER.iter().filter_map(source).collect()
    }

    /// Positions (frame, sample, axis) that were taken with these columns, as they are with `other` ones of the same axes.
    pub fn turned(&self, other: &Self, positions: &Array3<f64>) -> Array3<f64> {
        // A third column without any extent may have been left out.
        let axes = positions.len_of(Axis(2));
        let last = |columns: &Self| {
            let sources = columns.sources();
            sources[sources.len().saturating_sub(axes)..].to_vec()
        };
        let (from, to) = (last(self), last(other));
        let sources: Vec<(usize, f64)> = to
            .iter()
            .enumerate()
            .map(|(axis, (column, sign))| {
                let source = from.iter().position(|(there, _)| there == column).unwrap_or(axis);
                (source, sign * from[source].1)
            })
            .collect();
        Array3::from_shape_fn(positions.dim(), |(frame, sample, axis)| {
            let (source, sign) = sources[axis];
            positions[[frame, sample, source]] * sign
        })
    }

    /// The eight ways to turn and mirror a plane, with what is to be written for each: the given columns first.
    pub fn conventions(&self) -> Vec<Self> {
        let mut all = Vec::with_capacity(8);
        for swap in [false, true] {
            for (negate_x, negate_y) in [(false, false), (true, false), (false, true), (true, true)] {
                let turn = |column: &Column| match column.axis {
                    'x' => Column { axis: if swap { 'y' } else { 'x' }, negative: column.negative != negate_x },
                    'y' => Column { axis: if swap { 'x' } else { 'y' }, negative: column.negative != negate_y },
                    _ => *column,
                };
                all.push(Self(self.0.iter().map(turn).collect()));
            }
        }
        all
    }
}

impl FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected kx,ky or kx,ky,kz in the order of the columns, `-` for negative ones, got `{text}`");
        let column = |name: &str| {
            let (name, negative) = match name.trim().strip_prefix('-') {
                Some(name) => (name, true),
                None => (name.trim(), false),
            };
            match name {
                "kx" => Ok(Column { axis: 'x', negative }),
                "ky" => Ok(Column { axis: 'y', negative }),
                "kz" => Ok(Column { axis: 'z', negative }),
                _ => Err(wrong()),
            }
        };
        let columns = text.split(',').map(column).collect::<Result<Vec<Column>, String>>()?;
        let mut axes: Vec<char> = columns.iter().map(|column| column.axis).collect();
        axes.sort_unstable();
        match axes[..] {
            ['x', 'y'] | ['x', 'y', 'z'] => Ok(Self(columns)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |column: &Column| format!("{}k{}", if column.negative { "-" } else { "" }, column.axis);
        f.write_str(&self.0.iter().map(name).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_names_and_factors() {
        for (name, unit) in PositionUnit::ALL {
            assert_eq!(name.parse(), Ok(unit));
            assert_eq!(unit.to_string(), name);
        }
        assert!("mm".parse::<PositionUnit>().unwrap_err().contains("1/m"));
        assert_eq!(PositionUnit::Grid.factor(128, None), Some(1.0 / 128.0));
        assert_eq!(PositionUnit::PerMetre.factor(128, Some(0.001)), Some(0.001));
        assert_eq!(PositionUnit::PerMetre.factor(128, None), None);
        assert_eq!(PositionUnit::that_fit(3.0, &ImageShape::plane(64, 64)), ["radians", "grid", "1/m"]);
        assert_eq!(PositionUnit::that_fit(400.0, &ImageShape::plane(64, 64)), ["1/m"]);
    }

    #[test]
    fn positions_turn_with_their_columns() {
        // Raw columns (1, 2) as kx, ky, or -ky, kx.
        let (given, other): (Columns, Columns) = ("kx,ky".parse().unwrap(), "-ky,kx".parse().unwrap());
        let positions = Array3::from_shape_vec((1, 1, 2), vec![2.0, 1.0]).unwrap();
        let turned = given.turned(&other, &positions);
        assert_eq!(turned.as_slice().unwrap(), [-1.0, 2.0]);
        assert_eq!(other.turned(&given, &turned), positions);
        let flat: Columns = "kx,-ky,kz".parse().unwrap();
        assert_eq!(flat.turned(&flat.conventions()[2], &positions).as_slice().unwrap(), [-2.0, 1.0]);
    }

    #[test]
    fn columns_are_turned_and_mirrored() {
        let columns: Columns = "kx,-ky".parse().unwrap();
        assert_eq!(columns.sources(), [(1, -1.0), (0, 1.0)]);
        assert_eq!(Columns::own(3).sources(), [(0, 1.0), (1, 1.0), (2, 1.0)]);
        assert_eq!(Columns::x_first(2).to_string(), "kx,ky");
        for text in ["", "kx", "kx,kx", "ky,kz", "kx,ky,kw"] {
            assert!(text.parse::<Columns>().is_err(), "{text}");
        }
        let all: Vec<String> = columns.conventions().iter().map(Columns::to_string).collect();
        assert_eq!(all, ["kx,-ky", "-kx,-ky", "kx,ky", "-kx,ky", "ky,-kx", "-ky,-kx", "ky,kx", "-ky,kx"]);
    }
}
