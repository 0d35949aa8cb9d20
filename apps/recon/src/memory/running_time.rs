//! Time that the slow parts of a method will take, said before they start.

use std::time::Duration;

use diph_plugin_host::Registry;
use serde_json::Value;

use super::ReconstructionPlan;
use crate::acquisition::announced;

/// Runs that take longer are announced.
const FRIENDLY: Duration = Duration::from_secs(20);

/// A line for every part of a method that works longer on a slice than is friendly, as the part itself says:
/// ``prior `diph.diffusion`: 30 steps take about 50 s a slice on this machine``.
pub fn long_parts(plan: &ReconstructionPlan<'_>, registry: &Registry) -> Vec<String> {
    let ReconstructionPlan { method, shape, atoms, parameters, .. } = plan;
    let acquisition = announced(shape, *atoms, *parameters);
    let iterations = method.solver.facts().iterations as u64;
    let prior = method.prior.as_ref().map(|prior| ("prior", prior, iterations));
    let estimator = method.estimator.as_ref().map(|estimator| ("estimator", estimator, 1));
    let refinement = method.refinement.as_ref().map(|refinement| ("refinement", refinement, 1));
    let line = |(kind, part, calls): (&str, &crate::method::Component, u64)| {
        let options = Value::Object(part.options.clone());
        // What a plugin refuses here it refuses when it is created, with a better message.
        let duration = registry.time_estimate(&part.id, &options, &acquisition, calls).ok().flatten()?;
        let (time, plural) = (long_time(duration)?, if calls == 1 { " takes" } else { "s take" });
        Some(format!("{kind} `{}`: {calls} step{plural} {time} a slice on this machine", part.id))
    };
    [prior, estimator, refinement].into_iter().flatten().filter_map(line).collect()
}

/// A time that is longer than is friendly, in no more digits than a guess deserves: `about 50 s`; nothing for a shorter one.
pub fn long_time(duration: Duration) -> Option<String> {
    let seconds = duration.as_secs_f64();
    (duration > FRIENDLY).then(|| match seconds {
        s if s < 90.0 => format!("about {:.0} s", (s / 5.0).round() * 5.0),
        s if s < 5400.0 => format!("about {:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("about {:.1} h", s / 3600.0),
        s => format!("about {:.0} days", s / 86_400.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_said_in_round_numbers() {
        let said = |seconds| long_time(Duration::from_secs_f64(seconds));
        assert_eq!(said(13.0), None);
        assert_eq!(said(51.2).unwrap(), "about 50 s");
        assert_eq!(said(1302.0).unwrap(), "about 22 min");
        assert_eq!(said(9000.0).unwrap(), "about 2.5 h");
        assert_eq!(said(1e6).unwrap(), "about 12 days");
    }
}
