//! EPG simulation and the dictionary made from it.

use diph_bloch::{Dictionary, DictionaryGrid, EpgFisp, Sequence};
use ndarray::{Axis, Ix2};

use crate::world::{FRAMES, World};

fn sequence(world: &World) -> Sequence {
    let values = |key| world.array::<f64>("sequence.npz", key).into_iter().collect::<Vec<f64>>();
    Sequence::new(values("flip_angle_rad"), values("tr_s"), values("te_s")[0], values("ti_s")[0]).unwrap()
}

#[test]
fn signals_agree_atom_by_atom() {
    let Some(world) = World::open() else { return };
    let lut = world.dictionary().lut().to_owned();
    let grid = DictionaryGrid::from_lut(lut.view()).unwrap();
    let signals = EpgFisp::new(sequence(&world)).simulate(grid.tissues()).unwrap();
    let expected = world.array::<f64>("sequence.npz", "raw_signals").into_dimensionality::<Ix2>().unwrap();
    assert_eq!(signals.dim(), (grid.tissues().len(), FRAMES));
    let mut worst: f64 = 0.0;
    for (signal, expected) in signals.axis_iter(Axis(0)).zip(expected.axis_iter(Axis(0))) {
        let distance: f64 = signal.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let norm: f64 = expected.iter().map(|value| value * value).sum::<f64>().sqrt();
        worst = worst.max(distance / norm);
    }
    assert!(worst < 1e-5, "{worst}");
    eprintln!("worst relative error of an atom: {worst:.1e}");
}

#[test]
fn the_subspace_agrees_up_to_signs() {
    let Some(world) = World::open() else { return };
    let reference = world.dictionary();
    let grid = DictionaryGrid::from_lut(reference.lut()).unwrap();
    let dictionary = Dictionary::simulate(&sequence(&world), &grid, 5).unwrap();
    for (ours, theirs) in dictionary.basis().axis_iter(Axis(1)).zip(reference.basis().axis_iter(Axis(1))) {
        let product: f64 = ours.iter().zip(theirs).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!((product.abs() - 1.0).abs() < 1e-5, "{product}");
    }
}
