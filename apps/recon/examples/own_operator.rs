//! An acquisition operator of one's own: every second row of every coefficient image, without k-space at all.
//!
//! `cargo run --example own_operator -p diph-recon`

use std::error::Error;
use std::sync::Arc;

use diph_bloch::{Dictionary, DictionaryGrid, DictionaryMatcher, Sequence};
use diph_core::{ForwardOperator, ImageShape, Result, Space, View, ViewMut};
use diph_datasets::BrainPhantom;
use diph_recon::{Method, Parts, parameter_maps, reconstruct};
use ndarray::{Axis, Slice};

/// Keeps rows 0, 2, 4 and so on of an image (coefficient, y, x).
struct EverySecondRow {
    image: Space,
    rows: Space,
}

const ROWS: Slice = Slice { start: 0, end: None, step: 2 };

impl ForwardOperator for EverySecondRow {
    fn name(&self) -> &str {
        "every second row"
    }

    fn domain(&self) -> &Space {
        &self.image
    }

    fn range(&self) -> &Space {
        &self.rows
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        y.assign(&x.slice_axis(Axis(1), ROWS));
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        x.fill(num_complex::Complex32::ZERO);
        x.slice_axis_mut(Axis(1), ROWS).assign(&y);
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let (image, rows) = (ImageShape::plane(48, 48), ImageShape::plane(24, 48));
    let operator: Arc<dyn ForwardOperator> =
        Arc::new(EverySecondRow { image: Space::image(3, &image), rows: Space::image(3, &rows) });
    let (t1, t2): (Vec<f64>, Vec<f64>) = (1..40).map(|i| (0.1 * f64::from(i), 0.01 * f64::from(i))).unzip();
    let sequence = Sequence::deli_cs().truncated(60)?;
    let dictionary = Dictionary::simulate(&sequence, &DictionaryGrid::product(&t1, &t2, &[])?, 3)?;

    let truth = BrainPhantom::new(48, 48).render()?.maps;
    let signals = dictionary.lookup_tsmi(&parameter_maps(&truth))?.into_dyn();
    let mut samples = operator.range().zeros();
    operator.forward(signals.view(), samples.view_mut())?;

    let method = Method::read("lsq", &["weights=none".parse()?])?;
    let parts = Parts::of(operator.clone(), operator, None, Box::new(DictionaryMatcher::new(dictionary)));
    let result = reconstruct(&method, &parts, samples.view(), 0)?;
    println!("T1 in the middle {:.2} s", result.maps.parameter("T1")?[[24, 24]]);
    Ok(())
}
