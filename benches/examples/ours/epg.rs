//! EPG simulation of a dictionary.

use std::path::Path;

use diph_benches::tissues::large_grid;
use diph_bloch::{DictionaryGrid, EpgFisp, Sequence};
use diph_formats::NpzWriter;
use ndarray::{Array2, aview0, aview1, s};
use serde::Deserialize;

use crate::{Result, Work};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Every so many atoms go to the other side.
    stride: usize,
}

pub struct Simulation {
    epg: EpgFisp,
    grid: DictionaryGrid,
    stride: usize,
    signals: Array2<f64>,
}

impl Simulation {
    /// Writes the sequence (`flip_angle_rad`, `tr_s`, `te_s`, `ti_s`), and `lut` (atom, T1 T2) of every `stride`-th atom.
    pub fn new(folder: &Path, Options { stride }: Options) -> Result<Self> {
        let (sequence, grid) = (Sequence::fisp(), large_grid());
        let lut = grid.lut();
        NpzWriter::new()
            .with("flip_angle_rad", aview1(sequence.flip_angle_rad()))
            .with("tr_s", aview1(sequence.tr_s()))
            .with("te_s", aview0(&sequence.te_s()))
            .with("ti_s", aview0(&sequence.ti_s()))
            .with("atoms", aview0(&(grid.tissues().len() as i64)))
            .with("lut", lut.slice(s![..;stride, ..]))
            .write(folder.join("problem.npz"))?;
        Ok(Self { epg: EpgFisp::new(sequence), grid, stride, signals: Array2::default((0, 0)) })
    }
}

impl Work for Simulation {
    fn run(&mut self) -> Result {
        self.signals = self.epg.simulate(self.grid.tissues())?;
        Ok(())
    }

    fn write(&self, path: &Path) -> Result {
        Ok(NpzWriter::new().with("signals", self.signals.slice(s![..;self.stride, ..])).write(path)?)
    }
}
