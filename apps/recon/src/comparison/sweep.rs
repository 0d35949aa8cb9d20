//! Settings of methods over ranges of values.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::comparison::summary;
use super::{METRICS, Summary, common_slices};
use crate::config::Override;
use crate::study::{MethodResults, SliceResult};
use crate::{FailedSlice, ReconError};

/// A dotted key of methods and the values that it takes in turn. As text it is `KEY=V1,V2,..`, each value JSON where it is JSON
/// and a string otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepAxis {
    /// Dotted key, for example `solver.annealed.data.lambda`.
    pub key: String,
    /// Its values in order.
    pub values: Vec<Value>,
}

impl FromStr for SweepAxis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("expected KEY=VALUE,VALUE,.., got `{text}`");
        let (key, values) = text.split_once('=').ok_or_else(malformed)?;
        // As one list first, so that values may be lists or objects with commas inside.
        let listed = serde_json::from_str::<Vec<Value>>(&format!("[{values}]"));
        let single = |value: &str| serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let values = listed.unwrap_or_else(|_| values.split(',').map(single).collect());
        if key.split('.').any(str::is_empty) || values.is_empty() || values.contains(&Value::from("")) {
            return Err(malformed());
        }
        if let Some((_, twice)) = values.iter().enumerate().find(|(index, value)| values[..*index].contains(value)) {
            return Err(format!("the value {twice} of `{key}` is there twice"));
        }
        Ok(Self { key: key.into(), values })
    }
}

impl SweepAxis {
    /// Where a value lies on an axis of a plot: itself where all values are numbers, otherwise its place in the list.
    pub fn position(&self, value: &Value) -> Option<f64> {
        match self.is_numeric() {
            true => value.as_f64(),
            false => self.values.iter().position(|own| own == value).map(|index| index as f64),
        }
    }

    /// Whether all values are numbers.
    pub fn is_numeric(&self) -> bool {
        self.values.iter().all(Value::is_number)
    }

    /// Whether all values are positive numbers that span a factor of ten or more, as regularisation weights do.
    pub fn is_logarithmic(&self) -> bool {
        let numbers: Vec<f64> = self.values.iter().filter_map(Value::as_f64).collect();
        let (least, greatest) =
            numbers.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
        numbers.len() == self.values.len() && least > 0.0 && greatest >= 10.0 * least
    }
}

/// One combination of values, one for each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// The dotted keys that are set in this run, with their values.
    pub settings: Vec<(String, Value)>,
}

impl SweepPoint {
    /// All combinations, the last axis the fastest.
    pub fn all(axes: &[SweepAxis]) -> Vec<Self> {
        axes.iter().fold(vec![Self { settings: Vec::new() }], |points, axis| {
            let with = |point: &Self, value: &Value| {
                let mut settings = point.settings.clone();
                settings.push((axis.key.clone(), value.clone()));
                Self { settings }
            };
            points.iter().flat_map(|point| axis.values.iter().map(move |value| with(point, value))).collect()
        })
    }

    /// The settings as changes of a method.
    pub fn overrides(&self) -> Vec<Override> {
        self.settings.iter().map(|(key, value)| Override::new(key, value.clone())).collect()
    }

    /// Name of the folder of its results, for example `solver.fista.lambda=0.01`: what no file system minds stays, the rest becomes
    /// `_`.
    pub fn folder(&self) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._=+-".contains(c) { c } else { '_' };
        let settings = self.settings.iter().map(|(key, value)| format!("{key}={}", text(value)));
        settings.collect::<Vec<_>>().join("__").chars().map(plain).collect::<String>().into()
    }
}

/// A value as it is typed.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// All results of a sweep: `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The dotted keys that were changed, each with its values.
    pub axes: Vec<SweepAxis>,
    /// Methods in the order of the call, and for each all points.
    pub points: Vec<SweptPoint>,
    /// Slices that not every method has at every point, as `vol0_slice5`: nothing here is of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Slices that failed. A point of which all did is not among [`points`](Self::points).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedSlice>,
}

/// One method at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptPoint {
    /// Name of the method.
    pub method: String,
    /// What was set, in the order of the axes.
    pub settings: Vec<(String, Value)>,
    /// By the [key](super::Metric::key) of the metric, over the slices.
    pub metrics: BTreeMap<String, Summary>,
    /// The results of each slice at these settings.
    pub slices: Vec<SliceResult>,
}

impl SweptPoint {
    /// The results of a method at a point.
    fn new(point: &SweepPoint, results: MethodResults) -> Self {
        let of = |metric: super::Metric| Some((metric.key.to_owned(), summary(&results.slices, metric)?));
        Self {
            metrics: METRICS.into_iter().filter_map(of).collect(),
            method: results.method,
            settings: point.settings.clone(),
            slices: results.slices,
        }
    }

    /// Mean of a metric.
    pub fn mean(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).map(|summary| summary.mean)
    }
}

impl Sweep {
    /// The results of methods at points, over the [slices that all have](common_slices), beside what failed.
    pub fn new(axes: Vec<SweepAxis>, runs: Vec<(&SweepPoint, MethodResults)>, failed: Vec<FailedSlice>) -> Self {
        let (points, results): (Vec<_>, Vec<_>) = runs.into_iter().filter(|(_, run)| !run.slices.is_empty()).unzip();
        let (results, left_out) = common_slices(&results);
        let points = points.into_iter().zip(results).map(|(point, results)| SweptPoint::new(point, results)).collect();
        Self { axes, points, left_out: left_out.iter().map(ToString::to_string).collect(), failed }
    }

    /// Number of slices that the means are over.
    pub fn slices(&self) -> usize {
        self.points.first().map_or(0, |point| point.slices.len())
    }

    /// Fails where results of two points would lie in one folder.
    ///
    /// # Errors
    /// [`ReconError::Setting`] for `set_range`.
    pub fn check_folders(points: &[SweepPoint]) -> Result<(), ReconError> {
        let folders: Vec<PathBuf> = points.iter().map(SweepPoint::folder).collect();
        match folders.iter().enumerate().find(|(index, folder)| folders[..*index].contains(folder)) {
            None => Ok(()),
            Some((_, folder)) => {
                let message = format!("two points would have the folder {}; sweep them apart", folder.display());
                Err(ReconError::setting("set_range", message))
            }
        }
    }

    /// The point of a method with the lowest mean of a metric.
    pub fn best(&self, method: &str, key: &str) -> Option<&SweptPoint> {
        let known = self.points.iter().filter(|point| point.method == method && point.mean(key).is_some());
        known.min_by(|a, b| a.mean(key).unwrap_or(f64::NAN).total_cmp(&b.mean(key).unwrap_or(f64::NAN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_read_from_text() {
        let axis: SweepAxis = "solver.annealed.data.lambda=1e-4,1e-3,1e-2".parse().unwrap();
        assert_eq!(axis.values, [1e-4, 1e-3, 1e-2].map(Value::from));
        assert!(axis.is_numeric() && axis.is_logarithmic());
        let axis: SweepAxis = "condition=adjoint,cg-10".parse().unwrap();
        assert_eq!((axis.position(&"cg-10".into()), axis.is_logarithmic()), (Some(1.0), false));
        let axis: SweepAxis = "prior.options.coefficient_weights=[1,1],[1,2]".parse().unwrap();
        assert_eq!(axis.values.len(), 2);
        assert!(!"a=0,1,2".parse::<SweepAxis>().unwrap().is_logarithmic());
        for text in ["a", "=1", "a=", "a=1,,2", "a..b=1", "a=1,1"] {
            assert!(text.parse::<SweepAxis>().is_err(), "{text}");
        }
    }

    #[test]
    fn points_are_all_combinations_with_folders_of_their_own() {
        let axes = ["a.b=1,2".parse().unwrap(), "c=x/y,z".parse().unwrap()];
        let points = SweepPoint::all(&axes);
        let folders: Vec<String> = points.iter().map(|point| point.folder().display().to_string()).collect();
        assert_eq!(folders, ["a.b=1__c=x_y", "a.b=1__c=z", "a.b=2__c=x_y", "a.b=2__c=z"]);
        assert_eq!(points[0].overrides(), [Override::new("a.b", 1), Override::new("c", "x/y")]);
        Sweep::check_folders(&points).unwrap();
        let clash = SweepPoint::all(&["c=x/y,x_y".parse().unwrap()]);
        assert!(Sweep::check_folders(&clash).unwrap_err().to_string().contains("c=x_y"));
    }
}
