//! From arrays to parameter maps: a built-in method on a small measurement that is made up here.
//!
//! `cargo run --example reconstruct -p diph-recon`

mod common;

use std::error::Error;

use diph_bloch::DictionaryMatcher;
use diph_recon::{Method, Parts, reconstruct};

use common::Measurement;

fn main() -> Result<(), Box<dyn Error>> {
    let Measurement { dictionary, operator, samples } = Measurement::new()?;
    // A method of its own file would do as well; each override changes one key of it.
    let changes = ["weights=none".parse()?, "solver.least-squares.iterations=12".parse()?];
    let method = Method::read("lsq", &changes)?;
    let projector = Box::new(DictionaryMatcher::new(dictionary));
    let parts = Parts::of(operator.clone(), operator, None, projector);
    let result = reconstruct(&method, &parts, samples.view(), 0)?;

    let t1 = result.maps.parameter("T1")?;
    println!("{}: {} steps, T1 in the middle {:.2} s", method.name, result.iterations, t1[[24, 24]]);
    Ok(())
}
