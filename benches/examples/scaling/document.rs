//! The page `docs/scaling.md`.

use std::path::Path;

use serde_json::json;

use crate::growth::Curve;
use crate::measurement::Measurement;
use crate::{Result, chart, tables};

const BEGIN: &str = "<!-- written by the scaling example: begin -->";
const END: &str = "<!-- written by the scaling example: end -->";

/// Rewrites what lies between the markers of the page, the picture and the numbers.
pub fn write(folder: &Path, measured: &[Measurement]) -> Result {
    let path = folder.join("scaling.md");
    let page = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/scaling.md has lost its first marker")?;
    let (_, after) = rest.split_once(END).ok_or("docs/scaling.md has lost its second marker")?;
    let generated = format!(
        "Measured on {}.\n\n![Time and memory against every length](scaling.svg)\n\n{}",
        cpu_name(),
        tables::markdown(measured)
    );
    let curves = Curve::all(measured);
    replace(&folder.join("scaling.svg"), &chart::svg(&curves))?;
    let numbers = json!({ "cpu": cpu_name(), "measured": measured });
    replace(&folder.join("scaling.json"), &format!("{}\n", serde_json::to_string_pretty(&numbers)?))?;
    replace(&path, &format!("{before}{BEGIN}\n{generated}{END}{after}"))
}

fn replace(path: &Path, text: &str) -> Result {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, text)?;
    Ok(std::fs::rename(temporary, path)?)
}

/// Linux tells the name on x86; elsewhere the architecture has to do.
fn cpu_name() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
