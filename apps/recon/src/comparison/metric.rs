//! The numbers that methods are compared by.

use crate::Evaluation;
use crate::evaluation::{MapErrors, VoxelErrors};
use crate::uncertainty::MapCoverage;

/// A number of a slice's evaluation. The lower the better, but for a bias, whose best is 0, and for coverages, whose best is
/// [what normal errors have](crate::uncertainty::Coverage::NOMINAL).
#[derive(Clone, Copy)]
pub struct Metric {
    /// Name in files, for example `head_t2_mape_percent`.
    pub key: &'static str,
    /// Heading in tables.
    pub name: &'static str,
    /// Unit, empty for a fraction.
    pub unit: &'static str,
    /// Decimals in tables.
    pub decimals: usize,
    /// The number, where a slice has it.
    pub value: fn(&Evaluation) -> Option<f64>,
}

/// All of them, those of the mask first.
pub const METRICS: [Metric; 23] = [
    percent("t1_mape_percent", "T1 MAPE", |e| e.t1_mape_percent),
    percent("t2_mape_percent", "T2 MAPE", |e| e.t2_mape_percent),
    percent("t1_bias_percent", "T1 bias", |e| e.t1_bias_percent),
    percent("t2_bias_percent", "T2 bias", |e| e.t2_bias_percent),
    percent("t1_median_ape_percent", "T1 median", |e| e.t1_median_ape_percent),
    percent("t2_median_ape_percent", "T2 median", |e| e.t2_median_ape_percent),
    percent("head_t1_mape_percent", "head T1 MAPE", |e| Some(t1(e)?.mape_percent)),
    percent("head_t2_mape_percent", "head T2 MAPE", |e| Some(t2(e)?.mape_percent)),
    percent("head_t1_bias_percent", "head T1 bias", |e| Some(t1(e)?.bias_percent)),
    percent("head_t2_bias_percent", "head T2 bias", |e| Some(t2(e)?.bias_percent)),
    percent("head_t1_median_ape_percent", "head T1 median", |e| Some(t1(e)?.median_ape_percent)),
    percent("head_t2_median_ape_percent", "head T2 median", |e| Some(t2(e)?.median_ape_percent)),
    fraction("pd_nrmse", "PD NRMSE", |e| e.pd_nrmse),
    fraction("tsmi_nrmse", "TSMI NRMSE", |e| e.tsmi_nrmse),
    percent("t1_within_1_percent", "T1 within 1", |e| Some(mask_coverage(e)?.t1?.within_1_percent)),
    percent("t1_within_2_percent", "T1 within 2", |e| Some(mask_coverage(e)?.t1?.within_2_percent)),
    percent("t2_within_1_percent", "T2 within 1", |e| Some(mask_coverage(e)?.t2?.within_1_percent)),
    percent("t2_within_2_percent", "T2 within 2", |e| Some(mask_coverage(e)?.t2?.within_2_percent)),
    percent("head_t1_within_1_percent", "head T1 within 1", |e| Some(head_coverage(e)?.t1?.within_1_percent)),
    percent("head_t1_within_2_percent", "head T1 within 2", |e| Some(head_coverage(e)?.t1?.within_2_percent)),
    percent("head_t2_within_1_percent", "head T2 within 1", |e| Some(head_coverage(e)?.t2?.within_1_percent)),
    percent("head_t2_within_2_percent", "head T2 within 2", |e| Some(head_coverage(e)?.t2?.within_2_percent)),
    Metric { key: "seconds", name: "seconds", unit: "s", decimals: 2, value: |e| Some(e.seconds) },
];

impl Metric {
    /// The metric of that name in files.
    pub fn find(key: &str) -> Option<Self> {
        METRICS.into_iter().find(|metric| metric.key == key)
    }

    /// A number as tables show it.
    pub fn text(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }
}

const fn percent(key: &'static str, name: &'static str, value: fn(&Evaluation) -> Option<f64>) -> Metric {
    Metric { key, name, unit: "%", decimals: 1, value }
}

const fn fraction(key: &'static str, name: &'static str, value: fn(&Evaluation) -> Option<f64>) -> Metric {
    Metric { key, name, unit: "", decimals: 3, value }
}

fn head(evaluation: &Evaluation) -> Option<&MapErrors> {
    evaluation.regions.as_ref().map(|regions| &regions.head.maps)
}

fn mask_coverage(evaluation: &Evaluation) -> Option<MapCoverage> {
    evaluation.certainty.map(|certainty| certainty.mask.coverage)
}

fn head_coverage(evaluation: &Evaluation) -> Option<MapCoverage> {
    evaluation.certainty.map(|certainty| certainty.head.coverage)
}

fn t1(evaluation: &Evaluation) -> Option<VoxelErrors> {
    head(evaluation)?.t1
}

fn t2(evaluation: &Evaluation) -> Option<VoxelErrors> {
    head(evaluation)?.t2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_are_unique_and_found() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..index].iter().all(|other| other.key != metric.key), "{}", metric.key);
            assert_eq!(Metric::find(metric.key).map(|found| found.name), Some(metric.name));
        }
        assert!(Metric::find("speed").is_none());
    }
}
