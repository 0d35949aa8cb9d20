//! How good a reconstructed slice is.

use diph_core::{Error, ForwardOperator, ParameterMaps, Result, View, metrics, vector};
use ndarray::{ArrayD, ArrayViewD, Axis};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{Certainty, Regions};
use crate::reconstruction::Reconstruction;
use crate::slices::Truth;
use crate::uncertainty::Uncertainty;

/// Metrics of one slice; errors in percent where the name says so, otherwise as fractions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean absolute percentage error of T1 inside the mask.
    pub t1_mape_percent: Option<f64>,
    /// Mean absolute percentage error of T2 inside the mask.
    pub t2_mape_percent: Option<f64>,
    /// Median absolute percentage error of T1 inside the mask.
    pub t1_median_ape_percent: Option<f64>,
    /// Median absolute percentage error of T2 inside the mask.
    pub t2_median_ape_percent: Option<f64>,
    /// Mean signed percentage error of T1 inside the mask: positive where T1 is too high.
    #[serde(default)]
    pub t1_bias_percent: Option<f64>,
    /// Mean signed percentage error of T2 inside the mask: positive where T2 is too high.
    #[serde(default)]
    pub t2_bias_percent: Option<f64>,
    /// Complex NRMSE of PD inside the mask after the best complex scale.
    pub pd_nrmse: Option<f64>,
    /// Complex NRMSE of the TSMI.
    pub tsmi_nrmse: Option<f64>,
    /// The same per coefficient: the last ones carry T2.
    pub tsmi_nrmse_per_coefficient: Option<Vec<f64>>,
    /// Unweighted k-space NRMSE against the measurement. No proof of quality: noise can be fitted.
    pub kspace_nrmse: Option<f64>,
    /// `||x - P(x)|| / ||x||` of the last image that fits the data.
    pub bloch_residual: Option<f64>,
    /// Time of the reconstruction; that of a single sample includes the preparation that it shares with others.
    pub seconds: f64,
    /// Errors of every map in the mask and over the whole head, by tissue, by range of T1 and by range of T2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
    /// How deviations and trusted voxels go with the errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
}

impl Evaluation {
    /// Measures a reconstruction against what is known.
    ///
    /// # Errors
    /// When shapes do not fit, or the operator fails.
    pub fn of(
        reconstruction: &Reconstruction,
        operator: &dyn ForwardOperator,
        samples: View<'_>,
        truth: Option<&Truth>,
    ) -> Result<Self> {
        let mut predicted = operator.range().zeros();
        operator.forward(reconstruction.tsmi.view(), predicted.view_mut())?;
        let samples = operator.range().slice("evaluation", "k-space", &samples)?;
        let x_hat = flat("x_hat", &reconstruction.x_hat)?;
        let mut evaluation = match truth {
            None => Self::default(),
            Some(truth) => Self::of_maps(&reconstruction.maps, truth)?.with_tsmi(&reconstruction.tsmi, truth)?,
        };
        evaluation.kspace_nrmse = Some(metrics::nrmse(samples, flat("predicted k-space", &predicted)?));
        let projected = flat("projected image", &reconstruction.projected)?;
        evaluation.bloch_residual = Some(vector::distance(x_hat, projected) / vector::norm(x_hat));
        evaluation.seconds = reconstruction.elapsed.as_secs_f64();
        Ok(evaluation)
    }

    /// Measures maps alone.
    ///
    /// # Errors
    /// When shapes do not fit, or the maps hold no T1 or T2.
    pub fn of_maps(maps: &ParameterMaps, truth: &Truth) -> Result<Self> {
        if maps.amplitude.shape() != truth.maps.pd.shape() {
            let (operation, role) = ("evaluation".into(), "maps".into());
            let (expected, got) = (truth.maps.pd.shape().to_vec(), maps.amplitude.shape().to_vec());
            return Err(Error::Shape { operation, role, expected, got });
        }
        let regions = Regions::of(maps, truth)?;
        let (t1, t2) = (regions.mask.maps.t1, regions.mask.maps.t2);
        let inside = |image: ArrayViewD<'_, Complex32>| -> Vec<Complex32> {
            image.iter().zip(&truth.mask).filter(|(_, inside)| **inside).map(|(value, _)| *value).collect()
        };
        Ok(Self {
            t1_mape_percent: t1.map(|errors| errors.mape_percent),
            t2_mape_percent: t2.map(|errors| errors.mape_percent),
            t1_median_ape_percent: t1.map(|errors| errors.median_ape_percent),
            t2_median_ape_percent: t2.map(|errors| errors.median_ape_percent),
            t1_bias_percent: t1.map(|errors| errors.bias_percent),
            t2_bias_percent: t2.map(|errors| errors.bias_percent),
            pd_nrmse: Some(metrics::nrmse_up_to_scale(&inside(truth.maps.pd.view()), &inside(maps.amplitude.view()))),
            regions: Some(regions),
            ..Self::default()
        })
    }

    /// Adds the errors of the TSMI, where the true one is known.
    ///
    /// # Errors
    /// When shapes do not fit.
    pub fn with_tsmi(mut self, tsmi: &ArrayD<Complex32>, truth: &Truth) -> Result<Self> {
        let Some(reference) = &truth.tsmi else {
            return Ok(self);
        };
        if tsmi.shape() != reference.shape() {
            let (operation, role) = ("evaluation".into(), "reference TSMI".into());
            let (expected, got) = (tsmi.shape().to_vec(), reference.shape().to_vec());
            return Err(Error::Shape { operation, role, expected, got });
        }
        let coefficients = reference.outer_iter().zip(tsmi.axis_iter(Axis(0)));
        let per_coefficient = coefficients
            .map(|(reference, x)| {
                let (reference, x): (Vec<_>, Vec<_>) =
                    (reference.iter().copied().collect(), x.iter().copied().collect());
                metrics::nrmse(&reference, &x)
            })
            .collect();
        self.tsmi_nrmse = Some(metrics::nrmse(flat("reference TSMI", reference)?, flat("TSMI", tsmi)?));
        self.tsmi_nrmse_per_coefficient = Some(per_coefficient);
        Ok(self)
    }

    /// Adds how deviations and trusted voxels go with the errors of `maps`.
    ///
    /// # Errors
    /// When the maps hold no T1 or no T2.
    pub fn with_certainty(mut self, maps: &ParameterMaps, uncertainty: &Uncertainty, truth: &Truth) -> Result<Self> {
        self.certainty = Some(Certainty::of(maps, uncertainty, truth)?);
        Ok(self)
    }

    /// For tables: MAPE of T1 and T2, then their medians, `-` where unknown.
    pub fn map_errors(&self) -> [String; 4] {
        let errors =
            [self.t1_mape_percent, self.t2_mape_percent, self.t1_median_ape_percent, self.t2_median_ape_percent];
        errors.map(|error| error.map_or("-".into(), |error| format!("{error:.1} %")))
    }

    /// Mean over slices, each metric over the slices that have it.
    pub fn mean<'a>(evaluations: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        let over = |metric: &dyn Fn(&Self) -> Option<f64>| {
            let values: Vec<f64> =
                evaluations.clone().into_iter().filter_map(metric).filter(|value| value.is_finite()).collect();
            (!values.is_empty()).then(|| metrics::mean(&values))
        };
        let coefficients = evaluations
            .clone()
            .into_iter()
            .filter_map(|evaluation| evaluation.tsmi_nrmse_per_coefficient.as_ref().map(Vec::len))
            .min();
        let regions: Vec<&Regions> = evaluations.clone().into_iter().filter_map(|e| e.regions.as_ref()).collect();
        let certainties: Vec<&Certainty> =
            evaluations.clone().into_iter().filter_map(|e| e.certainty.as_ref()).collect();
        let coefficient = |k: usize| over(&|e| e.tsmi_nrmse_per_coefficient.as_ref()?.get(k).copied());
        Self {
            t1_mape_percent: over(&|e| e.t1_mape_percent),
            t2_mape_percent: over(&|e| e.t2_mape_percent),
            t1_median_ape_percent: over(&|e| e.t1_median_ape_percent),
            t2_median_ape_percent: over(&|e| e.t2_median_ape_percent),
            t1_bias_percent: over(&|e| e.t1_bias_percent),
            t2_bias_percent: over(&|e| e.t2_bias_percent),
            pd_nrmse: over(&|e| e.pd_nrmse),
            tsmi_nrmse: over(&|e| e.tsmi_nrmse),
            tsmi_nrmse_per_coefficient: coefficients.and_then(|n| (0..n).map(coefficient).collect()),
            kspace_nrmse: over(&|e| e.kspace_nrmse),
            bloch_residual: over(&|e| e.bloch_residual),
            seconds: over(&|e| Some(e.seconds)).unwrap_or_default(),
            regions: Regions::mean(&regions),
            certainty: Certainty::mean(&certainties),
        }
    }
}

/// The values of an array in memory order, for the metrics of flat arrays.
///
/// # Errors
/// [`Error::NotContiguous`], naming `role`, for an array in another than C order.
pub(crate) fn flat<'a>(role: &str, array: &'a ArrayD<Complex32>) -> Result<&'a [Complex32]> {
    let not_contiguous = || Error::NotContiguous { operation: "evaluation".into(), role: role.into() };
    array.as_slice().ok_or_else(not_contiguous)
}
