//! Tables of errors by region and by class of voxels.

use diph_recon::Evaluation;
use diph_recon::evaluation::{MapErrors, Regions, VoxelClass, VoxelErrors};

use super::metric_column::UNKNOWN;

/// One table: a heading, its columns, and the cells of every row of the page.
pub(super) struct ClassTable {
    pub heading: &'static str,
    pub columns: Vec<String>,
    pub cells: Vec<Vec<String>>,
}

/// A column: what it shows of the errors of a slice.
type Column = (String, Box<dyn Fn(&Regions) -> Option<VoxelErrors>>);

impl ClassTable {
    /// Errors in the mask, over the whole head and in its tissues; then T1 by range of T1, and T2 by range of T2. None where no
    /// row has errors of regions.
    pub(super) fn all(evaluations: &[&Evaluation]) -> Vec<Self> {
        if evaluations.iter().all(|evaluation| evaluation.regions.is_none()) {
            return Vec::new();
        }
        let both = |name: &str, errors: fn(&Regions) -> Option<&MapErrors>| -> [Column; 2] {
            [
                (format!("{name} T₁"), Box::new(move |regions| errors(regions)?.t1)),
                (format!("{name} T₂"), Box::new(move |regions| errors(regions)?.t2)),
            ]
        };
        let mut regions: Vec<Column> = Vec::new();
        regions.extend(both("mask", |regions| Some(&regions.mask.maps)));
        regions.extend(both("whole head", |regions| Some(&regions.head.maps)));
        for VoxelClass { name, .. } in VoxelClass::TISSUES {
            regions.push((format!("{name} T₁"), Box::new(move |regions| regions.head.class(name)?.t1)));
            regions.push((format!("{name} T₂"), Box::new(move |regions| regions.head.class(name)?.t2)));
        }
        let of_t1 = |VoxelClass { name, .. }: VoxelClass| -> Column {
            (name.into(), Box::new(move |regions| regions.head.class(name)?.t1))
        };
        let of_t2 = |VoxelClass { name, .. }: VoxelClass| -> Column {
            (name.into(), Box::new(move |regions| regions.head.class(name)?.t2))
        };
        vec![
            Self::of("Errors by region and tissue", regions, evaluations),
            Self::of("T₁ errors by range of T₁", VoxelClass::T1_RANGES.map(of_t1).into(), evaluations),
            Self::of("T₂ errors by range of T₂", VoxelClass::T2_RANGES.map(of_t2).into(), evaluations),
        ]
    }

    fn of(heading: &'static str, columns: Vec<Column>, evaluations: &[&Evaluation]) -> Self {
        let row = |evaluation: &&Evaluation| {
            let errors = |(_, errors): &Column| evaluation.regions.as_ref().and_then(errors);
            columns.iter().map(|column| text(errors(column))).collect()
        };
        let cells = evaluations.iter().map(row).collect();
        Self { heading, columns: columns.into_iter().map(|(name, _)| name).collect(), cells }
    }
}

/// Mean absolute error and, in brackets, bias.
fn text(errors: Option<VoxelErrors>) -> String {
    errors.map_or_else(
        || UNKNOWN.into(),
        |errors| format!("{:.1} ({:+.1})", errors.mape_percent, errors.bias_percent).replace('-', "−"),
    )
}
