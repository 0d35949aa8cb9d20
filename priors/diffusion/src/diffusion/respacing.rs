//! Fewer steps than a network was trained with.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Which timesteps of a schedule are used.
///
/// | form | timesteps |
/// |---|---|
/// | `30` | 30, evenly spaced from the first to the last |
/// | `10,10,10` | as many equal sections as numbers, each evenly spaced |
/// | `ddim30` | the smallest integer stride from 0 that gives 30 (Song et al. 2021) |
///
/// ```
/// use diph_diffusion::Respacing;
/// let respacing: Respacing = "30".parse()?;
/// assert_eq!(respacing.timesteps(1000)?[..4], [0, 34, 69, 103]);
/// # Ok::<(), diph_diffusion::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Respacing {
    /// Numbers of steps of equal sections.
    Sections(Vec<usize>),
    /// Number of steps at an integer stride.
    Ddim(usize),
}

impl Respacing {
    /// The timesteps used of `steps`, in rising order.
    ///
    /// # Errors
    /// When there are not as many, or no stride gives the number.
    pub fn timesteps(&self, steps: usize) -> Result<Vec<usize>> {
        match self {
            Self::Ddim(count) => (1..steps.max(2))
                .find(|stride| steps.div_ceil(*stride) == *count)
                .map(|stride| (0..steps).step_by(stride).collect())
                .ok_or_else(|| {
                    Error::setting(
                        "respacing",
                        format!("a number of steps that an integer stride over {steps} gives"),
                        self,
                    )
                }),
            Self::Sections(counts) => {
                let mut timesteps = Vec::new();
                let mut start = 0;
                for (index, count) in counts.iter().enumerate() {
                    let size = steps / counts.len() + usize::from(index < steps % counts.len());
                    if size < *count {
                        let expected = format!("at most {size} of {steps} steps in section {}", index + 1);
                        return Err(Error::setting("respacing", expected, count));
                    }
                    timesteps.extend(even(size, *count).map(|step| start + step));
                    start += size;
                }
                Ok(timesteps)
            }
        }
    }
}

/// `count` of `size` numbers, evenly spaced from 0 to `size - 1`; ties go to the even number, as in Python.
fn even(size: usize, count: usize) -> impl Iterator<Item = usize> {
    let stride = if count > 1 { (size - 1) as f64 / (count - 1) as f64 } else { 1.0 };
    // Added up rather than multiplied, for the same rounding as the networks' training code.
    let position = std::iter::successors(Some(0.0), move |position| Some(position + stride));
    position.take(count).map(|position: f64| position.round_ties_even() as usize)
}

impl FromStr for Respacing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |digits: &str| match digits.trim().parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(Error::setting("respacing", "`30`, `10,10,10` or `ddim30`", format!("`{text}`"))),
        };
        match text.strip_prefix("ddim") {
            Some(digits) => Ok(Self::Ddim(number(digits)?)),
            None => Ok(Self::Sections(text.split(',').map(number).collect::<Result<_>>()?)),
        }
    }
}

impl fmt::Display for Respacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ddim(count) => write!(f, "ddim{count}"),
            Self::Sections(counts) => {
                let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
                f.write_str(&counts.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timesteps(text: &str, steps: usize) -> Result<Vec<usize>> {
        text.parse::<Respacing>()?.timesteps(steps)
    }

    #[test]
    fn sections_are_spaced_evenly() -> Result<()> {
        assert_eq!(timesteps("1", 1000)?, [0]);
        assert_eq!(timesteps("5", 5)?, [0, 1, 2, 3, 4]);
        assert_eq!(timesteps("2,3", 9)?, [0, 4, 5, 7, 8]);
        assert_eq!(timesteps("10,10,10", 300)?.len(), 30);
        assert_eq!(timesteps("10,10,10", 300)?[9..12], [99, 100, 111]);
        Ok(())
    }

    #[test]
    fn halves_go_to_the_even_number() -> Result<()> {
        // Stride 2.5: 0, 2.5, 5, 7.5, 10.
        assert_eq!(timesteps("5", 11)?, [0, 2, 5, 8, 10]);
        Ok(())
    }

    #[test]
    fn ddim_takes_an_integer_stride() -> Result<()> {
        assert_eq!(timesteps("ddim50", 1000)?, (0..1000).step_by(20).collect::<Vec<_>>());
        assert_eq!(timesteps("ddim30", 1000)?, (0..1000).step_by(34).collect::<Vec<_>>());
        assert!(timesteps("ddim999", 1000).is_err());
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_or_met_is_an_error() {
        for text in ["", "0", "ddim", "ddim0", "30,", "-3", "x", "1001", "600,1"] {
            assert!(timesteps(text, 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn displays_as_it_is_read() -> Result<()> {
        for text in ["30", "ddim30", "10,10,10"] {
            assert_eq!(text.parse::<Respacing>()?.to_string(), text);
        }
        Ok(())
    }

    proptest::proptest! {
        #[test]
        fn even_spacing_covers_the_range(steps in 1_usize..2000, share in 0.0_f64..=1.0) {
            let count = ((steps as f64 * share) as usize).max(1);
            let timesteps = Respacing::Sections(vec![count]).timesteps(steps)?;
            proptest::prop_assert_eq!(timesteps.len(), count);
            proptest::prop_assert!(timesteps.windows(2).all(|pair| pair[0] < pair[1]));
            proptest::prop_assert_eq!(timesteps[0], 0);
            proptest::prop_assert!(count == 1 || timesteps[count - 1] == steps - 1);
        }
    }
}
