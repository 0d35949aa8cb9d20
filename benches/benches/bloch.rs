//! EPG simulation, dictionary, and exact matching of a slice.

use criterion::{Criterion, criterion_group, criterion_main};
use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, EpgFisp, Sequence, Tissue};
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;

/// `count` values from `from` to `to` at equal ratios.
fn logarithmic(from: f64, to: f64, count: i32) -> Vec<f64> {
    (0..count).map(|i| from * (to / from).powf(f64::from(i) / f64::from(count - 1))).collect()
}

/// 94,777 tissues over the brain's range, as many as the dictionary of the published method.
fn large_grid() -> DictionaryGrid {
    let grid = DictionaryGrid::product(&logarithmic(0.02, 5.0, 400), &logarithmic(0.005, 4.0, 390), &[]);
    let lut = grid.expect("a valid grid").lut();
    DictionaryGrid::from_lut(lut.slice(ndarray::s![..94_777, ..])).expect("a valid grid")
}

fn matcher(grid: &DictionaryGrid) -> DictionaryMatcher {
    let sequence = Sequence::deli_cs().truncated(200).expect("enough frames");
    DictionaryMatcher::new(Dictionary::simulate(&sequence, grid, 5).expect("simulates"))
}

/// A slice of 230 x 230: a disc of responses in regions of one tissue each with 5 % noise, around it noise only.
fn slice(matcher: &DictionaryMatcher) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let atoms = matcher.dictionary().atoms();
    Array3::from_shape_fn((5, 230, 230), |(k, y, x)| {
        let noise = Complex32::new(rng.random_range(-0.05..0.05), rng.random_range(-0.05..0.05));
        let radius = (y as f32 - 115.0).hypot(x as f32 - 115.0);
        if radius > 80.0 {
            return noise;
        }
        let region = y / 10 * 23 + x / 10;
        atoms[[region * 7919 % atoms.nrows(), k]] + noise
    })
    .into_dyn()
}

fn epg(c: &mut Criterion) {
    let grid = large_grid();
    let epg = EpgFisp::new(Sequence::fisp());
    let some: Vec<Tissue> = grid.tissues().iter().step_by(10).copied().collect();
    c.bench_function("EPG of 9,478 atoms x 1000 frames", |b| b.iter(|| epg.simulate(black_box(&some))));
    c.bench_function("EPG of 94,777 atoms x 1000 frames", |b| b.iter(|| epg.simulate(black_box(grid.tissues()))));
    let cut = Sequence::fisp_cut(3).expect("a cut");
    let brain = DictionaryGrid::brain();
    c.bench_function("dictionary of 22,160 atoms x 200 frames", |b| b.iter(|| Dictionary::simulate(&cut, &brain, 5)));
}

fn matching(c: &mut Criterion) {
    for grid in [DictionaryGrid::brain(), large_grid()] {
        let matcher = matcher(&grid);
        let count = matcher.dictionary().len();
        let image = slice(&matcher);
        let found = matcher.match_image(image.view(), None).expect("matches");
        println!("{count} atoms: {:.0} evaluations per voxel", found.statistics.evaluations_per_voxel());
        let dictionary = matcher.dictionary();
        c.bench_function(&format!("tree of {count} atoms"), |b| {
            b.iter_batched(|| dictionary.clone(), DictionaryMatcher::new, criterion::BatchSize::LargeInput)
        });
        c.bench_function(&format!("matching of a slice, {count} atoms"), |b| {
            b.iter(|| matcher.match_image(black_box(image.view()), None))
        });
        c.bench_function(&format!("matching of a slice, {count} atoms, from the last atoms"), |b| {
            b.iter(|| matcher.match_image(black_box(image.view()), Some(&found.atom)))
        });
        c.bench_function(&format!("brute force of a slice, {count} atoms"), |b| {
            b.iter(|| matcher.match_brute_force(black_box(image.view())))
        });
    }
}

criterion_group! {
    name = bloch;
    config = Criterion::default().sample_size(10);
    targets = epg, matching
}
criterion_main!(bloch);
