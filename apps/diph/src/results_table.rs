//! The results of a method as tables.

use diph_recon::Evaluation;
use diph_recon::evaluation::{MapErrors, VoxelClass, VoxelErrors};
use diph_recon::study::MethodResults;

use crate::output::Table;

/// Tables for people: one line a slice, and the mean; below the mean of several samples a single one, on average. Then, where a
/// reference is known, the errors in the mask, over the whole head and in the tissues of it.
pub fn results_table(results: &MethodResults) -> String {
    let mut table = Table::new([
        results.method.as_str(),
        "T1 MAPE",
        "T1 bias",
        "T1 med.",
        "T2 MAPE",
        "T2 bias",
        "T2 med.",
        "PD",
        "TSMI",
        "seconds",
    ]);
    for slice in &results.slices {
        table.row(row(format!("  {}/{}", slice.vol, slice.slice), &slice.evaluation));
        if !slice.samples.is_empty() {
            table.row(row("    single".into(), &Evaluation::mean(&slice.samples)));
        }
    }
    if results.slices.len() > 1 {
        table.row(row("  mean".into(), &results.mean));
    }
    let regions = regions_table(&results.mean).map_or_else(String::new, |table| format!("\n{table}"));
    format!("{table}{regions}")
}

fn row(name: String, evaluation: &Evaluation) -> [String; 10] {
    let fraction = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
    let [t1, t2, t1_median, t2_median] = evaluation.map_errors();
    let [t1_bias, t2_bias] = [evaluation.t1_bias_percent, evaluation.t2_bias_percent].map(signed);
    let (pd, tsmi) = (fraction(evaluation.pd_nrmse), fraction(evaluation.tsmi_nrmse));
    [name, t1, t1_bias, t1_median, t2, t2_bias, t2_median, pd, tsmi, format!("{:.2}", evaluation.seconds)]
}

fn regions_table(evaluation: &Evaluation) -> Option<Table<9>> {
    let regions = evaluation.regions.as_ref()?;
    let headings = ["region", "T1 MAPE", "T1 bias", "T1 med.", "T2 MAPE", "T2 bias", "T2 med.", "PD MAPE", "voxels"];
    let mut table = Table::new(headings);
    table.row(region_row("mask", &regions.mask.maps));
    table.row(region_row("whole head", &regions.head.maps));
    for tissue in VoxelClass::TISSUES {
        if let Some(errors) = regions.head.class(tissue.name).filter(|errors| errors.is_known()) {
            table.row(region_row(&format!("  {}", tissue.name), errors));
        }
    }
    Some(table)
}

fn region_row(name: &str, errors: &MapErrors) -> [String; 9] {
    let [t1, t1_bias, t1_median] = three(errors.t1);
    let [t2, t2_bias, t2_median] = three(errors.t2);
    let [pd, ..] = three(errors.pd);
    let voxels = errors.t1.map_or(0, |errors| errors.voxels);
    [name.into(), t1, t1_bias, t1_median, t2, t2_bias, t2_median, pd, voxels.to_string()]
}

/// MAPE, bias and median.
fn three(errors: Option<VoxelErrors>) -> [String; 3] {
    let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1} %"));
    [
        percent(errors.map(|errors| errors.mape_percent)),
        signed(errors.map(|errors| errors.bias_percent)),
        percent(errors.map(|errors| errors.median_ape_percent)),
    ]
}

fn signed(percent: Option<f64>) -> String {
    percent.map_or("-".into(), |value| format!("{value:+.1} %"))
}

#[cfg(test)]
mod tests {
    use diph_recon::evaluation::{ClassErrors, RegionErrors, Regions};
    use diph_recon::study::SliceResult;

    use super::*;

    fn slice(slice: usize, evaluation: Evaluation, samples: Vec<Evaluation>) -> SliceResult {
        SliceResult {
            vol: 0,
            slice,
            evaluation,
            iterations: None,
            stop: None,
            intensity: None,
            samples,
            simulated_kspace: false,
        }
    }

    #[test]
    fn the_table_has_slices_single_samples_and_the_mean() {
        let evaluation = |t1| Evaluation {
            t1_mape_percent: Some(t1),
            t1_bias_percent: Some(-t1),
            seconds: 1.5,
            ..Evaluation::default()
        };
        let results = MethodResults::new(
            "lrtv",
            vec![
                slice(1, evaluation(10.0), vec![]),
                slice(3, evaluation(30.0), vec![evaluation(5.0), evaluation(6.0)]),
            ],
        );
        let table = results_table(&results);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0][..3], ["lrtv", "T1", "MAPE"]);
        assert_eq!(lines[1], ["0/1", "10.0", "%", "-10.0", "%", "-", "-", "-", "-", "-", "-", "1.50"]);
        let names: Vec<&str> = lines.iter().map(|line| line[0]).collect();
        assert_eq!(names, ["lrtv", "0/1", "0/3", "single", "mean"]);
        assert_eq!((lines[3][1], lines[4][1]), ("5.5", "20.0"));
    }

    #[test]
    fn regions_stand_below_with_their_tissues() {
        let errors = |mape| VoxelErrors {
            voxels: 50,
            mape_percent: mape,
            bias_percent: 2.0,
            median_ape_percent: 4.0,
            median_bias_percent: 1.0,
        };
        let maps = |mape| MapErrors { t1: Some(errors(mape)), t2: None, pd: None };
        let class = |class: VoxelClass, maps| ClassErrors { class: class.name.into(), maps };
        let [white, grey, csf] = VoxelClass::TISSUES;
        let classes = vec![class(white, maps(6.0)), class(grey, MapErrors::default()), class(csf, maps(40.0))];
        let region = |mape| RegionErrors { maps: maps(mape), classes: classes.clone() };
        let regions = Some(Regions { mask: region(10.0), head: region(12.0) });
        let evaluation = Evaluation { regions, ..Evaluation::default() };
        let table = results_table(&MethodResults::new("unet", vec![slice(5, evaluation, vec![])]));
        let below: Vec<String> =
            table.lines().skip(3).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(below[0].starts_with("region T1 MAPE"), "{table}");
        assert_eq!(below[1], "mask 10.0 % +2.0 % 4.0 % - - - - 50");
        assert_eq!(below[2], "whole head 12.0 % +2.0 % 4.0 % - - - - 50");
        assert_eq!(below[3], "white matter 6.0 % +2.0 % 4.0 % - - - - 50");
        assert_eq!(below.len(), 5, "a tissue without voxels has no row: {table}");
    }
}
