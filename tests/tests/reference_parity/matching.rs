//! Dictionary matching.

use diph_bloch::DictionaryMatcher;
use diph_core::{ParameterMaps, PhysicsProjector};
use ndarray::Axis;

use crate::world::{SIZE, World, error};

#[test]
fn atoms_are_identical_but_for_ties() {
    let Some(world) = World::open() else { return };
    let x = world.complex("dictionary_match_pair.npz", "x", 3);
    let expected = world.array::<i64>("dictionary_match_pair.npz", "index");
    let dictionary = world.dictionary();
    let score = |voxel: usize, atom: usize| {
        let (y, column) = (voxel / SIZE, voxel % SIZE);
        let product: num_complex::Complex64 = (0..5)
            .map(|k| {
                let value = x[[k, y, column]];
                let d = f64::from(dictionary.atoms()[[atom, k]]);
                num_complex::Complex64::new(f64::from(value.re) * d, f64::from(value.im) * d)
            })
            .sum();
        product.norm()
    };
    let matches = DictionaryMatcher::new(dictionary.clone()).match_image(x.view(), None).unwrap();
    let mut ties = 0;
    for (voxel, (found, expected)) in matches.atom.iter().zip(&expected).enumerate() {
        if i64::from(*found) == *expected {
            continue;
        }
        let (ours, theirs) = (score(voxel, *found as usize), score(voxel, *expected as usize));
        assert!(ours >= theirs && ours - theirs < 1e-6 * ours, "voxel {voxel}: {ours} against {theirs}");
        ties += 1;
    }
    eprintln!("{ties} of {} voxels have another atom, all of them ties in single precision", expected.len());
    assert!(ties < 10);
}

#[test]
fn maps_and_projection_agree() {
    let Some(world) = World::open() else { return };
    let projector = world.projector();
    let x = world.complex("dictionary_match_pair.npz", "x", 3);
    let mut z = x.clone();
    let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), SIZE, SIZE);
    projector.project(x.view(), z.view_mut(), Some(&mut maps)).unwrap();
    assert!(error(&world.complex("dictionary_match_pair.npz", "z", 3), &z) < 1e-3);

    let expected = world.array::<f32>("dictionary_match_pair.npz", "qmaps");
    let differing = |name: &str, row: usize| {
        let expected = expected.index_axis(Axis(0), row);
        let found = maps.parameter(name).unwrap();
        found.iter().zip(expected).filter(|(found, expected)| (*found - *expected).abs() > 1e-6).count()
    };
    assert!(differing("T1", 0) < 10 && differing("T2", 1) < 10);
    for (row, part) in [(2, (|pd| pd.re) as fn(num_complex::Complex32) -> f32), (3, |pd| pd.im)] {
        let expected = expected.index_axis(Axis(0), row);
        let scale = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let far = |(found, expected): (f32, &f32)| (found - expected).abs() > 1e-3 * scale;
        let count = maps.amplitude.iter().map(|pd| part(*pd)).zip(expected).filter(|pair| far(*pair)).count();
        assert!(count < 10, "{count} voxels of row {row}");
    }
}
