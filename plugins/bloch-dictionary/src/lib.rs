//! Plugin `diph.bloch-dictionary`: exact matching against a dictionary of Bloch responses, of `diph-bloch`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `atoms` | (atom, coefficient) | compressed responses; of any norm, which then counts for `norms` |
//! | `norms` | (atom) | norms of the responses; ones when absent |
//! | `lut` | (atom, 2 or 3) | T1 and T2 in s, and possibly the B1 factor of each atom |

use diph_bloch::{Dictionary, DictionaryMatcher};
use diph_core::{MemoryEstimate, Result, SpatialAxes};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, Uses, plugin};
use ndarray::{Array1, Array2, Ix1, Ix2};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component `diph.bloch-dictionary`: a dictionary of Bloch responses as physics projector.
pub struct BlochDictionary;

/// There is nothing to choose: the matching is exact.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {}

impl Component for BlochDictionary {
    const ID: &'static str = "diph.bloch-dictionary";
    const NAME: &'static str = "Dictionary matching";
    const SUMMARY: &'static str = "Exact matching of every voxel against a dictionary of Bloch responses";
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "facts": {"image": [12, 11]},
        "arrays": {
            "atoms": {"shape": [200, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "norms": {"shape": [200], "dtype": "f32", "low": 0.5, "high": 1.5},
            "lut": {"shape": [200, 2], "dtype": "f32", "low": 0.1, "high": 2.0}
        },
        "image": [3, 12, 11]
    }"#;
    const REQUIRES: Requirements = Requirements {
        arrays: &["atoms", "lut"],
        optional_arrays: &["norms"],
        facts: &[],
        optional_facts: &["image"],
        spatial_axes: SpatialAxes::Either,
    };
    type Options = Options;
    type Instance = DictionaryMatcher;

    fn create(_options: Options, arrays: &Acquisition<'_>, _host: &Host) -> Result<DictionaryMatcher> {
        let atoms = arrays.required::<f32, Ix2>("atoms")?;
        let norms = arrays.optional::<f32, Ix1>("norms")?.unwrap_or_else(|| Array1::ones(atoms.nrows()));
        let lut = arrays.required::<f32, Ix2>("lut")?;
        // Matching stays in the subspace, so that the temporal basis does not matter.
        let basis = Array2::eye(atoms.ncols());
        let dictionary =
            Dictionary::from_compressed(lut.view(), atoms.view(), basis.view(), norms.view(), atoms.ncols())?;
        Ok(DictionaryMatcher::new(dictionary))
    }

    fn memory(_options: Options, shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        let (Some([atoms, coefficients]), Some([_, parameters])) = (shapes.shape("atoms"), shapes.shape("lut")) else {
            return Ok(None);
        };
        let voxels = shapes.image()?.pixels();
        Ok(Some(DictionaryMatcher::memory_estimate(*atoms, *coefficients, *parameters, voxels)))
    }
}

plugin! { projector: BlochDictionary }
