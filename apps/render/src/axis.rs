//! An axis: what it spans, where a number lies on it, and where its ticks are.

use super::ticks::{Tick, linear_ticks, log_ticks};

/// How numbers are laid along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; numbers that are not positive are left out.
    Log,
}

impl AxisScale {
    /// The number as it lies on the axis; not finite where it has no place.
    fn laid(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
        }
    }

    /// Whether a number can be drawn.
    pub(super) fn shows(self, value: f64) -> bool {
        self.laid(value).is_finite()
    }
}

/// An axis with its ticks.
pub(super) struct Axis {
    scale: AxisScale,
    low: f64,
    high: f64,
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// An axis from the least to the greatest of the numbers that it can show, widened by a share of their distance on both
    /// sides; a lone number gets room. `None` where there is no number.
    pub(super) fn over(scale: AxisScale, values: impl Iterator<Item = f64>, share: f64, ticks: usize) -> Option<Self> {
        let laid = values.map(|value| scale.laid(value)).filter(|value| value.is_finite());
        let (low, high) = laid.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let room = match high - low {
            0.0 if scale == AxisScale::Log => 0.3,
            0.0 if low == 0.0 => 1.0,
            0.0 => 0.5 * low.abs(),
            length => share * length,
        };
        let (low, high) = (low - room, high + room);
        let ticks = match scale {
            AxisScale::Linear => linear_ticks(low, high, ticks),
            AxisScale::Log => log_ticks(10f64.powf(low), 10f64.powf(high)),
        };
        Some(Self { scale, low, high, ticks })
    }

    /// Where a number lies, from 0 at the start to 1 at the end.
    pub(super) fn position(&self, value: f64) -> f64 {
        (self.scale.laid(value) - self.low) / (self.high - self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_on_both_scales() {
        let linear = Axis::over(AxisScale::Linear, [2.0, f64::NAN, 6.0].into_iter(), 0.0, 5).unwrap();
        assert_eq!((linear.position(2.0), linear.position(3.0), linear.position(6.0)), (0.0, 0.25, 1.0));
        let log = Axis::over(AxisScale::Log, [0.1, -3.0, 0.0, 1000.0].into_iter(), 0.0, 5).unwrap();
        assert!((log.position(1.0) - 0.25).abs() < 1e-12);
        assert!(!AxisScale::Log.shows(0.0) && AxisScale::Linear.shows(0.0));
    }

    #[test]
    fn a_lone_number_has_room_and_none_is_no_axis() {
        for (scale, value) in [(AxisScale::Linear, 0.0), (AxisScale::Linear, 8.0), (AxisScale::Log, 8.0)] {
            let axis = Axis::over(scale, std::iter::once(value), 0.0, 5).unwrap();
            assert!((axis.position(value) - 0.5).abs() < 1e-12);
        }
        assert!(Axis::over(AxisScale::Log, [0.0, -1.0].into_iter(), 0.0, 5).is_none());
    }
}
