//! The first stage of a cascade, as the training of the second sees it.

use diph_bloch::Dictionary;
use diph_core::{Error, Parameter, ParameterMaps, Result};
use diph_gaussian::Posterior;
use diph_network::Checkpoint;
use diph_recon::{Blame, ReconError};
use diph_regression::{Maps, Normalisation, RegressionConfig, RegressionNetwork};
use ndarray::{Array3, ArrayView3, Axis, Ix3, stack};
use num_complex::Complex32;

use super::RegressionRunConfig;

/// A trained network of the first stage, and what turns its maps into signals.
pub(super) struct FirstStage {
    network: RegressionNetwork,
    dictionary: Dictionary,
}

/// What the maps of the first stage explain of a measurement.
pub(super) struct Explained {
    /// The maps, without mirror images.
    pub maps: Maps,
    /// The linear estimate (coefficient, y, x) of what they leave unexplained in the data.
    pub residual: Array3<Complex32>,
}

impl FirstStage {
    /// The first stage that the configuration names, for the acquisition of a dictionary; `None` where a first stage is to be
    /// trained.
    ///
    /// # Errors
    /// Naming the file: no network of a first stage, or one of another temporal basis.
    pub fn open(
        config: &RegressionRunConfig,
        dictionary: &Dictionary,
    ) -> std::result::Result<Option<Self>, ReconError> {
        let Some(path) = &config.first_stage else { return Ok(None) };
        let checkpoint = Checkpoint::<RegressionConfig>::read(path).file(path)?;
        checkpoint.config.check_basis(dictionary.basis()).file(path)?;
        if checkpoint.config.is_second_stage() {
            return Err(ReconError::setting("first_stage", "expected a network of a first stage, got one of a second"));
        }
        let network = RegressionNetwork::new(&checkpoint, config.training.precision).file(path)?;
        Ok(Some(Self { network, dictionary: dictionary.clone() }))
    }

    /// What images are divided by.
    pub fn normalisation(&self) -> &Normalisation {
        &self.network.config().normalisation
    }

    /// Maps of a linear estimate (coefficient, y, x), and what they leave unexplained: the estimate minus that of their signal's
    /// measurement, by as many `steps`. `posterior` is the one that the estimate is the mean of.
    ///
    /// # Errors
    /// Those of the network, the dictionary and the operator.
    pub fn explain(
        &self,
        image: ArrayView3<'_, Complex32>,
        posterior: &Posterior<'_>,
        steps: usize,
    ) -> Result<Explained> {
        let failed = |error: &dyn std::fmt::Display| Error::external("first stage", error.to_string());
        let maps = self.network.maps(image, None, false).map_err(|error| failed(&error))?;
        let times = stack(Axis(0), &[maps.t1.view(), maps.t2.view()]).map_err(|error| failed(&error))?;
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let found = ParameterMaps {
            parameters: vec![parameter("T1"), parameter("T2")],
            values: times.into_dyn(),
            amplitude: maps.pd.clone().into_dyn(),
        };
        let signal = self.dictionary.lookup_tsmi(&found)?;
        let response = posterior.response(signal.view(), steps, 0.0)?;
        let response = response.into_dimensionality::<Ix3>().map_err(|error| failed(&error))?;
        Ok(Explained { residual: &image - &response, maps })
    }
}
