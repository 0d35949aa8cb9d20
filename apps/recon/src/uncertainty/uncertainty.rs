//! What is known of how good a result's maps are.

use ndarray::ArrayD;

use super::Deviations;

/// What is known of how good a result's maps are, without knowing the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncertainty {
    /// Voxels whose fit is to be trusted, (\[z,\] y, x); see [`TrustRule`](super::TrustRule).
    pub trusted: ArrayD<bool>,
    /// Deviations, where samples were drawn.
    pub deviations: Option<Deviations>,
    /// Whether a [`Calibration`](super::Calibration) has made errors of the samples' spread.
    pub is_calibrated: bool,
}

impl Uncertainty {
    /// The result in a line: of the voxels of `head` (\[z,\] y, x) how many are trusted, and their median deviations.
    pub fn summary(&self, head: &ArrayD<bool>) -> String {
        let inside: Vec<bool> = head.iter().zip(&self.trusted).map(|(head, trusted)| *head && *trusted).collect();
        let (voxels, kept) = (count(head.iter()), count(inside.iter()));
        let share = 100.0 * kept as f64 / voxels.max(1) as f64;
        let trusted = format!("{share:.0} % of the head to be trusted");
        let Some(deviations) = &self.deviations else { return trusted };
        let median = |map: &ArrayD<f32>| {
            let values = map.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(value, _)| f64::from(*value));
            100.0 * diph_core::metrics::median(&values.collect::<Vec<f64>>())
        };
        if kept == 0 {
            return trusted;
        }
        let kind = if self.is_calibrated { "calibrated" } else { "that of the samples, not calibrated" };
        let (t1, t2) = (median(&deviations.t1), median(&deviations.t2));
        format!("{trusted}; their median deviation is {t1:.1} % in T1 and {t2:.1} % in T2 ({kind})")
    }
}

fn count<'a>(region: impl Iterator<Item = &'a bool>) -> usize {
    region.filter(|inside| **inside).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let map = |value: f32| ArrayD::from_elem(vec![2, 2], value);
        let mut trusted = ArrayD::from_elem(vec![2, 2], true);
        trusted[[0, 0]] = false;
        let head = ArrayD::from_elem(vec![2, 2], true);
        let mut uncertainty = Uncertainty { trusted, deviations: None, is_calibrated: false };
        assert_eq!(uncertainty.summary(&head), "75 % of the head to be trusted");
        uncertainty.deviations = Some(Deviations { t1: map(0.1), t2: map(0.25), pd: map(0.1) });
        assert!(
            uncertainty.summary(&head).contains("10.0 % in T1 and 25.0 % in T2 (that of the samples, not calibrated)")
        );
        let none = ArrayD::from_elem(vec![2, 2], false);
        assert_eq!(uncertainty.summary(&none), "0 % of the head to be trusted");
    }
}
