//! Plugin `diph.bloch-dictionary`: exact matching against a dictionary of Bloch responses, of `diph-bloch`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `atoms` | (atom, coefficient) | compressed responses; of any norm, which then counts for `norms` |
//! | `norms` | (atom) | norms of the responses; ones when absent |
//! | `lut` | (atom, 2 or 3) | T1 and T2 in s, and possibly the B1 factor of each atom |

use diph_bloch::{Dictionary, DictionaryMatcher};
use diph_core::Result;
use diph_plugin_sdk::{Arrays, Component, Host, export_plugin};
use ndarray::{Array1, Array2, Ix1, Ix2};
use schemars::JsonSchema;
use serde::Deserialize;

struct BlochDictionary;

/// There is nothing to choose: the matching is exact.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {}

impl Component for BlochDictionary {
    const ID: &'static str = "diph.bloch-dictionary";
    const NAME: &'static str = "Dictionary matching";
    const SUMMARY: &'static str = "Exact matching of every voxel against a dictionary of Bloch responses";
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "arrays": {
            "atoms": {"shape": [200, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "norms": {"shape": [200], "dtype": "f32", "low": 0.5, "high": 1.5},
            "lut": {"shape": [200, 2], "dtype": "f32", "low": 0.1, "high": 2.0}
        },
        "image": [3, 12, 11]
    }"#;
    type Options = Options;
    type Instance = DictionaryMatcher;

    fn create(_options: Options, arrays: &Arrays<'_>, host: &Host) -> Result<DictionaryMatcher> {
        host.configure_rayon();
        let atoms = arrays.required::<f32, Ix2>("atoms")?;
        let norms = arrays.optional::<f32, Ix1>("norms")?.unwrap_or_else(|| Array1::ones(atoms.nrows()));
        let lut = arrays.required::<f32, Ix2>("lut")?;
        // Matching stays in the subspace, so that the temporal basis does not matter.
        let basis = Array2::eye(atoms.ncols());
        let dictionary =
            Dictionary::from_compressed(lut.view(), atoms.view(), basis.view(), norms.view(), atoms.ncols())?;
        Ok(DictionaryMatcher::new(dictionary))
    }
}

export_plugin! { projector: BlochDictionary }
