//! Round numbers for axes and colour bars.

/// Numbers on a logarithmic axis that is too narrow for powers of ten.
const NARROW_COUNT: usize = 5;

/// A number on an axis with its label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// Multiples of a round step in [low, high], at most one more than `max_count` of them.
pub(super) fn linear_ticks(low: f64, high: f64, max_count: usize) -> Vec<Tick> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let step = round_step(low, high, span / max_count.max(2) as f64);
    // Rounding in `low / step` must not cost the tick on the border.
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    let decimals = (0..12).find(|&digits| is_whole(step * 10f64.powi(digits))).unwrap_or(12) as usize;
    let tick = |multiple: i64| {
        let value = multiple as f64 * step;
        Tick { value, label: minus(format!("{value:.decimals$}")) }
    };
    (first..=last).map(tick).collect()
}

/// Powers of ten in [low, high]; where there are fewer than two of them, 1, 2 and 5 times powers of ten, and where these are too few as
/// well, multiples of a round step: one number on an axis does not tell its scale.
pub(super) fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let decades = decade_ticks(low, high);
    if decades.len() >= 2 || !(low > 0.0 && high.is_finite() && high > low) {
        return decades;
    }
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let values = exponents.flat_map(|exponent| [1, 2, 5].map(|digit| (digit, exponent)));
    let tick = |(digit, exponent): (i32, i32)| {
        let decimals = (-exponent).max(0) as usize;
        let value = f64::from(digit) * 10f64.powi(exponent);
        Tick { value, label: format!("{value:.decimals$}") }
    };
    let within = |tick: &Tick| tick.value >= low * (1.0 - 1e-6) && tick.value <= high * (1.0 + 1e-6);
    let found: Vec<Tick> = values.map(tick).filter(within).collect();
    if found.len() < 2 { linear_ticks(low, high, NARROW_COUNT) } else { found }
}

/// Powers of ten in [low, high].
fn decade_ticks(low: f64, high: f64) -> Vec<Tick> {
    if !(low > 0.0 && high.is_finite() && high > low) {
        return Vec::new();
    }
    let (first, last) = ((low.log10() - 1e-6).ceil() as i32, (high.log10() + 1e-6).floor() as i32);
    let tick = |exponent: i32| Tick { value: 10f64.powi(exponent), label: power_of_ten(exponent) };
    (first..=last).map(tick).collect()
}

/// A step of 1, 2, 2.5 or 5 times a power of ten, not below `least`: the smallest, or one of the next two when that puts
/// ticks on both ends.
fn round_step(low: f64, high: f64, least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0].map(|factor| factor * power);
    let start = steps.iter().position(|&step| step >= least * (1.0 - 1e-6)).unwrap_or(0);
    let candidates = &steps[start..start + 3];
    candidates.iter().copied().find(|step| is_whole(low / step) && is_whole(high / step)).unwrap_or(candidates[0])
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-4
}

fn power_of_ten(exponent: i32) -> String {
    let raise = |character: char| match character {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    "10".chars().chain(exponent.to_string().chars().map(raise)).collect()
}

/// A true minus sign instead of a hyphen.
fn minus(text: String) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn linear() {
        assert_eq!(labels(&linear_ticks(0.0, 2.5, 6)), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(labels(&linear_ticks(0.0, 0.2, 5)), ["0.00", "0.05", "0.10", "0.15", "0.20"]);
        assert_eq!(labels(&linear_ticks(-50.0, 50.0, 6)), ["−50", "−25", "0", "25", "50"]);
        assert_eq!(labels(&linear_ticks(0.0, 0.0122, 6)), ["0.0000", "0.0025", "0.0050", "0.0075", "0.0100"]);
        assert_eq!(labels(&linear_ticks(0.3, 7.9, 8)), ["1", "2", "3", "4", "5", "6", "7"]);
        assert!(linear_ticks(1.0, 1.0, 5).is_empty());
        assert!(linear_ticks(0.0, f64::NAN, 5).is_empty());
    }

    #[test]
    fn decades() {
        assert_eq!(labels(&decade_ticks(0.001, 20.0)), ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"]);
        assert!(decade_ticks(0.0, 1.0).is_empty());
        assert_eq!(labels(&log_ticks(0.001, 0.1)), ["10⁻³", "10⁻²", "10⁻¹"]);
        assert_eq!(labels(&log_ticks(8.0, 60.0)), ["10", "20", "50"]);
        assert_eq!(labels(&log_ticks(0.4, 0.9)), ["0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]);
        assert_eq!(labels(&log_ticks(9.3, 13.1)), ["10", "11", "12", "13"]);
        assert!(log_ticks(0.0, 1.0).is_empty());
    }
}
