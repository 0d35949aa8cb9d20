//! Columns of the table.

use diph_recon::Evaluation;

/// What stands for a number that is not known.
pub(super) const UNKNOWN: &str = "–";

/// One metric: how it is called, found and written.
pub(super) struct MetricColumn {
    pub heading: &'static str,
    pub unit: &'static str,
    pub decimals: usize,
    /// Whether the lowest value is the best. Not so for the k-space error, which overfitting lowers, and for a signed error.
    pub lowest_is_best: bool,
    pub value: fn(&Evaluation) -> Option<f64>,
}

pub(super) const METRIC_COLUMNS: [MetricColumn; 11] = [
    column("T₁ MAPE", "%", 1, |e| e.t1_mape_percent),
    MetricColumn { lowest_is_best: false, ..column("T₁ bias", "%", 1, |e| e.t1_bias_percent) },
    column("T₁ median APE", "%", 1, |e| e.t1_median_ape_percent),
    column("T₂ MAPE", "%", 1, |e| e.t2_mape_percent),
    MetricColumn { lowest_is_best: false, ..column("T₂ bias", "%", 1, |e| e.t2_bias_percent) },
    column("T₂ median APE", "%", 1, |e| e.t2_median_ape_percent),
    column("PD NRMSE", "", 3, |e| e.pd_nrmse),
    column("TSMI NRMSE", "", 3, |e| e.tsmi_nrmse),
    MetricColumn { lowest_is_best: false, ..column("k-space NRMSE*", "", 3, |e| e.kspace_nrmse) },
    column("Bloch residual", "", 3, |e| e.bloch_residual),
    column("Time", "s", 2, |e| Some(e.seconds)),
];

const fn column(
    heading: &'static str,
    unit: &'static str,
    decimals: usize,
    value: fn(&Evaluation) -> Option<f64>,
) -> MetricColumn {
    MetricColumn { heading, unit, decimals, lowest_is_best: true, value }
}

impl MetricColumn {
    /// One text per row, and whether it is the best of several.
    pub(super) fn cells(&self, evaluations: &[&Evaluation]) -> Vec<(String, bool)> {
        let values: Vec<Option<f64>> =
            evaluations.iter().map(|e| (self.value)(e).filter(|value| value.is_finite())).collect();
        let best = values.iter().flatten().copied().reduce(f64::min).filter(|_| self.lowest_is_best);
        let texts: Vec<String> = values.iter().map(|&value| self.text(value)).collect();
        // Compared as written: what looks equal is equally good, and where all are equal none is the best.
        let best = best.map(|best| self.text(Some(best))).filter(|best| texts.iter().any(|text| text != best));
        texts.into_iter().map(|text| (text.clone(), best == Some(text))).collect()
    }

    fn text(&self, value: Option<f64>) -> String {
        value.map_or_else(|| UNKNOWN.into(), |value| format!("{value:.*}", self.decimals))
    }
}
