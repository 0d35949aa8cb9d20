//! Gradients: piecewise linear in time.

/// A gradient event: straight lines between knots, zero outside of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// Times of the knots from the beginning of the block in seconds, ascending.
    times: Vec<f64>,
    /// Values at the knots in Hz/m.
    values: Vec<f64>,
    /// Moment up to every knot in 1/m.
    moments: Vec<f64>,
    /// Whether the first value is not known yet, but follows from the gradient before.
    pub(crate) follows: bool,
}

impl Gradient {
    /// A gradient of straight lines between knots; `None` unless there are as many values as times and times ascend.
    pub(crate) fn new(times: Vec<f64>, values: Vec<f64>) -> Option<Self> {
        let ascend = times.windows(2).all(|pair| pair[0] <= pair[1]);
        if times.len() != values.len() || !ascend || times.iter().chain(&values).any(|value| !value.is_finite()) {
            return None;
        }
        let mut gradient = Self { times, values, moments: Vec::new(), follows: false };
        gradient.integrate();
        Some(gradient)
    }

    /// A trapezoid.
    pub(crate) fn trapezoid(amplitude: f64, [rise, flat, fall, delay]: [f64; 4]) -> Option<Self> {
        let times = vec![delay, delay + rise, delay + rise + flat, delay + rise + flat + fall];
        Self::new(times, vec![0.0, amplitude, amplitude, 0.0])
    }

    fn integrate(&mut self) {
        let mut sum = 0.0;
        self.moments = (0..self.times.len())
            .map(|knot| {
                if knot > 0 {
                    let mean = 0.5 * (self.values[knot - 1] + self.values[knot]);
                    sum += mean * (self.times[knot] - self.times[knot - 1]);
                }
                sum
            })
            .collect();
    }

    /// Sets the value at the first knot.
    pub(crate) fn start_at(&mut self, value: f64) {
        if let Some(first) = self.values.first_mut() {
            *first = value;
        }
        self.follows = false;
        self.integrate();
    }

    /// When the last knot is.
    pub(crate) fn end(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }

    /// When the first knot is.
    pub(crate) fn begin(&self) -> f64 {
        self.times.first().copied().unwrap_or(0.0)
    }

    /// Value at the last knot.
    pub(crate) fn last(&self) -> f64 {
        self.values.last().copied().unwrap_or(0.0)
    }

    /// Moment in 1/m from the beginning of the block to `time`.
    pub fn moment(&self, time: f64) -> f64 {
        let after = self.times.partition_point(|knot| *knot <= time);
        let Some(before) = after.checked_sub(1) else { return 0.0 };
        let Some(next) = self.times.get(after) else { return self.moments[before] };
        let (since, length) = (time - self.times[before], next - self.times[before]);
        let slope = (self.values[after] - self.values[before]) / length;
        self.moments[before] + since * (self.values[before] + 0.5 * slope * since)
    }

    /// Whether it does anything.
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_trapezoid() {
        let trapezoid = Gradient::trapezoid(10.0, [1.0, 2.0, 1.0, 0.5]).unwrap();
        for (time, moment) in [(0.0, 0.0), (0.5, 0.0), (1.0, 1.25), (1.5, 5.0), (2.5, 15.0), (4.5, 30.0), (9.0, 30.0)] {
            assert!((trapezoid.moment(time) - moment).abs() < 1e-12, "{time}: {}", trapezoid.moment(time));
        }
        assert!(Gradient::trapezoid(10.0, [-1.0, 2.0, 1.0, 0.0]).is_none());
        let edge = Gradient::trapezoid(2.0, [0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(edge.moment(0.5), 1.0);
    }
}
