//! Methods over the same slices, each beside a baseline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CONFIDENCE, METRICS, Metric, PairedDifference, Summary, common_slices};
use crate::evaluation::Regions;
use crate::study::{MethodResults, SliceResult};
use crate::{FailedSlice, ReconError};

/// Several methods over the same slices: `comparison.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The method that the others are set against.
    pub baseline: String,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// The methods in the order of the call.
    pub methods: Vec<ComparedMethod>,
    /// Slices that not every method has, as `vol0_slice5`: nothing here is of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Slices that failed. A method of which all did is not among [`methods`](Self::methods).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedSlice>,
}

/// One method of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedMethod {
    /// Name of the method.
    pub method: String,
    /// By the [key](Metric::key) of the metric; those that no slice has are left out.
    pub metrics: BTreeMap<String, MetricComparison>,
    /// Errors by region, tissue and range, as means over the slices.
    pub regions: Option<Regions>,
    /// The results of each slice, in the order of the study.
    pub slices: Vec<SliceResult>,
}

/// One metric of one method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// Over the slices.
    #[serde(flatten)]
    pub summary: Summary,
    /// Method minus baseline, slice by slice; absent for the baseline itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<PairedDifference>,
}

impl Comparison {
    /// Sets methods against the one of the name `baseline`, over the [slices that all have](common_slices).
    ///
    /// # Errors
    /// [`ReconError::Setting`] for `baseline` when no method with slices bears its name.
    pub fn new(results: &[MethodResults], baseline: &str) -> Result<Self, ReconError> {
        let (results, left_out) = common_slices(results);
        let Some(reference) = results.iter().find(|results| results.method == baseline) else {
            let names: Vec<&str> = results.iter().map(|results| results.method.as_str()).collect();
            let message = format!("expected one of the methods {}, got {baseline}", names.join(", "));
            return Err(ReconError::setting("baseline", message));
        };
        let methods = results.iter().map(|results| ComparedMethod::new(results, reference)).collect();
        let left_out = left_out.iter().map(ToString::to_string).collect();
        Ok(Self { baseline: baseline.into(), confidence: CONFIDENCE, methods, left_out, failed: Vec::new() })
    }

    /// Number of slices that are compared.
    pub fn slices(&self) -> usize {
        self.methods.first().map_or(0, |method| method.slices.len())
    }
}

impl ComparedMethod {
    fn new(results: &MethodResults, baseline: &MethodResults) -> Self {
        let compare = |metric: Metric| {
            let difference = (results.method != baseline.method)
                .then(|| PairedDifference::of(paired_differences(results, baseline, metric)))
                .flatten();
            let summary = summary(&results.slices, metric)?;
            Some((metric.key.to_owned(), MetricComparison { summary, difference }))
        };
        Self {
            method: results.method.clone(),
            metrics: METRICS.into_iter().filter_map(compare).collect(),
            regions: results.mean.regions.clone(),
            slices: results.slices.clone(),
        }
    }

    /// A metric's value of every slice that has it, in order.
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.slices.iter().filter_map(|slice| (metric.value)(&slice.evaluation)).collect()
    }
}

/// Mean and deviation of a metric over slices.
pub(super) fn summary(slices: &[SliceResult], metric: Metric) -> Option<Summary> {
    Summary::of(slices.iter().filter_map(|slice| (metric.value)(&slice.evaluation)))
}

fn paired_differences(results: &MethodResults, baseline: &MethodResults, metric: Metric) -> Vec<f64> {
    let own = |slice: &SliceResult| (metric.value)(&slice.evaluation);
    let of_baseline = |slice: &SliceResult| {
        let same = |other: &&SliceResult| (other.vol, other.slice) == (slice.vol, slice.slice);
        own(baseline.slices.iter().find(same)?)
    };
    results.slices.iter().filter_map(|slice| Some(own(slice)? - of_baseline(slice)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Evaluation;

    fn results(method: &str, t1: &[(usize, f64)]) -> MethodResults {
        let slice = |&(slice, t1): &(usize, f64)| SliceResult {
            vol: 0,
            slice,
            evaluation: Evaluation { t1_mape_percent: Some(t1), seconds: 1.0, ..Evaluation::default() },
            iterations: None,
            stop: None,
            intensity: None,
            samples: Vec::new(),
            simulated_kspace: false,
        };
        MethodResults::new(method, t1.iter().map(slice).collect())
    }

    #[test]
    fn only_slices_that_every_method_has_are_compared() {
        let (base, other) =
            (results("lrtv", &[(5, 13.0), (10, 12.0)]), results("mmse", &[(10, 10.0), (5, 12.0), (15, 99.0)]));
        let comparison = Comparison::new(&[base, other, results("unet", &[])], "lrtv").unwrap();
        assert_eq!((comparison.methods.len(), comparison.slices()), (2, 2));
        assert_eq!(comparison.left_out, ["vol0_slice15"]);
        let t1 = comparison.methods[1].metrics["t1_mape_percent"];
        assert_eq!((t1.summary.slices, t1.difference.unwrap().slices), (2, 2));
        assert_eq!(t1.summary.mean, 11.0);
        assert!((t1.difference.unwrap().mean + 1.5).abs() < 1e-12);
        assert_eq!(comparison.methods[0].metrics["t1_mape_percent"].difference, None);
        assert!(!comparison.methods[0].metrics.contains_key("t2_mape_percent"));
        let error = Comparison::new(&[], "lrtv").unwrap_err().to_string();
        assert!(error.starts_with("baseline: expected one of the methods"), "{error}");
        let text = serde_json::to_string(&comparison).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&text).unwrap(), comparison);
    }
}
