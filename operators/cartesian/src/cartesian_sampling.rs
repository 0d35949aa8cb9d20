//! Which lines of k-space each frame acquires.

use diph_core::{Error, ImageShape, Result, Rng};
use ndarray::Array3;
use rand::{RngExt, SeedableRng};

const OPERATION: &str = "cartesian: sampling";

/// At this distance from the centre in cycles per pixel, the density of random lines has fallen to a half.
const HALF_DENSITY: f64 = 0.1;

/// Patterns of phase-encoding lines: every line of constant ky, in a volume of constant (kz, ky), is read along the
/// whole of kx.
///
/// All give positions (frame, sample, 2) as (ky, kx), or (frame, sample, 3) as (kz, ky, kx), in cycles per pixel, lines
/// from negative to positive ky (kz slowest), the samples of a line from negative to positive kx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartesianSampling {
    frames: usize,
    image: ImageShape,
}

impl CartesianSampling {
    /// Sampling of `frames` frames of a plane or a volume.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a number is zero.
    pub fn new(frames: usize, image: &ImageShape) -> Result<Self> {
        for (name, value) in [("frames", frames), ("pixels of the image", image.pixels())] {
            if value == 0 {
                return Err(Error::parameter(OPERATION, name, "at least 1", 0));
            }
        }
        Ok(Self { frames, image: *image })
    }

    /// Lines of the whole of k-space: height of a plane, depth times height of a volume.
    pub fn lines(&self) -> usize {
        self.image.pixels() / self.width()
    }

    fn width(&self) -> usize {
        self.image.plane_lengths()[1]
    }

    /// Every line in every frame.
    pub fn full(&self) -> Array3<f64> {
        let all: Vec<usize> = (0..self.lines()).collect();
        self.positions(&vec![all; self.frames])
    }

    /// `lines` lines per frame: the `centre_lines` nearest to the centre in every frame, the others drawn anew for each
    /// frame without repetition, with a density of `1 / (1 + (|k| / 0.1)^2)` at the distance |k| of the line from the centre.
    /// Equal seeds give equal patterns.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `lines` is 0 or more than all [`lines`](Self::lines), or `centre_lines` is more than
    /// `lines`.
    pub fn variable_density(&self, lines: usize, centre_lines: usize, seed: u64) -> Result<Array3<f64>> {
        if lines == 0 || lines > self.lines() {
            let expected = format!("1 to {}, the lines of k-space", self.lines());
            return Err(Error::parameter(OPERATION, "lines", expected, lines));
        }
        if centre_lines > lines {
            let expected = format!("at most {lines}, the lines of a frame");
            return Err(Error::parameter(OPERATION, "centre_lines", expected, centre_lines));
        }
        let mut rng = Rng::seed_from_u64(seed);
        let distances: Vec<f64> = (0..self.lines()).map(|line| self.squared_distance(line)).collect();
        let mut nearest: Vec<usize> = (0..self.lines()).collect();
        nearest.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b)));
        let centre = &nearest[..centre_lines];
        let frames: Vec<Vec<usize>> = (0..self.frames).map(|_| draw(&distances, lines, centre, &mut rng)).collect();
        Ok(self.positions(&frames))
    }

    /// Indices of a line along the axes before the last, as the positions have them.
    fn line_position(&self, line: usize, axis: usize) -> f64 {
        let [height, _] = self.image.plane_lengths();
        let last_but_one = self.image.lengths().len() - 2;
        if axis == last_but_one { position(line % height, height) } else { position(line / height, self.image.depth()) }
    }

    /// Squared distance of a line from the centre, in units of the half-density distance.
    fn squared_distance(&self, line: usize) -> f64 {
        let phase_axes = 0..self.image.lengths().len() - 1;
        phase_axes.map(|axis| (self.line_position(line, axis) / HALF_DENSITY).powi(2)).sum()
    }

    fn positions(&self, frames: &[Vec<usize>]) -> Array3<f64> {
        let (lines, width) = (frames.first().map_or(0, Vec::len), self.width());
        let axes = self.image.lengths().len();
        Array3::from_shape_fn((frames.len(), lines * width, axes), |(frame, sample, axis)| {
            let (line, column) = (frames[frame][sample / width], sample % width);
            if axis == axes - 1 { position(column, width) } else { self.line_position(line, axis) }
        })
    }
}

/// Lines of one frame, ascending. Ordering by exponential variables of rate `density` draws without repetition
/// (Efraimidis and Spirakis, Inf. Process. Lett. 97, 2006).
fn draw(distances: &[f64], lines: usize, centre: &[usize], rng: &mut Rng) -> Vec<usize> {
    let waiting = |distance: &f64| -(1.0 - rng.random::<f64>()).ln() / density(*distance);
    let mut order: Vec<(f64, usize)> = distances.iter().map(waiting).zip(0..).collect();
    centre.iter().for_each(|line| order[*line].0 = -1.0);
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut chosen: Vec<usize> = order.into_iter().take(lines).map(|(_, line)| line).collect();
    chosen.sort_unstable();
    chosen
}

/// Position of a line in cycles per pixel; line N/2 is the centre.
fn position(line: usize, len: usize) -> f64 {
    (line as f64 - (len / 2) as f64) / len as f64
}

fn density(squared_distance: f64) -> f64 {
    1.0 / (1.0 + squared_distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(trajectory: &Array3<f64>, frame: usize, width: usize) -> Vec<f64> {
        (0..trajectory.dim().1).step_by(width).map(|sample| trajectory[(frame, sample, 0)]).collect()
    }

    #[test]
    fn full_sampling_visits_every_line_once() {
        let trajectory = CartesianSampling::new(2, &ImageShape::plane(5, 4)).unwrap().full();
        assert_eq!(trajectory.dim(), (2, 20, 2));
        assert_eq!(lines(&trajectory, 1, 4), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert_eq!((0..4).map(|s| trajectory[(0, s, 1)]).collect::<Vec<_>>(), [-0.5, -0.25, 0.0, 0.25]);
    }

    #[test]
    fn random_lines_are_distinct_hold_the_centre_and_follow_the_seed() {
        let sampling = CartesianSampling::new(50, &ImageShape::plane(64, 3)).unwrap();
        let trajectory = sampling.variable_density(12, 4, 5).unwrap();
        let (mut near, mut far) = (0, 0);
        for frame in 0..50 {
            let lines = lines(&trajectory, frame, 3);
            assert_eq!(lines.len(), 12);
            assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
            assert!((-2..2).all(|m| lines.contains(&(f64::from(m) / 64.0))), "{lines:?}");
            near += lines.iter().filter(|ky| ky.abs() < 0.15).count();
            far += lines.iter().filter(|ky| ky.abs() > 0.35).count();
        }
        assert!(near > 4 * far && far > 0, "{near} lines near the centre, {far} far away");
        assert_eq!(trajectory, sampling.variable_density(12, 4, 5).unwrap());
        assert_ne!(trajectory, sampling.variable_density(12, 4, 6).unwrap());
    }

    #[test]
    fn lines_of_a_volume_gather_around_its_centre() {
        let sampling = CartesianSampling::new(30, &ImageShape::volume(6, 16, 2)).unwrap();
        assert_eq!((sampling.lines(), sampling.full().dim()), (96, (30, 192, 3)));
        assert_eq!(sampling.full().slice(ndarray::s![0, 17 * 2 + 1, ..]).to_vec(), [-2.0 / 6.0, -7.0 / 16.0, 0.0]);
        let trajectory = sampling.variable_density(20, 3, 5).unwrap();
        let (mut near, mut far) = (0, 0);
        for frame in trajectory.outer_iter() {
            let lines: Vec<[f64; 2]> = frame.outer_iter().step_by(2).map(|k| [k[0], k[1]]).collect();
            assert_eq!(lines.len(), 20);
            assert!([[0.0, 0.0], [0.0, -1.0 / 16.0], [0.0, 1.0 / 16.0]].iter().all(|centre| lines.contains(centre)));
            near += lines.iter().filter(|[kz, ky]| kz.hypot(*ky) < 0.2).count();
            far += lines.iter().filter(|[kz, ky]| kz.hypot(*ky) > 0.4).count();
        }
        // 27 lines lie near, 41 far.
        assert!(near * 41 > 2 * far * 27 && far > 0, "{near} near the centre, {far} far away");
    }

    #[test]
    fn impossible_numbers_of_lines_are_typed_errors() {
        assert!(matches!(CartesianSampling::new(0, &ImageShape::plane(4, 4)), Err(Error::Parameter { .. })));
        let sampling = CartesianSampling::new(1, &ImageShape::plane(8, 8)).unwrap();
        for (lines, centre) in [(0, 0), (9, 0), (4, 5)] {
            assert!(matches!(sampling.variable_density(lines, centre, 0), Err(Error::Parameter { .. })));
        }
        assert_eq!(sampling.variable_density(8, 8, 0).unwrap(), sampling.full());
    }
}
