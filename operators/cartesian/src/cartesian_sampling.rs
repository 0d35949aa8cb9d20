//! Which lines of k-space each frame acquires.

use diph_core::{Error, Result, Rng};
use ndarray::Array3;
use rand::{RngExt, SeedableRng};

const OPERATION: &str = "cartesian: sampling";

/// At this share of the image's height, the density of random lines has fallen to a half.
const HALF_DENSITY: f64 = 0.1;

/// Patterns of phase-encoding lines: every line of constant ky is read along the whole of kx.
///
/// All give positions (frame, sample, 2) as (ky, kx) in cycles per pixel, lines from negative to positive ky, the
/// samples of a line from negative to positive kx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartesianSampling {
    frames: usize,
    height: usize,
    width: usize,
}

impl CartesianSampling {
    /// Sampling of `frames` frames of an image of (height, width) pixels.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a number is zero.
    pub fn new(frames: usize, [height, width]: [usize; 2]) -> Result<Self> {
        for (name, value) in [("frames", frames), ("image height", height), ("image width", width)] {
            if value == 0 {
                return Err(Error::parameter(OPERATION, name, "at least 1", 0));
            }
        }
        Ok(Self { frames, height, width })
    }

    /// Every line in every frame.
    pub fn full(&self) -> Array3<f64> {
        let all: Vec<usize> = (0..self.height).collect();
        self.positions(&vec![all; self.frames])
    }

    /// `lines` lines per frame: the `centre_lines` around ky = 0 in every frame, the others drawn anew for each frame
    /// without repetition, with a density of `1 / (1 + (ky / 0.1)^2)`. Equal seeds give equal patterns.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `lines` is not in `1..=height` or `centre_lines` is more than `lines`.
    pub fn variable_density(&self, lines: usize, centre_lines: usize, seed: u64) -> Result<Array3<f64>> {
        if lines == 0 || lines > self.height {
            return Err(Error::parameter(OPERATION, "lines", format!("1 to {}, the image height", self.height), lines));
        }
        if centre_lines > lines {
            let expected = format!("at most {lines}, the lines of a frame");
            return Err(Error::parameter(OPERATION, "centre_lines", expected, centre_lines));
        }
        let mut rng = Rng::seed_from_u64(seed);
        let frames: Vec<Vec<usize>> = (0..self.frames).map(|_| self.draw(lines, centre_lines, &mut rng)).collect();
        Ok(self.positions(&frames))
    }

    /// Lines of one frame, ascending. Ordering by exponential variables of rate `density` draws without repetition
    /// (Efraimidis and Spirakis, Inf. Process. Lett. 97, 2006).
    fn draw(&self, lines: usize, centre_lines: usize, rng: &mut Rng) -> Vec<usize> {
        let first = (self.height / 2).saturating_sub(centre_lines / 2);
        let centre = first..first + centre_lines;
        let mut order: Vec<(f64, usize)> = (0..self.height)
            .map(|line| {
                let waiting = -(1.0 - rng.random::<f64>()).ln() / density(position(line, self.height));
                (if centre.contains(&line) { -1.0 } else { waiting }, line)
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut chosen: Vec<usize> = order.into_iter().take(lines).map(|(_, line)| line).collect();
        chosen.sort_unstable();
        chosen
    }

    fn positions(&self, frames: &[Vec<usize>]) -> Array3<f64> {
        let lines = frames.first().map_or(0, Vec::len);
        Array3::from_shape_fn((frames.len(), lines * self.width, 2), |(frame, sample, axis)| {
            let (line, column) = (frames[frame][sample / self.width], sample % self.width);
            if axis == 0 { position(line, self.height) } else { position(column, self.width) }
        })
    }
}

/// Position of a line in cycles per pixel; line N/2 is the centre.
fn position(line: usize, len: usize) -> f64 {
    (line as f64 - (len / 2) as f64) / len as f64
}

fn density(position: f64) -> f64 {
    1.0 / (1.0 + (position / HALF_DENSITY).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(trajectory: &Array3<f64>, frame: usize, width: usize) -> Vec<f64> {
        (0..trajectory.dim().1).step_by(width).map(|sample| trajectory[(frame, sample, 0)]).collect()
    }

    #[test]
    fn full_sampling_visits_every_line_once() {
        let trajectory = CartesianSampling::new(2, [5, 4]).unwrap().full();
        assert_eq!(trajectory.dim(), (2, 20, 2));
        assert_eq!(lines(&trajectory, 1, 4), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert_eq!((0..4).map(|s| trajectory[(0, s, 1)]).collect::<Vec<_>>(), [-0.5, -0.25, 0.0, 0.25]);
    }

    #[test]
    fn random_lines_are_distinct_hold_the_centre_and_follow_the_seed() {
        let sampling = CartesianSampling::new(50, [64, 3]).unwrap();
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
    fn impossible_numbers_of_lines_are_typed_errors() {
        assert!(matches!(CartesianSampling::new(0, [4, 4]), Err(Error::Parameter { .. })));
        let sampling = CartesianSampling::new(1, [8, 8]).unwrap();
        for (lines, centre) in [(0, 0), (9, 0), (4, 5)] {
            assert!(matches!(sampling.variable_density(lines, centre, 0), Err(Error::Parameter { .. })));
        }
        assert_eq!(sampling.variable_density(8, 8, 0).unwrap(), sampling.full());
    }
}
