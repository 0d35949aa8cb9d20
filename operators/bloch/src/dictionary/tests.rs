use std::sync::atomic::{AtomicUsize, Ordering};

use diph_core::Error;
use ndarray::{Array1, Array2, array};

use crate::{Dictionary, DictionaryGrid, EpgFisp, Sequence};

fn grid() -> DictionaryGrid {
    let t1: Vec<f64> = (1..=20).map(|i| 0.15 * f64::from(i)).collect();
    let t2: Vec<f64> = (1..=15).map(|i| 0.02 * f64::from(i)).collect();
    DictionaryGrid::product(&t1, &t2, &[]).expect("valid")
}

#[test]
fn the_basis_is_orthonormal_and_holds_the_signals() {
    let sequence = Sequence::fisp_cut(3).expect("a cut");
    let grid = grid();
    let dictionary = Dictionary::simulate(&sequence, &grid, 8).expect("simulates");
    let v = dictionary.basis();
    assert_eq!((dictionary.frames(), dictionary.coefficients(), dictionary.len()), (200, 8, grid.tissues().len()));
    let gram = v.t().dot(&v) - Array2::<f32>::eye(8);
    assert!(gram.iter().all(|value| value.abs() < 1e-5));
    for column in v.columns() {
        let largest =
            column.iter().fold(0f32, |largest, &value| if value.abs() > largest.abs() { value } else { largest });
        assert!(largest > 0.0, "the largest entry of every basis vector is positive");
    }
    let signals = EpgFisp::new(sequence).simulate(grid.tissues()).expect("simulates");
    for (index, signal) in signals.outer_iter().enumerate() {
        let atom = dictionary.atoms().row(index).to_owned() * dictionary.norms()[index];
        let approximation = v.dot(&atom).mapv(f64::from);
        let error = (&approximation - &signal).mapv(|x| x * x).sum().sqrt() / signal.mapv(|x| x * x).sum().sqrt();
        assert!(error < 0.05, "atom {index}: {error}");
        assert!((dictionary.atoms().row(index).dot(&dictionary.atoms().row(index)) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn simulation_is_repeatable_and_basis_vectors_do_not_depend_on_how_many_are_kept() {
    let sequence = Sequence::fisp_cut(4).expect("a cut");
    let small = Dictionary::simulate(&sequence, &grid(), 3).expect("simulates");
    assert_eq!(small, Dictionary::simulate(&sequence, &grid(), 3).expect("simulates"));
    let large = Dictionary::simulate(&sequence, &grid(), 5).expect("simulates");
    assert_eq!(small.basis(), large.basis().slice(ndarray::s![.., ..3]));
    for wrong in [0, 101] {
        assert!(matches!(Dictionary::simulate(&sequence, &grid(), wrong), Err(Error::Parameter { .. })));
    }
}

#[test]
fn simulation_ends_between_blocks_of_tissues() {
    let sequence = Sequence::fisp_cut(4).expect("a cut");
    let t1: Vec<f64> = (1..=100).map(|i| 1.0 + 0.01 * f64::from(i)).collect();
    let t2: Vec<f64> = (1..=100).map(|i| 0.002 * f64::from(i)).collect();
    let grid = DictionaryGrid::product(&t1, &t2, &[]).expect("valid");
    let asked = |patience: usize| {
        let asked = AtomicUsize::new(0);
        let is_cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= patience;
        let result = Dictionary::simulate_unless(&is_cancelled, &sequence, &grid, 5);
        (asked.into_inner(), result)
    };
    let (blocks, finished) = asked(usize::MAX);
    assert_eq!(finished.expect("nobody cancels"), Dictionary::simulate(&sequence, &grid, 5).expect("simulates"));
    // In the first pass over the tissues and in the second; every thread may ask once more.
    for patience in [0, 3, blocks - 3] {
        let (asked, result) = asked(patience);
        assert!(matches!(result, Err(Error::Cancelled { .. })));
        assert!(asked <= patience + rayon::current_num_threads().max(8), "{asked} of {blocks} blocks after {patience}");
    }
}

#[test]
fn compressed_arrays_become_unit_atoms_and_norms() {
    let lut = array![[1.0f32, 0.1], [0.1, 0.2]];
    let d = array![[0.6f32, 0.0, 0.8], [0.0, -0.5, 0.9]];
    let v = Array2::<f32>::ones((4, 3));
    let norms = array![2.0f32, 4.0];
    let dictionary = Dictionary::from_compressed(lut.view(), d.view(), v.view(), norms.view(), 2).expect("valid");
    assert_eq!(dictionary.atoms(), array![[1.0, 0.0], [0.0, -1.0]]);
    assert_eq!(dictionary.norms(), array![1.2, 2.0]);
    assert_eq!(dictionary.basis().dim(), (4, 2));
    // D = atoms, normD = norms: the way back.
    let again = Dictionary::from_compressed(lut.view(), dictionary.atoms(), dictionary.basis(), dictionary.norms(), 2)
        .expect("valid");
    assert_eq!(again, dictionary);
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let (lut, d, v, n) = (Array2::ones((3, 2)), Array2::ones((3, 4)), Array2::ones((9, 4)), Array1::ones(3));
    let with = |lut: &Array2<f32>, d: &Array2<f32>, v: &Array2<f32>, n: &Array1<f32>, k| {
        Dictionary::from_compressed(lut.view(), d.view(), v.view(), n.view(), k)
    };
    assert!(with(&lut, &d, &v, &n, 4).is_ok());
    assert!(matches!(with(&Array2::ones((3, 1)), &d, &v, &n, 4), Err(Error::Shape { .. })));
    assert!(matches!(with(&lut, &d, &v, &n, 5), Err(Error::Shape { .. })));
    assert!(matches!(with(&lut, &Array2::ones((2, 4)), &v, &n, 4), Err(Error::Shape { .. })));
    assert!(matches!(with(&lut, &d, &Array2::ones((9, 3)), &n, 4), Err(Error::Shape { .. })));
    assert!(matches!(with(&lut, &d, &v, &Array1::ones(4), 4), Err(Error::Shape { .. })));
    assert!(matches!(with(&lut, &d, &v, &n, 0), Err(Error::Parameter { .. })));
    assert!(matches!(with(&lut, &d, &v, &array![1.0, 0.0, 1.0], 4), Err(Error::Parameter { .. })));
    assert!(matches!(with(&lut, &(d.clone() * f32::NAN), &v, &n, 4), Err(Error::NotFinite { .. })));
    assert!(matches!(with(&lut, &Array2::zeros((3, 4)), &v, &n, 4), Err(Error::Parameter { .. })));
}

#[test]
fn the_eigendecomposition_can_be_stopped() {
    let sequence = Sequence::fisp_cut(0).expect("a cut");
    let grid = DictionaryGrid::product(&[0.9], &[0.1], &[]).expect("valid");
    // Asked once by each part of the sum, and then while the matrix of 1000 frames is decomposed.
    let asked = AtomicUsize::new(0);
    let started = std::time::Instant::now();
    let stopped = Dictionary::simulate_unless(&|| asked.fetch_add(1, Ordering::Relaxed) > 0, &sequence, &grid, 1);
    assert!(matches!(stopped, Err(Error::Cancelled { .. })));
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
}
