//! Several methods over the same slices, and settings of methods over ranges of values: the numbers and their tables.
//!
//! What is compared is a [`study`](crate::study) each, whose folders are ordinary results; here stands what is made of them.

mod common_slices;
mod comparison;
mod metric;
mod statistics;
mod sweep;
mod tables;

pub use common_slices::{common_slices, missing_slices};
pub use comparison::{ComparedMethod, Comparison, MetricComparison};
pub use metric::{METRICS, Metric};
pub use statistics::{CONFIDENCE, PairedDifference, Summary, student_quantile};
pub use sweep::{Sweep, SweepAxis, SweepPoint, SweptPoint};
pub use tables::{comparison_csv, comparison_markdown, few_slices, slices_csv, sweep_csv, sweep_markdown};
