//! The smooth path of one readout: an extended Kalman filter along it, and the smoother backwards.

use nalgebra::{Matrix3, SMatrix, SVector, Vector3};

use crate::{RecoverError, Result};

type State = SVector<f64, 7>;
type Covariance = SMatrix<f64, 7, 7>;
/// Picks (y, x, angle) out of a state.
type Observation = SMatrix<f64, 3, 7>;

/// How far a readout may bend: the change of acceleration from sample to sample is expected to be the field's edge times
/// `(BEND / samples)^3`, that of a spiral with 2.5 turns.
const BEND: f64 = 16.0;

/// What one sample of all frames says about the arm, linearised at a place.
#[derive(Clone, Copy, Debug)]
pub struct Information {
    /// Where it was linearised: y and x in cycles per field of view, and the angle between frames in radians.
    pub at: Vector3<f64>,
    /// Second derivative of the negative logarithm of the likelihood.
    pub hessian: Matrix3<f64>,
    /// First derivative of the logarithm of the likelihood.
    pub gradient: Vector3<f64>,
}

/// A place of the arm, and the covariance of what is known of it.
#[derive(Clone, Copy, Debug)]
struct Belief {
    state: State,
    covariance: Covariance,
}

/// A filter along the samples of a readout with the state position, velocity and acceleration along y and x, and the angle
/// between frames, which stays.
///
/// It begins at rest in the centre of k-space; unknown changes of acceleration let it follow any smooth path.
pub struct ArmFilter {
    transition: Covariance,
    disturbance: Covariance,
    /// After every sample: what was predicted, and what was believed after its information.
    history: Vec<[Belief; 2]>,
    predicted: Belief,
}

/// The path after smoothing.
pub struct SmoothedArm {
    /// (y, x) of every sample in cycles per field of view, for the first frame.
    pub positions: Vec<[f64; 2]>,
    /// Standard error of every position (root of the mean variance of both components).
    pub errors: Vec<f64>,
    /// Angle from one frame to the next in radians.
    pub rotation: f64,
    /// Standard error of the angle.
    pub rotation_error: f64,
}

impl ArmFilter {
    /// A filter for readouts of this many samples in a field of view of this many pixels, with a first guess of the angle
    /// between frames and its standard deviation.
    pub fn new(samples: usize, field_of_view: f64, rotation: f64, rotation_deviation: f64) -> Self {
        let edge = field_of_view / 2.0;
        let step = BEND / samples.max(1) as f64;
        let mut transition = Covariance::identity();
        let mut disturbance = Covariance::zeros();
        let mut covariance = Covariance::zeros();
        // What a change of acceleration within a sample does to position, velocity and acceleration.
        let effect = [1.0 / 6.0, 0.5, 1.0].map(|share| share * edge * step.powi(3));
        for axis in [0, 3] {
            transition[(axis, axis + 1)] = 1.0;
            transition[(axis, axis + 2)] = 0.5;
            transition[(axis + 1, axis + 2)] = 1.0;
            for i in 0..3 {
                for j in 0..3 {
                    disturbance[(axis + i, axis + j)] = effect[i] * effect[j];
                }
                covariance[(axis + i, axis + i)] = [1e-4, edge * step, edge * step * step][i].powi(2);
            }
        }
        covariance[(6, 6)] = rotation_deviation * rotation_deviation;
        let mut state = State::zeros();
        state[6] = rotation;
        Self { transition, disturbance, history: Vec::with_capacity(samples), predicted: Belief { state, covariance } }
    }

    /// The next sample: `measure` says what it tells at a place, which is asked again where the answer moved it to. Gives the place
    /// in the end.
    ///
    /// # Errors
    /// [`RecoverError::Undetermined`] when the information is not finite.
    pub fn advance(
        &mut self,
        steps: usize,
        mut measure: impl FnMut(Vector3<f64>) -> Information,
    ) -> Result<Vector3<f64>> {
        let observation = observation();
        let mut belief = self.predicted;
        for _ in 0..steps {
            belief = self.predicted.updated(&measure(observation * belief.state))?;
        }
        self.history.push([self.predicted, belief]);
        self.predicted = Belief {
            state: self.transition * belief.state,
            covariance: symmetric(self.transition * belief.covariance * self.transition.transpose() + self.disturbance),
        };
        Ok(observation * belief.state)
    }

    /// Looks back from the last sample, so that every position uses all samples (Rauch, Tung and Striebel 1965).
    ///
    /// # Errors
    /// [`RecoverError::Undetermined`] when a covariance cannot be inverted.
    pub fn smooth(&self) -> Result<SmoothedArm> {
        let mut smoothed: Vec<Belief> = self.history.iter().map(|[_, believed]| *believed).collect();
        for sample in (0..smoothed.len().saturating_sub(1)).rev() {
            let (believed, [predicted, _], later) = (smoothed[sample], self.history[sample + 1], smoothed[sample + 1]);
            let inverse = predicted.covariance.cholesky().ok_or_else(undetermined)?.inverse();
            let gain = believed.covariance * self.transition.transpose() * inverse;
            smoothed[sample] = Belief {
                state: believed.state + gain * (later.state - predicted.state),
                covariance: symmetric(
                    believed.covariance + gain * (later.covariance - predicted.covariance) * gain.transpose(),
                ),
            };
        }
        let last = smoothed.last().ok_or_else(undetermined)?;
        let error = |belief: &Belief| ((belief.covariance[(0, 0)] + belief.covariance[(3, 3)]) / 2.0).max(0.0).sqrt();
        Ok(SmoothedArm {
            positions: smoothed.iter().map(|belief| [belief.state[0], belief.state[3]]).collect(),
            errors: smoothed.iter().map(error).collect(),
            rotation: last.state[6],
            rotation_error: last.covariance[(6, 6)].max(0.0).sqrt(),
        })
    }
}

impl Belief {
    /// Adds information. Written so that neither the information nor the covariance has to be invertible.
    fn updated(&self, information: &Information) -> Result<Self> {
        let observation = observation();
        let spread = observation * self.covariance * observation.transpose();
        let inverse = (Matrix3::identity() + spread * information.hessian).try_inverse().ok_or_else(undetermined)?;
        let weight = information.hessian * inverse;
        let covariance = symmetric(
            self.covariance - self.covariance * observation.transpose() * weight * observation * self.covariance,
        );
        let pull = information.gradient + information.hessian * (information.at - observation * self.state);
        let state = self.state + covariance * observation.transpose() * pull;
        match state.iter().all(|value| value.is_finite()) {
            true => Ok(Self { state, covariance }),
            false => Err(undetermined()),
        }
    }
}

fn observation() -> Observation {
    let mut observation = Observation::zeros();
    observation[(0, 0)] = 1.0;
    observation[(1, 3)] = 1.0;
    observation[(2, 6)] = 1.0;
    observation
}

fn symmetric(matrix: Covariance) -> Covariance {
    (matrix + matrix.transpose()) / 2.0
}

fn undetermined() -> RecoverError {
    let reason = "positions of samples do not follow from the measurement".into();
    RecoverError::Undetermined { step: "following the readout", reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noisy_positions_of_a_bent_path_come_out_smoother_than_they_went_in() {
        let samples = 200;
        let path = |s: usize| {
            let u = s as f64 / samples as f64;
            let (radius, angle) = (20.0 * u * u, 8.0 * u);
            Vector3::new(radius * angle.sin(), radius * angle.cos(), 0.7)
        };
        // Errors of a fixed pattern that has no slow part.
        let error = |s: usize| 0.1 * f64::from([1i8, -1, -1, 1, 1, -1, 1, -1][s % 8]);
        let mut filter = ArmFilter::new(samples, 40.0, 0.69, 0.1);
        for sample in 0..samples {
            let seen = path(sample) + Vector3::new(error(sample), error(sample + 3), 0.0);
            let hessian = Matrix3::from_diagonal(&Vector3::new(100.0, 100.0, 1e4));
            let measure = |at: Vector3<f64>| Information { at, hessian, gradient: hessian * (seen - at) };
            filter.advance(2, measure).unwrap();
        }
        let arm = filter.smooth().unwrap();
        assert!((arm.rotation - 0.7).abs() < 1e-3, "{}", arm.rotation);
        let worst = (0..samples).map(|s| {
            let exact = path(s);
            (arm.positions[s][0] - exact[0]).hypot(arm.positions[s][1] - exact[1])
        });
        let worst = worst.fold(0.0, f64::max);
        assert!(worst < 0.1, "{worst}");
        assert!(arm.errors[samples / 2] < 0.06, "{}", arm.errors[samples / 2]);
    }
}
