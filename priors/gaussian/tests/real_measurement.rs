//! The Gaussian prior on the in-vivo maps: learned on eight volunteers, tried on another.
//!
//! The data are not part of the project; the test says so and passes where they are absent.

use std::path::Path;

use diph_bloch::{Dictionary, DictionaryMatcher};
use diph_core::{FourierScale, ImageShape, ParameterMaps, metrics};
use diph_datasets::{DatasetFolder, SliceId};
use diph_gaussian::{MmseSettings, Spectrum, SpectrumSum, mmse_image, proton_density_scale};
use diph_nufft::{MrfOperator, MrfOptions, Trajectory};

const CUT: usize = 3;

fn folder() -> Option<DatasetFolder> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/Deli-CS");
    if path.is_dir() {
        return Some(DatasetFolder::new(path));
    }
    eprintln!("skipped: the in-vivo Deli-CS maps are not present");
    None
}

fn dictionary(folder: &DatasetFolder) -> Dictionary {
    let file = folder.dictionary(CUT).unwrap();
    let single = |value: f64| value as f32;
    let (lut, d, v, norms) =
        (file.lut.mapv(single), file.d.mapv(single), file.v.mapv(single), file.norm_d.mapv(single));
    Dictionary::from_compressed(lut.view(), d.view(), v.view(), norms.view(), 5).unwrap()
}

fn learn(folder: &DatasetFolder, dictionary: &Dictionary, operator: &MrfOperator) -> Spectrum {
    let mut images = Vec::new();
    let mut sum = SpectrumSum::new(dictionary.basis().to_owned());
    for vol in 1..=8 {
        for slice in (0..30).step_by(3) {
            let maps = folder.maps(SliceId::new(vol, slice)).unwrap();
            let image = ImageShape::try_from(maps.lengths()).unwrap();
            let mut parameters = ParameterMaps::zeros(dictionary.parameters().to_vec(), &image);
            parameters.values.index_axis_mut(ndarray::Axis(0), 0).assign(&maps.t1);
            parameters.values.index_axis_mut(ndarray::Axis(0), 1).assign(&maps.t2);
            parameters.amplitude.assign(&maps.pd);
            let scale = proton_density_scale(maps.pd.as_slice().unwrap()).unwrap();
            let tsmi = dictionary.lookup_tsmi(&parameters).unwrap();
            sum.add(tsmi.view().into_dimensionality().unwrap(), scale).unwrap();
            if slice % 9 == 0 {
                images.push((tsmi, scale));
            }
        }
    }
    let images = images.iter().map(|(image, scale)| (image.view(), *scale));
    sum.finish().unwrap().with_energy_ratio(operator, images).unwrap()
}

#[test]
fn a_learned_spectrum_gives_better_maps_than_total_variation() {
    let Some(folder) = folder() else { return };
    let dictionary = dictionary(&folder);
    let file = folder.trajectory().unwrap();
    let trajectory = Trajectory::from_interleaves(file.positions.view(), 200).unwrap();
    let mut options = MrfOptions::new(trajectory, dictionary.basis().to_owned(), 230, 230);
    options.normalisation = FourierScale::TwiceOversampled;
    let operator = MrfOperator::new(options).unwrap();
    let spectrum = learn(&folder, &dictionary, &operator);
    eprintln!("energy ratio {:.3}", spectrum.energy_ratio());
    let matcher = DictionaryMatcher::new(dictionary);
    let (mut t1, mut t2) = (0.0, 0.0);
    for slice in [5, 10, 15] {
        let id = SliceId::new(0, slice);
        let kspace = folder.kspace(id, CUT).unwrap().into_dyn();
        let begin = std::time::Instant::now();
        let estimate = mmse_image(&operator, kspace.view(), &spectrum, MmseSettings::new(3e-4)).unwrap();
        let seconds = begin.elapsed().as_secs_f32();
        let matches = matcher.match_image(estimate.image.view(), None).unwrap();
        let mut z = estimate.image.clone();
        let mut maps = ParameterMaps::zeros(matcher.dictionary().parameters().to_vec(), &ImageShape::plane(230, 230));
        matcher.write(&matches, z.view_mut(), Some(&mut maps)).unwrap();
        let truth = folder.maps(id).unwrap();
        let mask = truth.mask(0.006);
        let error = |name: &str, truth: &ndarray::ArrayD<f32>| {
            100.0 * metrics::mean(&metrics::absolute_percentage_errors(truth, maps.parameter(name).unwrap(), &mask))
        };
        let (a, b) = (error("T1", &truth.t1), error("T2", &truth.t2));
        eprintln!(
            "slice {slice}: T1 {a:.2} %, T2 {b:.2} %, scale {:.5}, {} steps to {:.1e}, {seconds:.2} s",
            estimate.scale, estimate.iterations, estimate.residual
        );
        t1 += a / 3.0;
        t2 += b / 3.0;
    }
    eprintln!("mean: T1 {t1:.2} %, T2 {t2:.2} %");
    assert!(t1 < 12.2 && t2 < 34.0, "T1 {t1}, T2 {t2}");
}
