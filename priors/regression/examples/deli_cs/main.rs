//! Trains and judges regression networks on the Deli-CS maps.

mod cascade;
mod data;
mod mmse;

use std::path::{Path, PathBuf};
use std::time::Instant;

use data::{K, SIGMA, World, augment, stream};
use diph_datasets::SliceId;
use diph_network::ops::Precision;
use diph_network::{Checkpoint, UNetConfig, WeightFormat};
use diph_regression::{
    Features, Maps, Normalisation, RegressionConfig, RegressionNetwork, Sample, SampleSource, Trainer, TrainingConfig,
    target_planes,
};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rand::RngExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MASK: f32 = 0.006;
const ITERATIONS: usize = 10;
const SEED: u64 = 0x7265_6772;

struct Source {
    world: World,
    maps: Vec<Maps>,
    normalisation: Normalisation,
}

impl Source {
    fn measured(&self, number: u64) -> (Maps, Array3<Complex32>) {
        let mut rng = stream(SEED, number);
        let pick = rng.random_range(0..self.maps.len());
        let maps = augment(&self.maps[pick], &mut rng);
        let y = self.world.measure(&maps, &mut rng);
        (maps, self.world.image(&y, ITERATIONS).0)
    }
}

impl SampleSource for Source {
    fn sample(&self, number: u64) -> diph_regression::Result<Sample> {
        let (maps, image) = self.measured(number);
        let features = Features::new(&self.normalisation, image.view())?;
        let target = target_planes(&maps, &features, MASK);
        Ok(Sample { planes: features.planes, log_scale: features.log_scale, target })
    }
}

fn normalisation(source: &Source) -> Normalisation {
    let plain = Normalisation { scale: 1.0, sizes: vec![1.0; K], ..source.normalisation.clone() };
    let (mut log, mut squares) = (0.0_f64, [0.0_f64; K]);
    const COUNT: u64 = 24;
    for number in 0..COUNT {
        let (_, image) = source.measured(1_000_000 + number);
        let features = Features::new(&plain, image.view()).unwrap();
        log += f64::from(features.log_scale) / COUNT as f64;
        for k in 0..K {
            let of = |p: usize| features.planes.index_axis(ndarray::Axis(0), p).iter().map(|v| f64::from(v * v)).sum::<f64>();
            squares[k] += (of(k) + of(K + k)) / (230.0 * 230.0) / COUNT as f64;
        }
    }
    Normalisation { scale: log.exp() as f32, sizes: squares.iter().map(|s| s.sqrt() as f32).collect(), ..plain }
}

struct Case {
    name: String,
    maps: Maps,
    mask: Array2<bool>,
    y: ArrayD<Complex32>,
}

fn cases(world: &World) -> Vec<Case> {
    let mut out = Vec::new();
    for slice in [3, 15, 27] {
        let maps = world.maps(9, slice);
        let y = world.measure(&maps, &mut stream(SEED + 1, slice as u64));
        out.push(Case { name: format!("vol9_{slice}"), mask: maps.pd.mapv(|p| p.norm() > MASK), maps, y });
    }
    for slice in [5, 10, 15] {
        let id = SliceId { vol: 0, slice };
        let y = world.folder.kspace(id, 3).unwrap().into_dyn();
        out.push(Case { name: format!("vol0_{slice}"), mask: world.folder.mask(id, MASK).unwrap(), maps: world.maps(0, slice), y });
    }
    out
}

/// MAPE, mean signed percentage, median absolute percentage.
fn errors(found: &Array2<f32>, truth: &Array2<f32>, mask: &Array2<bool>) -> [f64; 3] {
    let mut e: Vec<f64> = mask.indexed_iter().filter(|(_, m)| **m).map(|(at, _)| 100.0 * f64::from((found[at] - truth[at]) / truth[at])).collect();
    let n = e.len() as f64;
    let bias = e.iter().sum::<f64>() / n;
    e.iter_mut().for_each(|v| *v = v.abs());
    let mape = e.iter().sum::<f64>() / n;
    e.sort_by(f64::total_cmp);
    [mape, bias, e[e.len() / 2]]
}

fn judge(network: &RegressionNetwork, cases: &[(Case, Array3<Complex32>)], mirrors: bool) -> String {
    let mut text = String::new();
    let mut mean = [[0.0; 2]; 2];
    for (index, (case, image)) in cases.iter().enumerate() {
        let found = network.maps(image.view(), None, mirrors).unwrap();
        let (a, b) = (errors(&found.t1, &case.maps.t1, &case.mask), errors(&found.t2, &case.maps.t2, &case.mask));
        text += &format!(" {} {:.1}/{:.1} (bias {:+.1}/{:+.1})", case.name, a[0], b[0], a[1], b[1]);
        mean[index / 3][0] += a[0] / 3.0;
        mean[index / 3][1] += b[0] / 3.0;
    }
    format!("vol9 {:.2}/{:.2} vol0 {:.2}/{:.2} |{text}", mean[0][0], mean[0][1], mean[1][0], mean[1][1])
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (root, out, steps) = (PathBuf::from(&args[1]), PathBuf::from(&args[2]), args[3].parse::<u64>().unwrap());
    let precision = if args.get(4).is_some_and(|a| a == "bf16") { Precision::Bf16 } else { Precision::F32 };
    let begin = Instant::now();
    let world = World::open(&root);
    println!("open {:.1} s", begin.elapsed().as_secs_f64());
    check(&world);
    let begin = Instant::now();
    let cases: Vec<_> = cases(&world).into_iter().map(|case| { let image = world.image(&case.y, ITERATIONS); (case, image) }).collect();
    println!("6 images {:.1} s, residuals {:?}", begin.elapsed().as_secs_f64(), cases.iter().map(|(_, i)| format!("{:.1e}", i.1)).collect::<Vec<_>>());
    let cases: Vec<_> = cases.into_iter().map(|(case, (image, _))| (case, image)).collect();
    for (case, image) in &cases {
        let (t1, t2) = world.dictionary.matched(image, &case.mask);
        println!("mmse {} {:.1?} {:.1?}", case.name, errors(&t1, &case.maps.t1, &case.mask), errors(&t2, &case.maps.t2, &case.mask));
    }
    let maps = (1..=8).flat_map(|vol| (0..30).map(move |slice| (vol, slice))).map(|(vol, slice)| world.maps(vol, slice)).collect();
    let normalisation_ = Normalisation { scale: 1.0, sizes: vec![1.0; K], phase_coefficient: 1, phase_blur: 2.0, residual_sizes: None };
    let mut source = Source { world, maps, normalisation: normalisation_ };
    match args.get(5) {
        None => train(&mut source, &cases, &out, steps, precision),
        Some(first) => cascade::run(source, &cases, Path::new(first), &out, steps, precision),
    }
}

/// The shipped k-space is that of the maps.
fn check(world: &World) {
    let y = world.folder.kspace(SliceId { vol: 0, slice: 10 }, 3).unwrap().into_dyn();
    let difference = y.clone() - world.forward(&world.dictionary.tsmi(&world.maps(0, 10)));
    println!("relative difference {:.3}, noise per sample {:.2e}", data::norm(&difference) / data::norm(&y), data::norm(&difference) / (y.len() as f32).sqrt());
}

fn train(source: &mut Source, cases: &[(Case, Array3<Complex32>)], out: &Path, steps: u64, precision: Precision) {
    std::fs::create_dir_all(out).unwrap();
    let state = out.join("state.safetensors");
    let mut trainer = if state.exists() {
        Trainer::resume(&state).unwrap().extended(steps)
    } else {
        let normalisation = normalisation(source);
        println!("{normalisation:?}");
        let unet: UNetConfig = serde_json::from_str(
            r#"{ "image_size": 240, "patch": 2, "coefficients": 5, "input_channels": 12, "output_channels": 4,
                 "model_channels": 64, "channel_mult": [1, 1, 1.5, 2], "num_res_blocks": 1, "num_heads": 4,
                 "resblock_updown": false, "conv_resample": false }"#,
        )
        .unwrap();
        let lut = &source.world.dictionary.lut;
        let range = |i: usize| {
            let values = lut.iter().map(|t| t[i]);
            [values.clone().fold(f32::MAX, f32::min), values.fold(0.0, f32::max)]
        };
        let model = RegressionConfig {
            unet,
            normalisation,
            t1: range(0),
            t2: range(1),
            basis: source.world.dictionary.basis.outer_iter().map(|row| row.to_vec()).collect(),
            training: None,
        };
        let mut config = TrainingConfig::new(model, steps);
        config.precision = precision;
        Trainer::new(config).unwrap()
    };
    source.normalisation = trainer.config().model.normalisation.clone();
    println!("{} parameters, sigma {SIGMA}", trainer.average().unwrap().parameters.count());
    let begin = Instant::now();
    let (mut sum, mut count, mut last) = (0.0, 0, Instant::now());
    while trainer.step_number() < trainer.config().steps {
        let step = trainer.step(&*source).unwrap();
        sum += step.loss;
        count += 1;
        if step.step < 3 {
            println!("step {} loss {:.3} {:.2} s", step.step, step.loss, begin.elapsed().as_secs_f64());
        }
        if last.elapsed().as_secs() >= 120 || trainer.step_number() == trainer.config().steps {
            let average = trainer.average().unwrap();
            average.write(out.join("average.safetensors"), WeightFormat::F32).unwrap();
            trainer.save(&state).unwrap();
            let network = RegressionNetwork::new(&average, precision).unwrap();
            println!("{} {:.0} s loss {:.4} lr {:.1e} {}", trainer.step_number(), begin.elapsed().as_secs_f64(), sum / count as f64, step.learning_rate, judge(&network, cases, false));
            (sum, count, last) = (0.0, 0, Instant::now());
        }
    }
    let average: Checkpoint<RegressionConfig> = trainer.average().unwrap();
    let network = RegressionNetwork::new(&average, precision).unwrap();
    println!("END mirrors {}", judge(&network, cases, true));
}
