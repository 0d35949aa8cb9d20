//! Parameter maps in the three forms that parts and files have for them.

use diph_core::{Error, Parameter, ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::{ArrayD, Axis};

/// Maps of a data folder (T1 in s, T2 in s, complex PD) in the form that projectors and simulations share.
pub fn parameter_maps(maps: &QuantitativeMaps) -> ParameterMaps {
    let parameters = ["T1", "T2"].map(|name| Parameter { name: name.into(), unit: "s".into() });
    let mut values = ArrayD::zeros([&[2], maps.lengths()].concat());
    values.index_axis_mut(Axis(0), 0).assign(&maps.t1);
    values.index_axis_mut(Axis(0), 1).assign(&maps.t2);
    ParameterMaps { parameters: parameters.into(), values, amplitude: maps.pd.clone() }
}

/// The maps of T1, T2 and PD as data folders hold them.
///
/// # Errors
/// [`Error::Parameter`] when the maps hold no T1 or T2 in seconds, [`Error::External`] when they are not of one image.
pub fn quantitative_maps(maps: &ParameterMaps) -> Result<QuantitativeMaps> {
    let time = |name: &str| {
        let index = maps.parameters.iter().position(|parameter| parameter.name == name && parameter.unit == "s");
        match index {
            Some(index) if index < maps.values.len_of(Axis(0)) => Ok(maps.values.index_axis(Axis(0), index).to_owned()),
            _ => {
                let expected = format!("`{name}` in s among them");
                Err(Error::parameter("maps", "parameters", expected, format!("{:?}", maps.parameters)))
            }
        }
    };
    let maps = QuantitativeMaps::new(time("T1")?, time("T2")?, maps.amplitude.clone());
    maps.map_err(|error| Error::external("maps", error))
}

/// The maps as one stack (4, y, x), of a volume (4, z, y, x): T1 (s), T2 (s), Re PD, Im PD, as in the Python code's files.
///
/// # Errors
/// As [`quantitative_maps`].
pub fn stacked_maps(maps: &ParameterMaps) -> Result<ArrayD<f32>> {
    quantitative_maps(maps)?.to_stacked().map_err(|error| Error::external("maps", error))
}

#[cfg(test)]
mod tests {
    use diph_core::ImageShape;

    use super::*;

    #[test]
    fn maps_of_a_volume_go_there_and_back() {
        let stacked = ArrayD::from_shape_fn(vec![4, 3, 2, 5], |at| (at[0] * 100 + at[1] * 10 + at[3]) as f32);
        let maps = parameter_maps(&QuantitativeMaps::from_stacked(stacked.view()).unwrap());
        assert_eq!(maps.image("test").unwrap(), ImageShape::volume(3, 2, 5));
        assert_eq!(stacked_maps(&maps).unwrap(), stacked);
    }

    #[test]
    fn parameter_maps_need_t1_and_t2() {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let mut found = ParameterMaps::zeros(vec![parameter("T2"), parameter("T1")], &ImageShape::plane(2, 3));
        found.values[[1, 0, 2]] = 1.5;
        assert_eq!(stacked_maps(&found).unwrap()[[0, 0, 2]], 1.5);
        found.parameters[0].name = "T2*".into();
        assert!(stacked_maps(&found).unwrap_err().to_string().contains("`T2` in s"));
    }
}
