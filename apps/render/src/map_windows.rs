//! Ranges of numbers that the colours span.

/// Ranges of numbers that the colours span. The same ranges for all results make pictures comparable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapWindows {
    /// T1 in s.
    pub t1_s: (f32, f32),
    /// T2 in s.
    pub t2_s: (f32, f32),
    /// Relative errors from minus to plus this many percent.
    pub error_percent: f32,
}

impl Default for MapWindows {
    /// Brain tissue at 3 T: T1 up to 2.5 s, T2 up to 0.2 s, errors up to 50 %.
    fn default() -> Self {
        Self { t1_s: (0.0, 2.5), t2_s: (0.0, 0.2), error_percent: 50.0 }
    }
}
