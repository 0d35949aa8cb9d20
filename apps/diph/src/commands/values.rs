//! Lists of numbers on the command line.

use std::str::FromStr;

/// `FIRST:STEP:LAST`, single numbers, or both joined by commas: `0.01:0.002:0.2,0.3,0.5`. A range ends at LAST or, where the steps
/// do not meet it, below.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(pub Vec<f64>);

/// A table of a million values has no use, and a typing error in the step should not fill the memory.
const MOST: f64 = 1e6;

/// How far a last value may lie below a step by rounding, in steps.
const ROUNDING: f64 = 1e-9;

impl FromStr for Values {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut values = Vec::new();
        for part in text.split(',') {
            let numbers: Vec<f64> = part.split(':').map(|number| parse(number, text)).collect::<Result<_, _>>()?;
            match numbers[..] {
                [value] => values.push(value),
                [first, step, last] if step > 0.0 && last >= first && (last - first) / step < MOST => {
                    // Rounding must not lose the last value, nor lead beyond it.
                    let count = ((last - first) / step + ROUNDING).floor() as usize;
                    values.extend((0..=count).map(|i| (first + step * i as f64).min(last)));
                }
                _ => return Err(format!("`{part}` in `{text}`: expected FIRST:STEP:LAST that counts up, or a number")),
            }
        }
        Ok(Self(values))
    }
}

fn parse(number: &str, text: &str) -> Result<f64, String> {
    match number.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{text}`: `{number}` is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists() {
        assert_eq!("0.5".parse(), Ok(Values(vec![0.5])));
        let Values(values) = "0.1:0.1:0.3,1".parse().unwrap();
        assert_eq!(values.len(), 4);
        assert!((values[2] - 0.3).abs() < 1e-12 && values[3] == 1.0);
        assert_eq!("0.5:1:3.2".parse(), Ok(Values(vec![0.5, 1.5, 2.5])), "not beyond the last");
        assert_eq!("0.1:0.2:0.4,7".parse::<Values>().unwrap().0.len(), 3);
        assert_eq!("0.1:0.1:0.7".parse::<Values>().unwrap().0.last(), Some(&0.7));
        for text in ["", "1:2", "1:0:2", "2:1:1", "a", "0:1e-9:1", "nan"] {
            assert!(text.parse::<Values>().is_err(), "{text}");
        }
    }
}
