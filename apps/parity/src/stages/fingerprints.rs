//! Extended phase graphs and the subspace made from them.

use diph_bloch::{Dictionary, DictionaryGrid, EpgFisp, Sequence};
use ndarray::{Axis, Ix1, Ix2};

use crate::relative_error::worst;
use crate::{Comparison, Reference, Stage};
use diph_recon::acquisition::read_dictionary;
use diph_recon::{Blame, ReconError};

const FILE: &str = "sequence.npz";
/// The Python signals leave out orders above 30.
const SIGNAL: f64 = 1e-5;
/// Of the basis that follows from them.
const ANGLE: f64 = 5e-9;

/// Signals of every atom, and the temporal basis.
pub struct Fingerprints;

impl Stage for Fingerprints {
    fn name(&self) -> String {
        "fingerprints".into()
    }

    fn files(&self) -> Vec<String> {
        ["meta.json", FILE, Reference::ACQUISITION[1]].map(String::from).to_vec()
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let folder = &reference.folder;
        let path = folder.path(Reference::ACQUISITION[1])?;
        let recorded = read_dictionary(&path, folder.meta()?.ksvd)?;
        let grid = DictionaryGrid::from_lut(recorded.lut()).file(&path)?;
        let sequence = sequence(reference)?;
        let expected = folder.array::<f64, Ix2>(FILE, "raw_signals", "(atom, frame)")?;
        folder.check_shape(FILE, "raw_signals", &[recorded.len(), sequence.frames()], expected.shape())?;

        let signals = EpgFisp::new(sequence.clone()).simulate(grid.tissues()).step("simulating the sequence")?;
        if signals.nrows() != expected.nrows() {
            let message = format!("key `dict.lut`: expected atoms with T2 <= T1, {} are not", grid.left_out());
            return Err(ReconError::input(&path, message));
        }
        let atoms = signals.axis_iter(Axis(0)).zip(expected.axis_iter(Axis(0)));
        let signals = atoms.map(|(ours, theirs)| {
            let difference: f64 = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).powi(2)).sum();
            let energy: f64 = theirs.iter().map(|value| value * value).sum();
            (difference / energy).sqrt()
        });

        let ours = Dictionary::simulate(&sequence, &grid, recorded.coefficients()).step("simulating the dictionary")?;
        folder.check_shape(Reference::ACQUISITION[1], "dict.V", ours.basis().shape(), recorded.basis().shape())?;
        let (basis, expected) = (ours.basis(), recorded.basis());
        let angles = basis.axis_iter(Axis(1)).zip(expected.axis_iter(Axis(1))).map(|(ours, theirs)| {
            let product: f64 = ours.iter().zip(theirs).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            (product.abs() - 1.0).abs()
        });
        Ok(vec![
            Comparison::error("signal of the worst atom", worst(signals), SIGNAL),
            Comparison::error("1 - |<v, v'>| of the worst basis vector", worst(angles), ANGLE),
        ])
    }
}

fn sequence(reference: &Reference<'_>) -> Result<Sequence, ReconError> {
    let list = |key| reference.folder.array::<f64, Ix1>(FILE, key, "(frame)");
    let (flip_angles, tr) = (list("flip_angle_rad")?.to_vec(), list("tr_s")?.to_vec());
    let (te, ti) = (reference.folder.number(FILE, "te_s")?, reference.folder.number(FILE, "ti_s")?);
    Sequence::new(flip_angles, tr, te, ti).file(&reference.folder.path(FILE)?)
}
