//! `report.html`: tables, pictures and provenance of a run on one self-contained page.

mod class_table;
mod metric_column;
mod page;
mod picture;
mod report_row;

pub use page::Page;
pub use picture::Picture;
pub use report_row::ReportRow;
