//! Which volumes or slices a command works on.

use std::str::FromStr;

use diph_datasets::SliceId;

use crate::ReconError;

/// Numbers from the command line: `5,10,15`, `1-9`, `0,4-6`, or `-1` for all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All there are.
    All,
    /// These, in the order in which they were typed, each once.
    Only(Vec<usize>),
}

impl Selection {
    /// Selects the numbers of a list, or all where the list is empty, as configurations write it.
    pub fn of_list(numbers: &[usize]) -> Self {
        if numbers.is_empty() { Self::All } else { Self::Only(numbers.to_vec()) }
    }

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

/// The slices among those that are `present` whose volume and slice are selected, in the order of `present`. Each selection comes
/// with the setting to blame for it; every number that it names must be there. `place` ends the message: `in data`, for example.
///
/// # Errors
/// [`ReconError::Setting`] naming the first number that is not there.
pub fn select(
    present: &[SliceId],
    (vols, vols_setting): (&Selection, &str),
    (slices, slices_setting): (&Selection, &str),
    place: &str,
) -> Result<Vec<SliceId>, ReconError> {
    if let Some(vol) = vols.named().find(|vol| !present.iter().any(|id| id.vol == *vol)) {
        return Err(ReconError::setting(vols_setting, format!("no volume {vol} {place}")));
    }
    let of_vols: Vec<SliceId> = present.iter().copied().filter(|id| vols.contains(id.vol)).collect();
    if let Some(slice) = slices.named().find(|slice| !of_vols.iter().any(|id| id.slice == *slice)) {
        return Err(ReconError::setting(slices_setting, format!("no slice {slice} {place}")));
    }
    Ok(of_vols.into_iter().filter(|id| slices.contains(id.slice)).collect())
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
    fn what_is_named_must_be_there() {
        let present = [SliceId::new(0, 5), SliceId::new(0, 10), SliceId::new(1, 5)];
        let selected = |vols: &str, slices: &str| {
            let (vols, slices): (Selection, Selection) = (vols.parse().unwrap(), slices.parse().unwrap());
            select(&present, (&vols, "vols"), (&slices, "slices"), "in data").map_err(|error| error.to_string())
        };
        assert_eq!(selected("-1", "5").unwrap(), [present[0], present[2]]);
        assert_eq!(selected("0", "-1").unwrap(), present[..2]);
        assert_eq!(selected("2", "5").unwrap_err(), "vols: no volume 2 in data");
        assert_eq!(selected("1", "5,10").unwrap_err(), "slices: no slice 10 in data");
        assert_eq!(Selection::of_list(&[]), Selection::All);
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "a", "1,,2", "3-1", "-2", "1-", "999999999999"] {
            assert!(text.parse::<Selection>().is_err(), "{text}");
        }
    }
}
