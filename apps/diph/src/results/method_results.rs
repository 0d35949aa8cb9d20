//! `metrics.json` of a whole run.

use serde::{Deserialize, Serialize};

use super::SliceResult;
use crate::reconstruction::Evaluation;

/// All slices that a method reconstructed, and their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodResults {
    /// Name of the method.
    pub method: String,
    /// One entry per slice.
    pub slices: Vec<SliceResult>,
    /// Mean over the slices.
    pub mean: Evaluation,
}

impl MethodResults {
    /// Results with their mean.
    pub fn new(method: impl Into<String>, slices: Vec<SliceResult>) -> Self {
        let mean = Evaluation::mean(slices.iter().map(|slice| &slice.evaluation));
        Self { method: method.into(), slices, mean }
    }

    /// A table for people: one line a slice, and the mean. Below the mean of several samples: a single one, on average.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<24} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}\n",
            self.method, "T1 MAPE", "T2 MAPE", "T1 med.", "T2 med.", "PD", "TSMI", "seconds"
        );
        for slice in &self.slices {
            text += &line(&format!("{}/{}", slice.vol, slice.slice), &slice.evaluation);
            if !slice.samples.is_empty() {
                text += &line("  single", &Evaluation::mean(&slice.samples));
            }
        }
        if self.slices.len() > 1 {
            text += &line("mean", &self.mean);
        }
        text
    }
}

fn line(name: &str, e: &Evaluation) -> String {
    let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1} %"));
    let fraction = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
    format!(
        "  {name:<22} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8.2}\n",
        percent(e.t1_mape_percent),
        percent(e.t2_mape_percent),
        percent(e.t1_median_ape_percent),
        percent(e.t2_median_ape_percent),
        fraction(e.pd_nrmse),
        fraction(e.tsmi_nrmse),
        e.seconds
    )
}
