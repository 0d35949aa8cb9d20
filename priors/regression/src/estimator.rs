//! The networks as an estimator of Diph's methods.

use std::collections::BTreeMap;

use diph_core::{Error, Estimator, Parameter, ParameterMaps, Result, ViewMut};
use ndarray::{Array2, ArrayD, ArrayView3, Axis, Ix3};
use num_complex::Complex32;

use crate::{Maps, RegressionNetwork};

const NAME: &str = "regression";

/// The image that networks see: the linear MMSE estimate, in the units of the measurement.
pub const IMAGE: &str = "mmse";

/// The image that a second stage sees as well: the linear MMSE estimate of what the signal of the first stage's maps leaves
/// unexplained in the data.
pub const RESIDUAL: &str = "mmse-residual";

/// Maps of T1, T2 and proton density from the linear MMSE image: the supervised baseline, or a cascade of two stages.
///
/// With a second stage, maps are the geometric mean of what both stages answer for T1 and T2, and the mean of both proton
/// densities: errors of the two networks are different ones.
pub struct RegressionEstimator {
    first: RegressionNetwork,
    second: Option<RegressionNetwork>,
    mirrors: bool,
    inputs: Vec<String>,
    parameters: Vec<Parameter>,
}

impl RegressionEstimator {
    /// An estimator of the networks of one stage, or of two in their order. `mirrors`: every answer is the mean over four mirror images, which takes four times
    /// as long; the residual that a second stage sees is that of the maps without mirror images.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when a network is not one of its stage, or both were trained for different bases.
    pub fn new(networks: Vec<RegressionNetwork>, mirrors: bool) -> Result<Self> {
        let count = networks.len();
        let mut networks = networks.into_iter();
        let (Some(first), second, None) = (networks.next(), networks.next(), networks.next()) else {
            return Err(Error::incompatible(NAME, "networks of one stage or of two", format!("{count} networks")));
        };
        let stage =
            |second: bool| if second { "a network of the second stage" } else { "a network of the first stage" };
        let networks = [(Some(&first), false), (second.as_ref(), true)];
        for (network, wanted) in networks.into_iter().filter_map(|(network, wanted)| Some((network?, wanted))) {
            let got = network.config().is_second_stage();
            if got != wanted {
                return Err(Error::incompatible(NAME, stage(wanted), stage(got)));
            }
        }
        if let Some(second) = second.as_ref().filter(|second| second.config().basis != first.config().basis) {
            let got = format!("one of {} frames or with other values", second.config().basis.len());
            return Err(Error::incompatible(NAME, "a second stage with the first one's temporal basis", got));
        }
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let inputs = [Some(IMAGE), second.as_ref().map(|_| RESIDUAL)];
        Ok(Self {
            first,
            second,
            mirrors,
            inputs: inputs.into_iter().flatten().map(String::from).collect(),
            parameters: vec![parameter("T1"), parameter("T2")],
        })
    }

    fn maps(&self, images: &BTreeMap<String, ArrayD<Complex32>>) -> Result<Maps> {
        let image = plane(images, IMAGE)?;
        let Some(second) = &self.second else {
            return self.first.maps(image, None, self.mirrors).map_err(failed);
        };
        let residual = plane(images, RESIDUAL)?;
        let plain = self.first.maps(image, None, false).map_err(failed)?;
        let refined = second.maps(image, Some((residual, &plain)), self.mirrors).map_err(failed)?;
        let first = if self.mirrors { self.first.maps(image, None, true).map_err(failed)? } else { plain };
        Ok(mean(&first, &refined))
    }
}

impl Estimator for RegressionEstimator {
    fn name(&self) -> &str {
        NAME
    }

    fn inputs(&self) -> &[String] {
        &self.inputs
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn estimate(
        &self,
        images: &BTreeMap<String, ArrayD<Complex32>>,
        image: Option<ViewMut<'_>>,
        maps: Option<&mut ParameterMaps>,
    ) -> Result<()> {
        if image.is_some() {
            return Err(Error::incompatible("regression: estimate", "maps only", "a request for an image"));
        }
        let Some(maps) = maps else {
            return Ok(());
        };
        let found = self.maps(images)?;
        let (height, width) = found.pd.dim();
        if maps.values.shape() != [2, height, width] || maps.amplitude.shape() != [height, width] {
            return Err(Error::Shape {
                operation: "regression: estimate".into(),
                role: "maps (T1 T2, y, x)".into(),
                expected: vec![2, height, width],
                got: maps.values.shape().to_vec(),
            });
        }
        for (index, map) in [&found.t1, &found.t2].into_iter().enumerate() {
            maps.values.index_axis_mut(Axis(0), index).assign(&map.view().into_dyn());
        }
        maps.amplitude.assign(&found.pd.view().into_dyn());
        Ok(())
    }
}

fn failed(error: diph_network::Error) -> Error {
    Error::external(NAME, error)
}

/// An image by its name, (coefficient, y, x).
fn plane<'a>(images: &'a BTreeMap<String, ArrayD<Complex32>>, name: &str) -> Result<ArrayView3<'a, Complex32>> {
    let Some(image) = images.get(name) else {
        let names: Vec<&String> = images.keys().collect();
        return Err(Error::parameter("regression: estimate", name, "an image of that name", format!("{names:?}")));
    };
    image.view().into_dimensionality::<Ix3>().map_err(|_| {
        let got = format!("an array of shape {:?}", image.shape());
        Error::incompatible("regression: estimate", "an image (coefficient, y, x)", got)
    })
}

fn mean(a: &Maps, b: &Maps) -> Maps {
    let geometric = |a: &Array2<f32>, b: &Array2<f32>| Array2::from_shape_fn(a.dim(), |at| (a[at] * b[at]).sqrt());
    Maps { t1: geometric(&a.t1, &b.t1), t2: geometric(&a.t2, &b.t2), pd: (&a.pd + &b.pd).mapv(|pd| 0.5 * pd) }
}

#[cfg(test)]
mod tests {
    use diph_network::Precision;

    use super::*;
    use crate::training::test_network;

    fn images(names: &[&str]) -> BTreeMap<String, ArrayD<Complex32>> {
        let image =
            ArrayD::from_shape_fn(vec![2, 9, 11], |at| Complex32::new(1.0 + at[1] as f32, (at[0] * at[2]) as f32));
        names.iter().map(|name| (name.to_string(), image.clone())).collect()
    }

    fn network(second_stage: bool) -> RegressionNetwork {
        RegressionNetwork::new(&test_network(second_stage), Precision::F32).unwrap()
    }

    /// Untrained networks answer their offsets: a second stage adds nothing to the first.
    #[test]
    fn both_stages_answer_maps() {
        let estimator = RegressionEstimator::new(vec![network(false), network(true)], true).unwrap();
        assert_eq!(estimator.inputs(), [IMAGE, RESIDUAL]);
        let mut maps = ParameterMaps::zeros(estimator.parameters().to_vec(), &diph_core::ImageShape::plane(9, 11));
        estimator.estimate(&images(&[IMAGE, RESIDUAL]), None, Some(&mut maps)).unwrap();
        assert!(maps.parameter("T1").unwrap().iter().all(|t1| (t1 / 0.2_f32.exp() - 1.0).abs() < 1e-4));
        assert!(maps.parameter("T2").unwrap().iter().all(|t2| (t2 / (-2.6_f32).exp() - 1.0).abs() < 1e-4));
        let error = estimator.estimate(&images(&[IMAGE]), None, Some(&mut maps)).unwrap_err().to_string();
        assert!(error.contains(RESIDUAL), "{error}");
        let image = &mut ArrayD::zeros(vec![2, 9, 11]);
        assert!(estimator.estimate(&images(&[IMAGE, RESIDUAL]), Some(image.view_mut()), None).is_err());
    }

    #[test]
    fn stages_must_be_in_order_and_of_one_basis() {
        let error = RegressionEstimator::new(vec![network(true)], true).map(drop).unwrap_err().to_string();
        assert!(error.contains("first stage"), "{error}");
        let mut other = test_network(true);
        other.config.basis[0][0] = 0.5;
        let other = RegressionNetwork::new(&other, Precision::F32).unwrap();
        assert!(RegressionEstimator::new(vec![network(false), other], true).is_err());
        assert!(RegressionEstimator::new(Vec::new(), true).is_err());
        let basis = Array2::from_shape_fn((2, 2), |(frame, k)| test_network(false).config.basis[frame][k]);
        network(false).config().check_basis(basis.view()).unwrap();
        let error =
            network(false).config().check_basis(basis.mapv(|value| value + 0.2).view()).unwrap_err().to_string();
        assert!(error.contains("principal angle") && error.contains("option `checkpoint`"), "{error}");
        assert!(network(false).config().check_basis(Array2::zeros((3, 2)).view()).is_err());
    }
}
