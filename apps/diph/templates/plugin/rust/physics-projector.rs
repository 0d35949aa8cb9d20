//! The projector `template.part`: the nearest signal that the physics allows, and its parameters. What stands here, the comparison
//! with every atom of the dictionary, is exact and slow: a reference that a faster one of yours can be compared with.

use diph_plugin_sdk::core::{
    ImageShape, Parameter, ParameterMaps, PhysicsProjector, Result, Space, SpatialAxes, View, ViewMut,
};
use diph_plugin_sdk::ndarray::{Array1, Array2, Axis, Ix1, Ix2};
use diph_plugin_sdk::num_complex::Complex32;
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, export_plugin};
use schemars::JsonSchema;
use serde::Deserialize;

/// It has no options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {}

/// The dictionary.
struct Part {
    /// (atom, coefficient).
    atoms: Array2<f32>,
    /// Norms of the signals before they were normalised.
    norms: Option<Array1<f32>>,
    /// (atom, parameter): T1 and T2 in s, and possibly more.
    table: Array2<f32>,
    parameters: Vec<Parameter>,
}

impl Component for Part {
    const ID: &'static str = "template.part";
    const NAME: &'static str = "Template part";
    const SUMMARY: &'static str = "Nearest signal of the dictionary, by comparison with all";
    /// What it needs of the acquisition; it takes planes and volumes.
    const REQUIRES: Requirements = Requirements {
        arrays: &["atoms", "lut"],
        optional_arrays: &["norms"],
        spatial_axes: SpatialAxes::Either,
        ..Requirements::NONE
    };
    /// What `diph plugin check` tries it on.
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "arrays": {
            "atoms": {"shape": [20, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "lut": {"shape": [20, 2], "dtype": "f32", "low": 0.1, "high": 2.0}
        },
        "image": [3, 5, 4]
    }"#;
    type Options = Options;
    type Instance = Self;

    fn create(_: Options, acquisition: &Acquisition<'_>, _: &Host) -> Result<Self> {
        let in_seconds = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        Ok(Self {
            atoms: acquisition.required::<f32, Ix2>("atoms")?,
            norms: acquisition.optional::<f32, Ix1>("norms")?,
            table: acquisition.required::<f32, Ix2>("lut")?,
            parameters: vec![in_seconds("T1"), in_seconds("T2")],
        })
    }
}

impl Part {
    /// The atom that comes nearest to a voxel, and the factor by which it does.
    fn nearest(&self, voxel: &[Complex32]) -> (usize, Complex32) {
        let mut best = (0, Complex32::ZERO, -1.0);
        for (index, atom) in self.atoms.outer_iter().enumerate() {
            let square = atom.dot(&atom);
            let product: Complex32 = voxel.iter().zip(&atom).map(|(x, d)| x * d).sum();
            if square > 0.0 && product.norm_sqr() / square > best.2 {
                best = (index, product / square, product.norm_sqr() / square);
            }
        }
        (best.0, best.1)
    }

    /// The nearest atoms of all voxels of an image in memory order (coefficient, voxel), with their factors.
    fn matches(&self, x: &[Complex32]) -> Vec<(usize, Complex32)> {
        let voxels = x.len() / self.atoms.ncols();
        let voxel = |place| (0..self.atoms.ncols()).map(|k| x[k * voxels + place]).collect::<Vec<_>>();
        (0..voxels).map(|place| self.nearest(&voxel(place))).collect()
    }

    /// T1, T2 and amplitude of all voxels; a voxel of zeros gets zeros.
    fn write_maps(&self, found: &[(usize, Complex32)], maps: &mut ParameterMaps) {
        for (parameter, mut map) in maps.values.axis_iter_mut(Axis(0)).enumerate() {
            for (value, (atom, factor)) in map.iter_mut().zip(found) {
                *value = if *factor == Complex32::ZERO { 0.0 } else { self.table[(*atom, parameter)] };
            }
        }
        for (amplitude, (atom, factor)) in maps.amplitude.iter_mut().zip(found) {
            *amplitude = factor / self.norms.as_ref().map_or(1.0, |norms| norms[*atom]);
        }
    }
}

impl PhysicsProjector for Part {
    fn name(&self) -> &str {
        Self::ID
    }

    fn coefficients(&self) -> usize {
        self.atoms.ncols()
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Every voxel of x (coefficient, [z,] y, x) on its own. Called by several threads at once.
    fn project(&self, x: View<'_>, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
        let (_, image) = ImageShape::split(Self::ID, x.shape())?;
        let space = Space::image(self.coefficients(), &image);
        let (x, z) = (space.slice(Self::ID, "image", &x)?, space.slice_mut(Self::ID, "result", z)?);
        let found = self.matches(x);
        for (k, image) in z.chunks_exact_mut(found.len()).enumerate() {
            for (value, (atom, factor)) in image.iter_mut().zip(&found) {
                *value = factor * self.atoms[(*atom, k)];
            }
        }
        if let Some(maps) = maps {
            self.write_maps(&found, maps);
        }
        Ok(())
    }
}

export_plugin! { projector: Part }
