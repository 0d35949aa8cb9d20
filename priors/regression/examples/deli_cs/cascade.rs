//! The second stage.

use std::path::Path;
use std::time::Instant;

use diph_network::ops::Precision;
use diph_network::{Checkpoint, WeightFormat};
use diph_regression::{
    Features, Maps, Normalisation, RegressionConfig, RegressionNetwork, Sample, SampleSource, Trainer, TrainingConfig,
    target_planes,
};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rand::RngExt;

use crate::data::{K, World, augment, stream};
use crate::mmse::{Fft2, Prior, Spectrum};
use crate::{Case, ITERATIONS, MASK, SEED, Source, errors};

pub struct Cascade {
    first: Source,
    network: RegressionNetwork,
    prior: Prior,
    normalisation: Normalisation,
}

struct FirstStage {
    maps: Maps,
    image: Array3<Complex32>,
    found: Maps,
    /// Adjoint of what the found maps leave unexplained.
    residual: Array3<Complex32>,
    m: f32,
}

/// The found signal, in the head alone.
fn signal(world: &World, found: &Maps) -> Array3<Complex32> {
    let mut sizes: Vec<f32> = found.pd.iter().map(|p| p.norm()).collect();
    sizes.sort_by(f32::total_cmp);
    let least = 0.2 * sizes[sizes.len() * 9 / 10];
    let pd = found.pd.mapv(|p| if p.norm() > least { p } else { Complex32::ZERO });
    world.dictionary.tsmi(&Maps { pd, ..found.clone() })
}

fn first_stage(world: &World, network: &RegressionNetwork, maps: Maps, y: &ArrayD<Complex32>) -> FirstStage {
    let (b, m) = (world.mmse.adjoint(y), world.scale(y));
    let (image, _) = world.mmse.solve(&world.prior, &b, m, ITERATIONS, None);
    let found = network.maps(image.view(), None, false).unwrap();
    let x = signal(world, &found);
    let residual = b - world.mmse.normal(x.as_slice().unwrap());
    FirstStage { maps, image, found, residual, m }
}

impl Cascade {
    fn simulated(source: &Source, network: &RegressionNetwork, number: u64) -> FirstStage {
        let mut rng = stream(SEED, number);
        let pick = rng.random_range(0..source.maps.len());
        let maps = augment(&source.maps[pick], &mut rng);
        let y = source.world.measure(&maps, &mut rng);
        first_stage(&source.world, network, maps, &y)
    }

    fn features(&self, first: &FirstStage) -> Features {
        let world = &self.first.world;
        let (image, _) = world.mmse.solve(&self.prior, &first.residual, first.m, ITERATIONS, None);
        let features = Features::new(&self.normalisation, first.image.view()).unwrap();
        features.with_residual(&self.normalisation, image.view(), &first.found).unwrap()
    }
}

impl SampleSource for Cascade {
    fn sample(&self, number: u64) -> diph_regression::Result<Sample> {
        let first = Self::simulated(&self.first, &self.network, number);
        let features = self.features(&first);
        let target = target_planes(&first.maps, &features, MASK);
        Ok(Sample { planes: features.planes, log_scale: features.log_scale, target })
    }
}

pub fn run(source: Source, cases: &[(Case, Array3<Complex32>)], first: &Path, out: &Path, steps: u64, precision: Precision) {
    std::fs::create_dir_all(out).unwrap();
    let checkpoint = Checkpoint::<RegressionConfig>::read(first).unwrap();
    let network = RegressionNetwork::new(&checkpoint, precision).unwrap();
    let normalisation = checkpoint.config.normalisation.clone();
    let ones = Normalisation { residual_sizes: Some(vec![1.0; K]), ..normalisation };
    let (fft, mut spectrum) = (Fft2::new(230), Spectrum::new(K));
    const COUNT: u64 = 24;
    for number in 0..COUNT {
        let first = Cascade::simulated(&source, &network, 2_000_000 + number);
        let error = source.world.dictionary.tsmi(&first.maps) - signal(&source.world, &first.found);
        spectrum.add(&fft, &error.mapv(|v| v / first.m));
    }
    let prior = Prior::new(&spectrum.mean(), K);
    let mut cascade = Cascade { first: source, network, prior, normalisation: ones };
    let mut squares = [0.0_f64; K];
    for number in 0..COUNT {
        let first = Cascade::simulated(&cascade.first, &cascade.network, 2_000_000 + number);
        let planes = cascade.features(&first).planes;
        for k in 0..K {
            let of = |p: usize| planes.index_axis(ndarray::Axis(0), 2 * K + 2 + p).iter().map(|v| f64::from(v * v)).sum::<f64>();
            squares[k] += (of(k) + of(K + k)) / (230.0 * 230.0) / COUNT as f64;
        }
    }
    cascade.normalisation.residual_sizes = Some(squares.iter().map(|s| s.sqrt() as f32).collect());
    println!("{:?}", cascade.normalisation);
    let state = out.join("state.safetensors");
    let mut trainer = match state.exists() {
        true => Trainer::resume(&state).unwrap().extended(steps),
        false => {
            let mut unet = checkpoint.config.unet.clone();
            unet.input_channels = Some(RegressionConfig::input_planes(K, true));
            let model = RegressionConfig { unet, normalisation: cascade.normalisation.clone(), ..checkpoint.config.clone() };
            let mut config = TrainingConfig::new(model, steps);
            config.precision = precision;
            config.pool = 128;
            Trainer::new(config).unwrap()
        }
    };
    cascade.normalisation = trainer.config().model.normalisation.clone();
    let begin = Instant::now();
    let (mut sum, mut count, mut last) = (0.0, 0, Instant::now());
    while trainer.step_number() < trainer.config().steps {
        let step = trainer.step(&cascade).unwrap();
        sum += step.loss;
        count += 1;
        if last.elapsed().as_secs() >= 150 || trainer.step_number() == trainer.config().steps {
            let average = trainer.average().unwrap();
            average.write(out.join("average.safetensors"), WeightFormat::F32).unwrap();
            trainer.save(&state).unwrap();
            let second = RegressionNetwork::new(&average, precision).unwrap();
            let end = trainer.step_number() == trainer.config().steps;
            println!("{} {:.0} s loss {:.4} lr {:.1e} {}", trainer.step_number(), begin.elapsed().as_secs_f64(), sum / count as f64, step.learning_rate, judge(&cascade, &second, cases, end));
            (sum, count, last) = (0.0, 0, Instant::now());
        }
    }
}

fn judge(cascade: &Cascade, second: &RegressionNetwork, cases: &[(Case, Array3<Complex32>)], mirrors: bool) -> String {
    let mut mean = [[0.0; 2]; 4];
    for (index, (case, _)) in cases.iter().enumerate() {
        let first = first_stage(&cascade.first.world, &cascade.network, case.maps.clone(), &case.y);
        let (image, _) = cascade.first.world.mmse.solve(&cascade.prior, &first.residual, first.m, ITERATIONS, None);
        let found = second.maps(first.image.view(), Some((image.view(), &first.found)), mirrors).unwrap();
        let firsts = cascade.network.maps(first.image.view(), None, mirrors).unwrap();
        let half = |a: &Array2<f32>, b: &Array2<f32>| Array2::from_shape_fn(a.dim(), |at| (a[at] * b[at]).sqrt());
        let of = |t1: &Array2<f32>, t2: &Array2<f32>| [errors(t1, &case.maps.t1, &case.mask)[0], errors(t2, &case.maps.t2, &case.mask)[0]];
        for (place, value) in [(0, of(&found.t1, &found.t2)), (2, of(&half(&found.t1, &firsts.t1), &half(&found.t2, &firsts.t2)))] {
            mean[place + index / 3][0] += value[0] / 3.0;
            mean[place + index / 3][1] += value[1] / 3.0;
        }
    }
    format!("vol9 {:.2?} vol0 {:.2?} with the first vol9 {:.2?} vol0 {:.2?}", mean[0], mean[1], mean[2], mean[3])
}
