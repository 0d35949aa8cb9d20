//! EPG simulation, dictionary, and exact matching of a slice.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use diph_benches::tissues::{large_grid, matcher, slice};
use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, EpgFisp, Sequence, Tissue};

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
