//! Which volumes or slices a command works on.

use std::str::FromStr;

/// Numbers from the command line: `5,10,15`, `1-9`, `0,4-6`, or `-1` for all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All there are.
    All,
    /// These, in the order in which they were typed, each once.
    Only(Vec<usize>),
}

impl Selection {
    /// Numbers that are asked for by name; none where all are.
    pub fn named(&self) -> impl Iterator<Item = usize> + '_ {
        match self {
            Self::All => None,
            Self::Only(numbers) => Some(numbers.iter().copied()),
        }
        .into_iter()
        .flatten()
    }

    /// Whether the number is selected.
    pub fn contains(&self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::Only(numbers) => numbers.contains(&number),
        }
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "-1" {
            return Ok(Self::All);
        }
        let mut numbers = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first, text)?, number(last, text)?);
            if first > last {
                return Err(format!("`{part}` counts down; write {last}-{first}"));
            }
            numbers.extend((first..=last).filter(|number| !numbers.contains(number)).collect::<Vec<_>>());
        }
        Ok(Self::Only(numbers))
    }
}

fn number(text: &str, whole: &str) -> Result<usize, String> {
    // Folders hold at most a few hundred slices; the bound keeps a typing error from filling the memory.
    match text.trim().parse() {
        Ok(number) if number < 100_000 => Ok(number),
        _ => Err(format!("`{whole}` is no list of numbers such as 0,4-6, and not -1 for all")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_ranges_and_all() {
        assert_eq!("-1".parse(), Ok(Selection::All));
        let selection: Selection = "5, 10,1-3,10".parse().unwrap();
        assert_eq!(selection.named().collect::<Vec<_>>(), [5, 10, 1, 2, 3]);
        assert!(selection.contains(10) && !selection.contains(4) && Selection::All.contains(7));
        assert_eq!(Selection::All.named().count(), 0);
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "a", "1,,2", "3-1", "-2", "1-", "999999999999"] {
            assert!(text.parse::<Selection>().is_err(), "{text}");
        }
    }
}
