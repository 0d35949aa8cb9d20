//! The results of a method as a table.

use diph_recon::Evaluation;
use diph_recon::study::MethodResults;

use crate::output::Table;

/// A table for people: one line a slice, and the mean. Below the mean of several samples: a single one, on average.
pub fn results_table(results: &MethodResults) -> String {
    let mut table =
        Table::new([results.method.as_str(), "T1 MAPE", "T2 MAPE", "T1 med.", "T2 med.", "PD", "TSMI", "seconds"]);
    for slice in &results.slices {
        table.row(row(format!("  {}/{}", slice.vol, slice.slice), &slice.evaluation));
        if !slice.samples.is_empty() {
            table.row(row("    single".into(), &Evaluation::mean(&slice.samples)));
        }
    }
    if results.slices.len() > 1 {
        table.row(row("  mean".into(), &results.mean));
    }
    table.to_string()
}
fn row(name: String, evaluation: &Evaluation) -> [String; 8] {
    let fraction = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
    let [t1, t2, t1_median, t2_median] = evaluation.map_errors();
    let (pd, tsmi) = (fraction(evaluation.pd_nrmse), fraction(evaluation.tsmi_nrmse));
    [name, t1, t2, t1_median, t2_median, pd, tsmi, format!("{:.2}", evaluation.seconds)]
}

#[cfg(test)]
mod tests {
    use diph_recon::study::SliceResult;

    use super::*;

    #[test]
    fn the_table_has_slices_single_samples_and_the_mean() {
        let evaluation = |t1| Evaluation { t1_mape_percent: Some(t1), seconds: 1.5, ..Evaluation::default() };
        let slice = |slice, samples| SliceResult {
            vol: 0,
            slice,
            evaluation: evaluation(10.0 * slice as f64),
            iterations: None,
            stop: None,
            intensity: None,
            samples,
            simulated_kspace: false,
        };
        let results =
            MethodResults::new("lrtv", vec![slice(1, vec![]), slice(3, vec![evaluation(5.0), evaluation(6.0)])]);
        let table = results_table(&results);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0][..3], ["lrtv", "T1", "MAPE"]);
        assert_eq!(lines[1], ["0/1", "10.0", "%", "-", "-", "-", "-", "-", "1.50"]);
        let names: Vec<&str> = lines.iter().map(|line| line[0]).collect();
        assert_eq!(names, ["lrtv", "0/1", "0/3", "single", "mean"]);
        assert_eq!((lines[3][1], lines[4][1]), ("5.5", "20.0"));
    }
}
