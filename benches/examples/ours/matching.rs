//! Exact dictionary matching of a slice.

use std::path::Path;

use diph_benches::tissues;
use diph_bloch::{DictionaryGrid, DictionaryMatcher};
use diph_formats::NpzWriter;
use ndarray::{ArrayD, aview1};
use num_complex::Complex32;
use serde::Deserialize;

use crate::{Result, Work};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grid {
    /// 94,777 atoms.
    Large,
    /// 22,160 atoms, those of the method files.
    Brain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    grid: Grid,
}

pub struct Matching {
    matcher: DictionaryMatcher,
    image: ArrayD<Complex32>,
    atom: Vec<u32>,
}

impl Matching {
    /// Writes `atoms` (atom, coefficient) and `image` (coefficient, y, x).
    pub fn new(folder: &Path, options: Options) -> Result<Self> {
        let grid = match options.grid {
            Grid::Large => tissues::large_grid(),
            Grid::Brain => DictionaryGrid::brain(),
        };
        let matcher = tissues::matcher(&grid);
        let image = tissues::slice(&matcher);
        NpzWriter::new()
            .with("atoms", matcher.dictionary().atoms())
            .with("image", image.view())
            .write(folder.join("problem.npz"))?;
        Ok(Self { matcher, image, atom: Vec::new() })
    }
}

impl Work for Matching {
    fn run(&mut self) -> Result {
        self.atom = self.matcher.match_image(self.image.view(), None)?.atom;
        Ok(())
    }

    fn write(&self, path: &Path) -> Result {
        let atom: Vec<i64> = self.atom.iter().copied().map(i64::from).collect();
        Ok(NpzWriter::new().with("atom", aview1(&atom)).write(path)?)
    }
}
