//! Shapes: differences in run lengths.

/// Undoes the compression of a shape of `samples` samples: a value that stands twice is followed by how many more times it comes, and
/// all are differences of neighbours. `None` where the values give another number of samples.
pub(crate) fn decompress(packed: &[f64], samples: usize) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(samples);
    let mut at = 0;
    while let Some(&value) = packed.get(at) {
        if packed.get(at + 1) != Some(&value) {
            values.push(value);
            at += 1;
        } else {
            let more = *packed.get(at + 2)?;
            let repeats = (more.fract() == 0.0 && more >= 0.0).then_some(more as usize)?.checked_add(2)?;
            if repeats > samples - values.len() {
                return None;
            }
            values.resize(values.len() + repeats, value);
            at += 3;
        }
        if values.len() > samples {
            return None;
        }
    }
    let mut sum = 0.0;
    for value in &mut values {
        sum += *value;
        *value = sum;
    }
    (values.len() == samples).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The compression of the specification.
    fn compress(values: &[f64]) -> Vec<f64> {
        let differences: Vec<f64> =
            values.iter().scan(0.0, |last, value| Some(value - std::mem::replace(last, *value))).collect();
        differences
            .chunk_by(|a, b| a == b)
            .flat_map(|run| match run {
                [only] => vec![*only],
                [first, ..] => vec![*first, *first, (run.len() - 2) as f64],
                [] => vec![],
            })
            .collect()
    }

    #[test]
    fn a_block_pulse_and_a_ramp() {
        assert_eq!(decompress(&[1.0, 0.0, 0.0, 96.0], 99).unwrap(), [1.0; 99]);
        assert_eq!(decompress(&[0.25, 0.25, 2.0], 4).unwrap(), [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        for (packed, samples) in [
            (&[1.0, 0.0, 0.0, 1e18][..], 4),
            (&[1.0, 1.0], 2),
            (&[1.0, 1.0, -1.0], 1),
            (&[1.0, 1.0, 0.5], 2),
            (&[1.0], 2),
            (&[1.0, 2.0], 1),
        ] {
            assert_eq!(decompress(packed, samples), None, "{packed:?}");
        }
    }

    proptest! {
        #[test]
        fn compressed_shapes_come_back(values in prop::collection::vec((-8i32..8).prop_map(|v| f64::from(v) / 8.0), 0..60)) {
            prop_assert_eq!(decompress(&compress(&values), values.len()), Some(values));
        }
    }
}
