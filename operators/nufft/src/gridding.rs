//! The loops over samples: spreading to the grid and interpolation from it.
//!
//! Loops over vectors count with an index on purpose: with iterators the compiler vectorises across vectors, by gathers.
#![allow(clippy::needless_range_loop, reason = "see above")]

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;

use crate::lanes::{LANES, Lanes};
use crate::sorted_points::GridPoint;
use crate::temporal_window::{MAX_VECTORS, TemporalWindow};

/// Points that are spread together.
const BATCH: usize = 16;

/// Adds `samples[point.sample]` times basis and window of every point to `grid`, whose first row is `first_row` of
/// the whole and whose rows are `row_len` floats.
pub(crate) fn spread(
    window: &TemporalWindow,
    points: &[GridPoint],
    samples: &[Complex32],
    grid: &mut [f32],
    first_row: usize,
    row_len: usize,
) {
    let run = match window.vectors {
        1 => spread_with::<1>,
        2 => spread_with::<2>,
        3 => spread_with::<3>,
        4 => spread_with::<4>,
        5 => spread_with::<5>,
        6 => spread_with::<6>,
        7 => spread_with::<7>,
        _ => spread_with::<8>,
    };
    run(window, points, samples, grid, first_row, row_len);
}

/// Writes the sample of every point of `points` into `out`, or adds it.
pub(crate) fn interpolate(
    window: &TemporalWindow,
    points: &[GridPoint],
    grid: &[f32],
    row_len: usize,
    add: bool,
    out: &mut [Complex32],
) {
    let run = match window.vectors {
        1 => interpolate_with::<1>,
        2 => interpolate_with::<2>,
        3 => interpolate_with::<3>,
        4 => interpolate_with::<4>,
        5 => interpolate_with::<5>,
        6 => interpolate_with::<6>,
        7 => interpolate_with::<7>,
        _ => interpolate_with::<8>,
    };
    run(window, points, grid, row_len, add, out);
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn spread_with<const VECTORS: usize>(
    window: &TemporalWindow,
    points: &[GridPoint],
    samples: &[Complex32],
    grid: &mut [f32],
    first_row: usize,
    row_len: usize,
) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        spread_points::<VECTORS, true>(window, points, samples, grid, first_row, row_len);
    } else {
        spread_points::<VECTORS, false>(window, points, samples, grid, first_row, row_len);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn interpolate_with<const VECTORS: usize>(
    window: &TemporalWindow,
    points: &[GridPoint],
    grid: &[f32],
    row_len: usize,
    add: bool,
    out: &mut [Complex32],
) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        interpolate_points::<VECTORS, true>(window, points, grid, row_len, add, out);
    } else {
        interpolate_points::<VECTORS, false>(window, points, grid, row_len, add, out);
    }
}

/// Adds the points' windows to the grid in two steps per batch. First every point's row of the window is computed, as
/// if it began with a vector of the grid. Then it is read back from where it really begins and added, vector by
/// vector: so every access to the grid is aligned. Unaligned ones would wait for each other, because neighbouring
/// points overlap and a processor cannot forward a store to a load that begins elsewhere (measured: five times slower).
#[inline(always)]
fn spread_points<const VECTORS: usize, const FMA: bool>(
    window: &TemporalWindow,
    points: &[GridPoint],
    samples: &[Complex32],
    grid: &mut [f32],
    first_row: usize,
    row_len: usize,
) {
    let mut runs = [Run([[0.0; LANES]; MAX_VECTORS + 2]); BATCH];
    let (bases, _) = window.basis.as_chunks::<VECTORS>();
    let mut across = [Lanes::ZERO; BATCH];
    for points in points.chunks(BATCH) {
        for ((point, run), across) in points.iter().zip(&mut runs).zip(&mut across) {
            let value = samples[point.sample as usize];
            let value = Lanes(std::array::from_fn(|lane| if lane % 2 == 0 { value.re } else { value.im }));
            *across = evaluate::<1, FMA>(&window.across, point.row_offset)[0];
            let along = evaluate::<VECTORS, FMA>(&window.along, point.cell_offset);
            let basis = &bases[point.frame as usize];
            // The vectors before and behind stay zero.
            for vector in 0..VECTORS {
                run.0[vector + 1] = along[vector].times(&basis[vector]).times(&value).0;
            }
        }
        for ((point, run), across) in points.iter().zip(&runs).zip(&across) {
            let begin = point.cell as usize * 2 * window.planes;
            let shift = begin % LANES;
            let lanes: [Lanes; VECTORS] = std::array::from_fn(|vector| run.lanes(LANES * (vector + 1) - shift));
            let last = run.lanes(LANES * (VECTORS + 1) - shift);
            let mut start = (point.row as usize - first_row) * row_len + begin - shift;
            for weight in &across.0[..window.width] {
                let (cells, _) = grid[start..start + (VECTORS + 1) * LANES].as_chunks_mut();
                for vector in 0..VECTORS {
                    cells[vector] = lanes[vector].scale_add::<FMA>(*weight, &cells[vector]).0;
                }
                cells[VECTORS] = last.scale_add::<FMA>(*weight, &cells[VECTORS]).0;
                start += row_len;
            }
        }
    }
}

/// One row of a point's window, with a vector of zeros before and behind.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Run([[f32; LANES]; MAX_VECTORS + 2]);

impl Run {
    /// Sixteen floats from anywhere.
    #[inline(always)]
    fn lanes(&self, start: usize) -> Lanes {
        self.0.as_flattened()[start..].first_chunk().map_or(Lanes::ZERO, |chunk| Lanes(*chunk))
    }
}

#[inline(always)]
fn interpolate_points<const VECTORS: usize, const FMA: bool>(
    window: &TemporalWindow,
    points: &[GridPoint],
    grid: &[f32],
    row_len: usize,
    add: bool,
    out: &mut [Complex32],
) {
    let (bases, _) = window.basis.as_chunks::<VECTORS>();
    for (point, out) in points.iter().zip(out) {
        let across = evaluate::<1, FMA>(&window.across, point.row_offset)[0];
        let mut sums = [Lanes::ZERO; VECTORS];
        let mut start = point.row as usize * row_len + point.cell as usize * 2 * window.planes;
        for weight in &across.0[..window.width] {
            let (cells, _) = grid[start..start + VECTORS * LANES].as_chunks();
            for vector in 0..VECTORS {
                sums[vector] = Lanes(cells[vector]).scale_add::<FMA>(*weight, &sums[vector].0);
            }
            start += row_len;
        }

        let along = evaluate::<VECTORS, FMA>(&window.along, point.cell_offset);
        let basis = &bases[point.frame as usize];
        let mut total = Lanes::ZERO;
        for vector in 0..VECTORS {
            total = total.plus(&sums[vector].times(&along[vector]).times(&basis[vector]));
        }
        let value = sum_pairs(&total);
        *out = if add { *out + value } else { value };
    }
}

/// Horner's scheme for all lanes at once; `powers` starts with the highest.
#[inline(always)]
fn evaluate<const VECTORS: usize, const FMA: bool>(powers: &[Lanes], t: f32) -> [Lanes; VECTORS] {
    let mut values = [Lanes::ZERO; VECTORS];
    for power in powers.as_chunks::<VECTORS>().0 {
        for vector in 0..VECTORS {
            values[vector] = values[vector].scale_add::<FMA>(t, &power[vector].0);
        }
    }
    values
}

/// Sum of the even lanes and sum of the odd lanes, by halves so that it vectorises.
#[inline(always)]
fn sum_pairs(lanes: &Lanes) -> Complex32 {
    let eight: [f32; 8] = std::array::from_fn(|i| lanes.0[i] + lanes.0[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    Complex32::new(four[0] + four[2], four[1] + four[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trajectory;
    use crate::grid_plan::GridPlan;
    use crate::sorted_points::SortedPoints;
    use ndarray::Array2;

    const GRID: [usize; 2] = [48, 40];
    const FRAMES: usize = 3;

    /// Everything that a comparison needs, for windows of `width` cells and `planes` coefficients.
    struct Case {
        window: TemporalWindow,
        points: SortedPoints,
        /// Weight of every cell (row, float in the row) for every sample, without the samples' values.
        plain: Vec<Vec<(usize, f32)>>,
        row_len: usize,
        rows: usize,
    }

    fn case(width: usize, planes: usize) -> Case {
        let plan = GridPlan { grid: GRID, width };
        let windows = [plan.window([24, 20], 0), plan.window([24, 20], 1)];
        let basis = Array2::from_shape_fn((FRAMES, planes), |(t, k)| 0.5 + t as f32 - 0.3 * k as f32);
        let trajectory = Trajectory::golden_angle_radial(FRAMES, 33).unwrap();
        let window = TemporalWindow::groups(&plan, &windows, basis.view()).remove(0);
        assert_eq!(window.planes, planes);
        let row_len = (2 * planes * (GRID[0] + width)).next_multiple_of(LANES) + 2 * LANES;
        let weight = |position: f64, n: usize, axis: usize| {
            let left = position * n as f64 - width as f64 / 2.0;
            let first = left.ceil();
            let values = (0..width).map(move |i| windows[axis].value(first + i as f64 - position * n as f64) as f32);
            ((first as i64).rem_euclid(n as i64) as usize, values.collect::<Vec<_>>())
        };
        let plain = (0..trajectory.len()).map(|sample| {
            let frame = sample / 33;
            let [ky, kx] = trajectory.position(frame, sample % 33).unwrap();
            let ((cell, along), (row, across)) = (weight(ky, GRID[0], 0), weight(kx, GRID[1], 1));
            let mut weights = Vec::new();
            for (i, a) in across.iter().enumerate() {
                for (j, b) in along.iter().enumerate() {
                    for k in 0..planes {
                        weights.push(((row + i) * row_len + 2 * ((cell + j) * planes + k), a * b * basis[[frame, k]]));
                    }
                }
            }
            weights
        });
        let plain = plain.collect();
        let points = SortedPoints::new(&trajectory, &plan);
        let rows = (points.strips.len() + 1) * points.strip_rows;
        Case { window, points, plain, row_len, rows }
    }

    fn value(i: usize) -> f32 {
        (i as f32 * 0.77).sin()
    }

    fn assert_close(got: impl Iterator<Item = f32>, expected: &[f32], what: &str) {
        let scale = expected.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
        for (got, expected) in got.zip(expected) {
            assert!((got - expected).abs() < 2e-4 * scale, "{what}: {got} against {expected}");
        }
    }

    /// Windows and numbers of coefficients that reach every number of vectors.
    fn cases() -> impl Iterator<Item = (usize, usize)> {
        (4..=10).flat_map(|width| (1..=6).map(move |planes| (width, planes))).filter(|(w, k)| 2 * w * k <= 128)
    }

    #[test]
    fn spreading_is_the_plain_sum() {
        for (width, planes) in cases() {
            let case = case(width, planes);
            let samples: Vec<_> = (0..case.plain.len()).map(|i| Complex32::new(value(i), value(i + 5000))).collect();
            let mut expected = vec![0.0; case.rows * case.row_len];
            for (sample, weights) in samples.iter().zip(&case.plain) {
                for (place, weight) in weights {
                    expected[*place] += weight * sample.re;
                    expected[*place + 1] += weight * sample.im;
                }
            }
            let mut grid = vec![0.0; expected.len()];
            spread(&case.window, &case.points.points, &samples, &mut grid, 0, case.row_len);
            assert_close(grid.into_iter(), &expected, &format!("width {width}, {planes} coefficients"));
        }
    }

    #[test]
    fn interpolation_is_the_plain_sum() {
        for (width, planes) in cases() {
            let case = case(width, planes);
            let grid: Vec<f32> = (0..case.rows * case.row_len).map(value).collect();
            let sum = |point: &GridPoint, part: usize| {
                case.plain[point.sample as usize].iter().map(|(place, weight)| weight * grid[place + part]).sum()
            };
            let points = &case.points.points;
            let expected: Vec<f32> = points.iter().flat_map(|point| [sum(point, 0), sum(point, 1)]).collect();
            let mut out = vec![Complex32::default(); points.len()];
            interpolate(&case.window, points, &grid, case.row_len, false, &mut out);
            let what = format!("width {width}, {planes} coefficients");
            assert_close(out.iter().flat_map(|v| [v.re, v.im]), &expected, &what);
            interpolate(&case.window, points, &grid, case.row_len, true, &mut out);
            assert_close(out.iter().flat_map(|v| [v.re / 2.0, v.im / 2.0]), &expected, &what);
        }
    }

    #[test]
    fn processors_without_fused_multiplication_get_the_same() {
        let case = case(6, 5);
        let grid: Vec<f32> = (0..case.rows * case.row_len).map(value).collect();
        let points = &case.points.points;
        let (mut dispatched, mut portable) =
            (vec![Complex32::default(); points.len()], vec![Complex32::default(); points.len()]);
        interpolate(&case.window, points, &grid, case.row_len, false, &mut dispatched);
        interpolate_points::<4, false>(&case.window, points, &grid, case.row_len, false, &mut portable);
        let expected: Vec<f32> = dispatched.iter().flat_map(|v| [v.re, v.im]).collect();
        assert_close(portable.iter().flat_map(|v| [v.re, v.im]), &expected, "interpolation");

        let mut spread_grid = vec![0.0; grid.len()];
        spread(&case.window, points, &dispatched, &mut spread_grid, 0, case.row_len);
        let mut portable_grid = vec![0.0; grid.len()];
        spread_points::<4, false>(&case.window, points, &dispatched, &mut portable_grid, 0, case.row_len);
        assert_close(portable_grid.into_iter(), &spread_grid, "spreading");
    }
}
