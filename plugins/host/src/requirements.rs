//! What a component needs of an acquisition.

use diph_core::{Error, Result, SpatialAxes};
use serde::{Deserialize, Serialize};

use crate::{Acquisition, Facts, Kind};

/// What a component needs of an acquisition, by the names of the table in `diph_plugin.h`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirements {
    /// Arrays without which it cannot be created.
    pub arrays: Vec<String>,
    /// Arrays that it uses where they are there.
    pub optional_arrays: Vec<String>,
    /// Facts without which it cannot be created.
    pub facts: Vec<String>,
    /// Facts that it uses where they are known.
    pub optional_facts: Vec<String>,
    /// Which images it takes, by the number of spatial axes.
    #[serde(with = "axes_text")]
    pub spatial_axes: SpatialAxes,
}

impl Requirements {
    /// Reads the text of a descriptor; an error says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.facts.iter().chain(&read.optional_facts).find(|fact| !Facts::NAMES.contains(&fact.as_str())) {
            Some(fact) => Err(format!("expected a fact of {:?}, got `{fact}`", Facts::NAMES)),
            None => Ok(read),
        }
    }

    /// Whether the component uses the array `name`.
    pub fn uses_array(&self, name: &str) -> bool {
        self.arrays.iter().chain(&self.optional_arrays).any(|array| array == name)
    }

    /// Fails where an acquisition lacks something, naming it, or where it has data weights that an operator would ignore.
    pub(crate) fn check(&self, kind: &Kind, id: &str, acquisition: &Acquisition<'_>) -> Result<()> {
        let refused = |message: String| Err(Error::external(format!("{kind} `{id}`"), message));
        if let Some(array) = self.arrays.iter().find(|array| !acquisition.has(array)) {
            let has: Vec<&str> = acquisition.arrays().iter().map(|array| array.name.as_str()).collect();
            let has = if has.is_empty() { "no arrays".into() } else { has.join(", ") };
            return refused(format!(
                "needs the array `{array}`, which this acquisition lacks (it has {has}); add it, or take another {kind}"
            ));
        }
        if let Some(fact) = self.facts.iter().find(|fact| !acquisition.facts.knows(fact)) {
            return refused(format!(
                "needs the fact `{fact}`, which is not known of this acquisition; state it, or take another {kind}"
            ));
        }
        if *kind == Kind::ForwardOperator && acquisition.has("weights") && !self.uses_array("weights") {
            return refused("takes no data weights; leave density compensation out".into());
        }
        Ok(())
    }
}

/// The numbers of spatial axes.
pub(crate) fn axes_numbers(axes: &SpatialAxes) -> &'static [u32] {
    match axes {
        SpatialAxes::Two => &[2],
        SpatialAxes::Three => &[3],
        SpatialAxes::Either => &[2, 3],
    }
}

/// Spatial axes by their numbers.
pub(crate) fn axes_from(numbers: &[u32]) -> Option<SpatialAxes> {
    match numbers {
        [2] => Some(SpatialAxes::Two),
        [3] => Some(SpatialAxes::Three),
        [2, 3] | [3, 2] => Some(SpatialAxes::Either),
        _ => None,
    }
}

/// Spatial axes as a list of their numbers: `[2]`, `[3]`, `[2, 3]`.
mod axes_text {
    use diph_core::SpatialAxes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{axes_from, axes_numbers};

    pub(super) fn serialize<S: Serializer>(axes: &SpatialAxes, serializer: S) -> Result<S::Ok, S::Error> {
        axes_numbers(axes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpatialAxes, D::Error> {
        let numbers = Vec::<u32>::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("spatial_axes: expected [2], [3] or [2, 3], got {numbers:?}"));
        axes_from(&numbers).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use diph_core::ImageShape;
    use ndarray::Array1;

    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let text = r#"{"arrays": ["coil_maps"], "facts": ["image"], "spatial_axes": [2], "later": true}"#;
        let needs = Requirements::read(text).unwrap();
        let check = |acquisition: &Acquisition<'_>| {
            needs.check(&Kind::ForwardOperator, "lab.x", acquisition).err().map(|error| error.to_string())
        };
        let mut acquisition = Acquisition::default();
        let expected = "operator `lab.x`: needs the array `coil_maps`, which this acquisition lacks (it has no arrays); add \
                        it, or take another operator";
        assert_eq!(check(&acquisition).unwrap(), expected);
        acquisition = acquisition.with("coil_maps", Array1::<f32>::zeros(2));
        assert!(check(&acquisition).unwrap().contains("needs the fact `image`"));
        acquisition.facts.image = Some(ImageShape::plane(3, 4));
        assert_eq!(check(&acquisition), None);
        let weighted = acquisition.with("weights", Array1::<f32>::zeros(2));
        assert!(check(&weighted).unwrap().contains("takes no data weights"));
    }

    #[test]
    fn texts_that_make_no_sense_are_refused() {
        assert_eq!(Requirements::read("").unwrap(), Requirements::default());
        assert!(Requirements::read(r#"{"facts": ["colour"]}"#).unwrap_err().contains("got `colour`"));
        assert!(Requirements::read(r#"{"spatial_axes": [1]}"#).unwrap_err().contains("[2, 3], got [1]"));
        let both = Requirements { spatial_axes: SpatialAxes::Either, ..Requirements::default() };
        assert_eq!(Requirements::read(&serde_json::to_string(&both).unwrap()).unwrap(), both);
    }
}
