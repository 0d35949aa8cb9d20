//! The page as a whole.

use askama::Template;
use diph_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::class_table::ClassTable;
use super::metric_column::{METRIC_COLUMNS, MetricColumn, UNKNOWN};
use super::{Picture, ReportRow};
use diph_recon::Evaluation;

/// Everything that the report shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Heading.
    pub title: String,
    /// Paragraphs below it: what was done with which data.
    pub introduction: Vec<String>,
    /// What a row of the table is, for example `Method`.
    pub row_heading: String,
    /// The table.
    pub rows: Vec<ReportRow>,
    /// Pictures in order.
    pub pictures: Vec<Picture>,
    /// Named JSON at the end of the page, closed until clicked on: provenance, configurations.
    pub provenance: Vec<(String, Value)>,
}

impl Page {
    /// The page as one HTML file: style and pictures inside, no script, nothing loaded from elsewhere. The best value
    /// of each column is marked, except for the k-space error, which is no proof of quality.
    ///
    /// # Errors
    /// [`Error::External`] when the page cannot be put together.
    pub fn to_html(&self) -> Result<String> {
        let evaluations: Vec<&Evaluation> = self.rows.iter().map(|row| &row.evaluation).collect();
        let known = |column: &&MetricColumn| evaluations.iter().any(|e| (column.value)(e).is_some());
        let columns: Vec<&MetricColumn> = METRIC_COLUMNS.iter().filter(known).collect();
        let mut rows: Vec<HtmlRow<'_>> = self.rows.iter().map(|row| HtmlRow::new(row, self.coefficients())).collect();
        for column in &columns {
            for (row, (text, best)) in rows.iter_mut().zip(column.cells(&evaluations)) {
                row.cells.push(HtmlCell { text, best });
            }
        }
        let classes = ClassTable::all(&evaluations);
        let html = Html { page: self, columns, rows, classes, coefficients: self.coefficients() };
        html.render().map_err(|error| Error::external("report", error))
    }

    /// Largest number of TSMI coefficients that any row has errors of.
    fn coefficients(&self) -> usize {
        let counts =
            self.rows.iter().filter_map(|row| row.evaluation.tsmi_nrmse_per_coefficient.as_ref().map(Vec::len));
        counts.max().unwrap_or(0)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Html<'a> {
    page: &'a Page,
    columns: Vec<&'a MetricColumn>,
    rows: Vec<HtmlRow<'a>>,
    classes: Vec<ClassTable>,
    coefficients: usize,
}

impl Html<'_> {
    fn pretty(value: &Value) -> String {
        format!("{value:#}")
    }
}

/// A row as it is written in both tables.
struct HtmlRow<'a> {
    name: &'a str,
    cells: Vec<HtmlCell>,
    coefficients: Vec<String>,
}

impl<'a> HtmlRow<'a> {
    fn new(row: &'a ReportRow, coefficients: usize) -> Self {
        let errors = row.evaluation.tsmi_nrmse_per_coefficient.as_deref().unwrap_or_default();
        let text = |index| errors.get(index).map_or_else(|| UNKNOWN.into(), |error: &f64| format!("{error:.3}"));
        Self { name: &row.name, cells: Vec::new(), coefficients: (0..coefficients).map(text).collect() }
    }
}

struct HtmlCell {
    text: String,
    best: bool,
}

#[cfg(test)]
mod tests {
    use diph_recon::evaluation::{ClassErrors, MapErrors, RegionErrors, Regions, VoxelClass, VoxelErrors};
    use serde_json::json;

    use super::*;

    fn row(name: &str, t1: f64, kspace: f64) -> ReportRow {
        let evaluation =
            Evaluation { t1_mape_percent: Some(t1), kspace_nrmse: Some(kspace), seconds: 1.0, ..Evaluation::default() };
        ReportRow { name: name.into(), evaluation }
    }

    fn page() -> Page {
        Page {
            title: "Demo".into(),
            introduction: vec!["One slice.".into()],
            row_heading: "Method".into(),
            rows: vec![row("svd-mrf", 81.234, 0.52), row("lrtv", 30.5, 0.61)],
            pictures: vec![Picture { caption: "Maps".into(), png: vec![0x89, b'P', b'N', b'G'] }],
            provenance: vec![("Configuration".into(), json!({ "lambda": 0.01 }))],
        }
    }

    #[test]
    fn holds_everything_and_loads_nothing() {
        let html = page().to_html().unwrap();
        for part in
            ["<h1>Demo</h1>", "One slice.", "svd-mrf", "81.2", "Maps", "data:image/png;base64,iVBORw==", "lambda"]
        {
            assert!(html.contains(part), "{part}");
        }
        for outside in ["http:", "https:", "<script", "<link", "src=\"/", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(!html.contains("T₂ MAPE"), "a column that no row has");
    }

    #[test]
    fn marks_the_best_but_not_the_k_space_error() {
        let html = page().to_html().unwrap();
        assert!(html.contains("<td class=\"best\">30.5</td>"));
        assert!(html.contains("<td>0.520</td>") && html.contains("<td>0.610</td>"));
        assert!(!html.contains("<td class=\"best\">1.00</td>"), "equal times");
        let lone = Page { rows: vec![row("lrtv", 30.5, 0.6)], ..page() };
        assert!(!lone.to_html().unwrap().contains("class=\"best\""));
    }

    #[test]
    fn escapes_what_comes_from_outside() {
        let evil = "<b>\"x\" & 'y'</b>";
        let page = Page {
            title: evil.into(),
            introduction: vec![evil.into()],
            row_heading: evil.into(),
            rows: vec![row(evil, 1.0, 1.0)],
            pictures: vec![Picture { caption: evil.into(), png: Vec::new() }],
            provenance: vec![(evil.into(), json!({ evil: evil }))],
        };
        let html = page.to_html().unwrap();
        assert!(!html.contains("<b>") && !html.contains("\"x\""));
    }

    #[test]
    fn regions_and_ranges_have_tables_of_their_own() {
        let mut page = page();
        assert!(!page.to_html().unwrap().contains("Errors by region"));
        let errors = VoxelErrors {
            voxels: 30,
            mape_percent: 7.25,
            bias_percent: -3.0,
            median_ape_percent: 5.0,
            median_bias_percent: -2.0,
        };
        let maps = MapErrors { t1: Some(errors), ..MapErrors::default() };
        let classes = vec![ClassErrors { class: VoxelClass::T1_RANGES[1].name.into(), maps }];
        let head = RegionErrors { maps: MapErrors::default(), classes };
        page.rows[0].evaluation.regions = Some(Regions { head, ..Regions::default() });
        let html = page.to_html().unwrap();
        assert!(html.contains("T₁ errors by range of T₁") && html.contains("<th>T1 0.6-0.9 s</th>"));
        assert_eq!(html.matches("<td>7.2 (−3.0)</td>").count(), 1);
    }

    #[test]
    fn unknown_numbers_are_dashes() {
        let mut page = page();
        page.rows[0].evaluation.t1_mape_percent = None;
        page.rows[1].evaluation.t1_mape_percent = Some(f64::NAN);
        page.rows[1].evaluation.tsmi_nrmse_per_coefficient = Some(vec![0.1, 0.25]);
        let html = page.to_html().unwrap();
        assert!(html.matches("<td>–</td>").count() >= 2);
        assert!(html.contains("<td>0.250</td>") && !html.contains("NaN") && !html.contains("inf"));
    }
}
