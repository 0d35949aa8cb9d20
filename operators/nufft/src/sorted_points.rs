//! Sample positions in the order of the grid.

use std::ops::Range;

use rayon::prelude::*;

use crate::Trajectory;
use crate::grid_plan::GridPlan;

/// Columns of a tile: with the rows of a strip, its cells fit into the first-level cache.
const TILE_COLUMNS: usize = 16;

/// Where the window of one sample touches the grid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GridPoint {
    /// First grid row (x axis).
    pub row: u16,
    /// First cell in the row (y axis).
    pub cell: u16,
    /// Position within the first row, in [-1, 1], for the window's polynomials.
    pub row_offset: f32,
    /// The same within the first cell.
    pub cell_offset: f32,
    /// Frame that the sample belongs to.
    pub frame: u32,
    /// Index in the acquisition, sample fastest.
    pub sample: u32,
}

/// The samples sorted by strips of grid rows and by tiles within a strip.
///
/// Strips are at least as high as the window, so that the windows of one strip reach no further than the next one:
/// even and odd strips can be filled in two rounds without two threads meeting, in an order that does not depend on
/// the number of threads.
pub(crate) struct SortedPoints {
    pub points: Vec<GridPoint>,
    /// Range of `points` of every strip.
    pub strips: Vec<Range<usize>>,
    /// Grid rows per strip.
    pub strip_rows: usize,
    /// Place in `points` of every sample.
    pub places: Vec<u32>,
}

/// Grid rows of a strip: at least as many as a window has.
pub(crate) fn strip_rows(plan: &GridPlan) -> usize {
    plan.width.max(8)
}

impl SortedPoints {
    pub fn new(trajectory: &Trajectory, plan: &GridPlan) -> Self {
        let points = locate(trajectory, plan);
        let strip_rows = strip_rows(plan);
        let tiles = plan.grid[0].div_ceil(TILE_COLUMNS);
        let strip_count = plan.grid[1].div_ceil(strip_rows);
        let bin = |point: &GridPoint| point.row as usize / strip_rows * tiles + point.cell as usize / TILE_COLUMNS;

        let mut starts = vec![0usize; strip_count * tiles + 1];
        points.iter().for_each(|point| starts[bin(point) + 1] += 1);
        (1..starts.len()).for_each(|i| starts[i] += starts[i - 1]);
        let strips = (0..strip_count).map(|strip| starts[strip * tiles]..starts[(strip + 1) * tiles]).collect();

        let mut sorted = vec![GridPoint::default(); points.len()];
        let mut places = vec![0u32; points.len()];
        for point in &points {
            let place = &mut starts[bin(point)];
            places[point.sample as usize] = *place as u32;
            sorted[*place] = *point;
            *place += 1;
        }
        Self { points: sorted, strips, strip_rows, places }
    }
}

fn locate(trajectory: &Trajectory, plan: &GridPlan) -> Vec<GridPoint> {
    let samples = trajectory.samples();
    let [ny, nx] = plan.grid;
    let mut points = vec![GridPoint::default(); trajectory.len()];
    points.par_iter_mut().zip(trajectory.as_slice().par_chunks_exact(2)).enumerate().for_each(|(index, (point, k))| {
        let (cell, cell_offset) = start(k[0], ny, plan.width);
        let (row, row_offset) = start(k[1], nx, plan.width);
        let (frame, sample) = ((index / samples) as u32, index as u32);
        *point = GridPoint { row, cell, row_offset, cell_offset, frame, sample };
    });
    points
}

/// First cell that the window around position `k` (cycles per pixel, periodic) touches on a grid of `n` cells, and
/// the offset in [-1, 1] for the polynomials. The position stays in f64 until the cell is taken off.
fn start(k: f64, n: usize, width: usize) -> (u16, f32) {
    let left = k * n as f64 - width as f64 / 2.0;
    let first = left.ceil();
    let cell = (first as i64).rem_euclid(n as i64);
    (cell as u16, (2.0 * (first - left) - 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_wrap_around() {
        let (at_plus, offset_plus) = start(0.5, 48, 5);
        let (at_minus, offset_minus) = start(-0.5, 48, 5);
        assert_eq!(at_plus, at_minus);
        assert_eq!(offset_plus, offset_minus);
        assert_eq!(start(0.0, 48, 4), (46, -1.0));
    }

    #[test]
    fn every_sample_has_its_place() {
        let trajectory = Trajectory::golden_angle_radial(11, 37).unwrap();
        let plan = GridPlan { grid: [48, 54], width: 5 };
        let sorted = SortedPoints::new(&trajectory, &plan);
        for (sample, place) in sorted.places.iter().enumerate() {
            assert_eq!(sorted.points[*place as usize].sample as usize, sample);
        }
        for (strip, range) in sorted.strips.iter().enumerate() {
            for point in &sorted.points[range.clone()] {
                assert_eq!(point.row as usize / sorted.strip_rows, strip);
            }
        }
    }
}
