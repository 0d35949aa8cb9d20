//! Exact matching of voxels against a dictionary.

pub(crate) mod ball_tree;
mod brute_force;
mod search;
mod voxels;

use diph_core::{Error, ImageShape, Parameter, ParameterMaps, PhysicsProjector, Result, Space, View, ViewMut};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

use self::ball_tree::BallTree;
use self::voxels::Voxels;
use crate::Dictionary;

/// Matched atoms of an image, voxel by voxel in the order `([z,] y, x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matches {
    /// Index of the matched atom; [`Matches::NO_ATOM`] for a voxel of zeros.
    pub atom: Vec<u32>,
    /// `<x, d>` with the matched atom `d`; 0 for a voxel of zeros.
    pub response: Vec<Complex32>,
    /// Number of products and bounds that the search evaluated.
    pub statistics: MatchStatistics,
}

impl Matches {
    /// Index that stands for the atom of a voxel of zeros, which has none.
    pub const NO_ATOM: u32 = u32::MAX;
}

/// Work of a search through a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchStatistics {
    /// Voxels that are not zero.
    pub voxels: u64,
    /// Products of a voxel with an atom.
    pub atom_evaluations: u64,
    /// Bounds of a voxel over a node of the tree.
    pub node_evaluations: u64,
}

impl MatchStatistics {
    /// Atoms and nodes that were evaluated per voxel, on average; 0 without voxels.
    pub fn evaluations_per_voxel(&self) -> f64 {
        (self.atom_evaluations + self.node_evaluations) as f64 / self.voxels.max(1) as f64
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            voxels: self.voxels + other.voxels,
            atom_evaluations: self.atom_evaluations + other.atom_evaluations,
            node_evaluations: self.node_evaluations + other.node_evaluations,
        }
    }
}

/// Voxels that one task takes in order, each starting from the atom of the one before.
const CHUNK: usize = 512;

/// Exact dictionary matching: the projection of every voxel on the cone of Bloch responses.
///
/// Voxel x goes to `z = d_j <x, d_j>` with `j = argmax |<x, d_j>|`, the lowest index among equals, PD = `<x, d_j> / n_j`, and
/// the parameters of atom j. Scores are compared in double precision, in which they do not depend on the instruction set, so
/// that the result is the same on every machine and for every order of search.
///
/// A tree of balls over the atoms, 16 wide and 16 atoms per leaf, makes the search fast; `search.rs` has the bound.
/// [`match_brute_force`](Self::match_brute_force) is the plain twin with the same result. Calls remember nothing.
///
/// ```
/// use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, Sequence};
/// use diph_core::PhysicsProjector;
/// use ndarray::Array3;
/// use num_complex::Complex32;
///
/// let grid = DictionaryGrid::product(&[0.5, 1.0, 2.0], &[0.05, 0.1], &[])?;
/// let matcher = DictionaryMatcher::new(Dictionary::simulate(&Sequence::fisp_cut(4)?, &grid, 3)?);
/// let atom = matcher.dictionary().atoms().row(4).to_owned();
/// let image = Array3::from_shape_fn((3, 1, 1), |(k, _, _)| Complex32::new(0.0, 2.0) * atom[k]).into_dyn();
/// let matches = matcher.match_image(image.view(), None)?;
/// assert_eq!(matches.atom, [4]);
/// assert!((matches.response[0] - Complex32::new(0.0, 2.0)).norm() < 1e-6);
/// # Ok::<(), diph_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DictionaryMatcher {
    dictionary: Dictionary,
    tree: BallTree,
}

impl DictionaryMatcher {
    /// A matcher on `dictionary`; builds the tree.
    pub fn new(dictionary: Dictionary) -> Self {
        let tree = BallTree::new(dictionary.atoms());
        Self { dictionary, tree }
    }

    /// The dictionary whose atoms voxels are matched with.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Matches every voxel of `x`, (coefficient, y, x) or (coefficient, z, y, x), by the tree search.
    ///
    /// `guess`, for example the atoms of the last iteration, is where the search of every voxel starts: it changes the time and
    /// never the result. Entries that are no atom ([`Matches::NO_ATOM`]) are passed over.
    ///
    /// # Errors
    /// [`Error::Shape`] when the image or the guess has another shape, [`Error::NotContiguous`] when the image does not lie in
    /// C order, [`Error::NotFinite`] when a value of `x` is NaN or infinite.
    pub fn match_image(&self, x: View<'_>, guess: Option<&[u32]>) -> Result<Matches> {
        let operation = "bloch-dictionary: match";
        let voxels = self.voxels(operation, &x)?;
        if let Some(guess) = guess.filter(|guess| guess.len() != voxels.len()) {
            let (expected, got) = (vec![voxels.len()], vec![guess.len()]);
            return Err(Error::Shape { operation: operation.into(), role: "guess (voxel)".into(), expected, got });
        }
        let mut atom = vec![Matches::NO_ATOM; voxels.len()];
        let statistics = atom
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, found)| {
                let first = chunk * CHUNK;
                let prepared = voxels.prepare(first, found.len());
                let guess = guess.map(|guess| &guess[first..first + found.len()]);
                search::search(&self.tree, self.dictionary.atoms(), &prepared, guess, found)
            })
            .reduce(MatchStatistics::default, MatchStatistics::plus);
        Ok(self.matches(&voxels, atom, statistics))
    }

    /// Matches every voxel of `x`, a plane or a volume, by its products with all atoms: the plain twin of
    /// [`match_image`](Self::match_image), for tests and comparisons.
    ///
    /// # Errors
    /// [`Error::Shape`] when the image or the guess has another shape, [`Error::NotContiguous`] when the image does not lie in
    /// C order, [`Error::NotFinite`] when a value of `x` is NaN or infinite.
    pub fn match_brute_force(&self, x: View<'_>) -> Result<Matches> {
        let voxels = self.voxels("bloch-dictionary: brute force", &x)?;
        let mut atom = vec![Matches::NO_ATOM; voxels.len()];
        let statistics = atom
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, found)| {
                let prepared = voxels.prepare(chunk * CHUNK, found.len());
                brute_force::search(&self.tree, &prepared, found)
            })
            .reduce(MatchStatistics::default, MatchStatistics::plus);
        Ok(self.matches(&voxels, atom, statistics))
    }

    /// Writes the image `d_j <x, d_j>` of `matches` into `z`, a plane or a volume, and, where given, the parameter maps.
    ///
    /// # Errors
    /// When a shape, a number of voxels or the parameters of the maps do not fit.
    pub fn write(&self, matches: &Matches, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
        let operation = "bloch-dictionary: write";
        let (space, image) = image_space(operation, self.coefficients(), z.shape())?;
        let voxels = image.pixels();
        if matches.atom.len() != voxels || matches.response.len() != voxels {
            let (expected, got) = (vec![voxels], vec![matches.atom.len(), matches.response.len()]);
            return Err(Error::Shape { operation: operation.into(), role: "matches (voxel)".into(), expected, got });
        }
        if let Some(&atom) =
            matches.atom.iter().find(|&&atom| atom != Matches::NO_ATOM && atom as usize >= self.dictionary.len())
        {
            let expected = format!("below {}, the number of atoms", self.dictionary.len());
            return Err(Error::parameter(operation, "index of an atom", expected, atom));
        }
        let z = space.slice_mut(operation, "image", z)?;
        let atoms = self.dictionary.atoms();
        for (k, plane) in z.chunks_exact_mut(voxels.max(1)).enumerate() {
            for ((value, &atom), &response) in plane.iter_mut().zip(&matches.atom).zip(&matches.response) {
                *value = if atom == Matches::NO_ATOM { Complex32::ZERO } else { response * atoms[[atom as usize, k]] };
            }
        }
        match maps {
            Some(maps) => self.write_maps(operation, matches, maps, &image),
            None => Ok(()),
        }
    }

    fn write_maps(
        &self,
        operation: &str,
        matches: &Matches,
        maps: &mut ParameterMaps,
        image: &ImageShape,
    ) -> Result<()> {
        let parameters = self.dictionary.parameters();
        if maps.parameters != parameters {
            let names = |parameters: &[Parameter]| {
                let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                format!("maps of {names:?}")
            };
            return Err(Error::incompatible(operation, names(parameters), names(&maps.parameters)));
        }
        maps.check(operation, image)?;
        let lut = self.dictionary.lut();
        for (column, mut map) in maps.values.outer_iter_mut().enumerate() {
            for (value, &atom) in map.iter_mut().zip(&matches.atom) {
                *value = if atom == Matches::NO_ATOM { 0.0 } else { lut[[atom as usize, column]] };
            }
        }
        let norms = self.dictionary.norms();
        for ((value, &atom), response) in maps.amplitude.iter_mut().zip(&matches.atom).zip(&matches.response) {
            *value = if atom == Matches::NO_ATOM { Complex32::ZERO } else { response / norms[atom as usize] };
        }
        Ok(())
    }

    fn voxels<'a>(&self, operation: &str, x: &View<'a>) -> Result<Voxels<'a>> {
        let (space, _) = image_space(operation, self.coefficients(), x.shape())?;
        let values = space.slice(operation, "image", x)?;
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { operation: operation.into(), role: "image".into(), index });
        }
        Ok(Voxels::new(values, self.coefficients()))
    }

    fn matches(&self, voxels: &Voxels<'_>, atom: Vec<u32>, statistics: MatchStatistics) -> Matches {
        let atoms = self.dictionary.atoms();
        let response = atom
            .par_iter()
            .enumerate()
            .with_min_len(CHUNK)
            .map(|(voxel, &atom)| {
                if atom == Matches::NO_ATOM {
                    return Complex32::ZERO;
                }
                let products = voxels.coefficients_of(voxel).zip(atoms.row(atom as usize));
                let sum: Complex64 =
                    products.map(|(x, &d)| Complex64::new(x.re.into(), x.im.into()) * f64::from(d)).sum();
                Complex32::new(sum.re as f32, sum.im as f32)
            })
            .collect();
        Matches { atom, response, statistics }
    }
}

/// The space of images with this shape, which must have the right number of coefficients.
fn image_space(operation: &str, coefficients: usize, shape: &[usize]) -> Result<(Space, ImageShape)> {
    let (_, image) = ImageShape::split(operation, shape)?;
    let space = Space::image(coefficients, &image);
    space.check(operation, "image", shape)?;
    Ok((space, image))
}

impl PhysicsProjector for DictionaryMatcher {
    fn name(&self) -> &str {
        "bloch-dictionary"
    }

    fn coefficients(&self) -> usize {
        self.dictionary.coefficients()
    }

    fn parameters(&self) -> &[Parameter] {
        self.dictionary.parameters()
    }

    fn project(&self, x: View<'_>, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
        let matches = self.match_image(x.view(), None)?;
        Space::new(x.shape().iter().map(|&len| ("axis", len))).check(
            "bloch-dictionary: project",
            "output",
            z.shape(),
        )?;
        self.write(&matches, z, maps)
    }
}

#[cfg(test)]
mod tests;
