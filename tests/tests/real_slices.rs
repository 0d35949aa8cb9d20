//! Exactness of the tree search on every voxel of real slices.
//!
//! The in-vivo data are not part of the project; the tests say so and pass where they are absent.

use std::path::Path;

use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, Sequence};
use diph_datasets::{DatasetFolder, SliceId};
use ndarray::ArrayD;
use num_complex::Complex32;

fn folder() -> Option<DatasetFolder> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/Deli-CS");
    if path.is_dir() {
        return Some(DatasetFolder::new(path));
    }
    eprintln!("skipped: the in-vivo Deli-CS maps are not present");
    None
}

/// A noisy image (the adjoint) and a clean one of the same slice.
fn images(folder: &DatasetFolder) -> [(&'static str, ArrayD<Complex32>); 2] {
    let id = SliceId::new(0, 10);
    [("adjoint", folder.adjoint_tsmi(id, 3).unwrap()), ("reference", folder.reference_tsmi(id, 3).unwrap())]
}

fn compare(dictionary: Dictionary, folder: &DatasetFolder) {
    let matcher = DictionaryMatcher::new(dictionary);
    for (name, image) in images(folder) {
        let tree = matcher.match_image(image.view(), None).unwrap();
        let brute_force = matcher.match_brute_force(image.view()).unwrap();
        assert_eq!(tree.atom, brute_force.atom, "{name}");
        let warm = matcher.match_image(image.view(), Some(&brute_force.atom)).unwrap();
        assert_eq!(warm.atom, brute_force.atom, "{name}, warm start");
        eprintln!(
            "{} atoms, {name} image: {:.0} evaluations per voxel, {:.0} with a warm start",
            matcher.dictionary().len(),
            tree.statistics.evaluations_per_voxel(),
            warm.statistics.evaluations_per_voxel()
        );
    }
}

#[test]
fn tree_and_brute_force_agree_for_the_dictionary_of_the_data() {
    let Some(folder) = folder() else { return };
    let file = folder.dictionary(3).unwrap();
    let single = |value: f64| value as f32;
    let (lut, d, v, norms) =
        (file.lut.mapv(single), file.d.mapv(single), file.v.mapv(single), file.norm_d.mapv(single));
    let dictionary = Dictionary::from_compressed(lut.view(), d.view(), v.view(), norms.view(), 5).unwrap();
    assert_eq!(dictionary.len(), 22_160);
    compare(dictionary, &folder);
}

#[test]
fn tree_and_brute_force_agree_for_a_hundred_thousand_atoms() {
    let Some(folder) = folder() else { return };
    let steps = |first: f64, step: f64, count: usize| (0..count).map(|i| first + step * i as f64).collect::<Vec<_>>();
    let grid = DictionaryGrid::product(&steps(0.02, 0.01, 400), &steps(0.005, 0.004, 300), &[]).unwrap();
    let sequence = Sequence::deli_cs().truncated(200).unwrap();
    let dictionary = Dictionary::simulate(&sequence, &grid, 5).unwrap();
    assert!(dictionary.len() > 100_000, "{}", dictionary.len());
    compare(dictionary, &folder);
}
