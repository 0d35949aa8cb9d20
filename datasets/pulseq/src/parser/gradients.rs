//! Gradients of a file.

use super::{Rasters, Shapes};
use crate::error::Result;
use crate::library::{Library, Line};
use crate::{Gradient, PulseqError, Version};

/// Gradients of any shape.
pub(super) fn arbitrary(
    lines: &[Line<'_>],
    version: Version,
    rasters: &Rasters,
    shapes: &Shapes,
) -> Result<Library<Gradient>> {
    let read = |line: &Line<'_>| -> Result<(u32, Gradient)> {
        let (id, amplitude, edges, shape, time, delay) = match version.minor {
            5 => {
                let [id, amplitude, first, last, shape, time, delay] =
                    line.words("id, amplitude, first, last, shape, time shape, delay")?;
                (id, amplitude, Some((line.number(first)?, line.number(last)?)), shape, time, delay)
            }
            4 => {
                let [id, amplitude, shape, time, delay] = line.words("id, amplitude, shape, time shape, delay")?;
                (id, amplitude, None, shape, time, delay)
            }
            _ => {
                let [id, amplitude, shape, delay] = line.words("id, amplitude, shape, delay")?;
                (id, amplitude, None, shape, "0", delay)
            }
        };
        let amplitude = line.number(amplitude)?;
        let shape = line.event(shapes, "shape", line.whole(shape)?)?;
        let values: Vec<f64> = shape.iter().map(|value| amplitude * value).collect();
        let delay = line.amount(delay)? * 1e-6;
        let gradient = match time {
            "0" => on_raster(values, 1.0, edges, rasters.gradient, delay),
            "-1" => on_raster(values, 0.5, edges, rasters.gradient, delay),
            time => {
                let times = line.event(shapes, "shape", line.whole(time)?)?;
                Gradient::new(times.iter().map(|time| delay + time * rasters.gradient).collect(), values)
            }
        };
        let whole = "a gradient with one value for every time, in their order";
        Ok((line.whole(id)?, gradient.ok_or_else(|| PulseqError::line(line.number, whole, line.text))?))
    };
    lines.iter().map(read).collect()
}

/// Values in the middle of steps of `raster`, or also between them where `share` is a half; with what it is at both edges.
fn on_raster(values: Vec<f64>, share: f64, edges: Option<(f64, f64)>, raster: f64, delay: f64) -> Option<Gradient> {
    let count = values.len();
    let step = raster * share;
    let offset = if share < 1.0 { 1.0 } else { 0.5 };
    let extrapolated = match values[..] {
        [.., before, last] => 1.5 * last - 0.5 * before,
        [only] => only,
        [] => return None,
    };
    let (first, last) = edges.unwrap_or((0.0, extrapolated));
    let middle = (0..count).map(|index| delay + (index as f64 + offset) * step);
    let end = delay + (count as f64 - 1.0 + 2.0 * offset) * step;
    let times = std::iter::once(delay).chain(middle).chain([end]).collect();
    let values = std::iter::once(first).chain(values).chain([last]).collect();
    let mut gradient = Gradient::new(times, values)?;
    gradient.follows = edges.is_none();
    Some(gradient)
}

/// Trapezoids.
pub(super) fn trapezoids(lines: &[Line<'_>]) -> Result<Library<Gradient>> {
    let read = |line: &Line<'_>| {
        let [id, amplitude, times @ ..]: [&str; 6] = line.words("id, amplitude, rise, flat, fall, delay")?;
        let mut seconds = [0.0; 4];
        for (seconds, word) in seconds.iter_mut().zip(times) {
            *seconds = line.amount(word)? * 1e-6;
        }
        let trapezoid = Gradient::trapezoid(line.number(amplitude)?, seconds);
        let trapezoid = trapezoid.ok_or_else(|| PulseqError::line(line.number, "a trapezoid", line.text))?;
        Ok((line.whole(id)?, trapezoid))
    };
    lines.iter().map(read).collect()
}
