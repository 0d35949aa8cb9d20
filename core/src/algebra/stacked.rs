//! Several measurements of one image.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, concatenate};

use crate::{Error, ForwardOperator, Result, Space, View, ViewMut};

/// `[A_1; A_2; ...]`: operators of one domain whose ranges are joined along the first axis.
pub struct Stacked {
    parts: Vec<Arc<dyn ForwardOperator>>,
    range: Space,
    name: String,
}

impl Stacked {
    /// Stacks `parts` in their order.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no part, [`Error::Incompatible`] when domains differ, or ranges differ beyond
    /// the length of their first axis.
    pub fn new(parts: Vec<Arc<dyn ForwardOperator>>) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Err(Error::parameter("stacked operator", "parts", "at least one operator", 0));
        };
        let name = format!("[{}]", parts.iter().map(|part| part.name()).collect::<Vec<_>>().join("; "));
        for part in &parts[1..] {
            if part.domain() != first.domain() {
                return Err(Error::incompatible(format!("{name}: stacking"), first.domain(), part.domain()));
            }
            if part.range().axes().get(1..) != first.range().axes().get(1..) {
                return Err(Error::incompatible(
                    format!("{name}: stacking"),
                    format!("{} but for its first axis", first.range()),
                    part.range(),
                ));
            }
        }
        let joined = parts.iter().filter_map(|part| part.range().axes().first()).map(|axis| axis.len).sum();
        let range = Space::new(first.range().axes().iter().enumerate().map(|(i, axis)| {
            let len = if i == 0 { joined } else { axis.len };
            (axis.name.clone(), len)
        }));
        Ok(Self { parts, range, name })
    }

    fn lengths(&self) -> impl Iterator<Item = (&Arc<dyn ForwardOperator>, usize)> {
        self.parts.iter().map(|part| (part, part.range().axes().first().map_or(0, |axis| axis.len)))
    }
}

impl ForwardOperator for Stacked {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.parts[0].domain()
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        self.range.check(&format!("{}: forward", self.name), "samples", y.shape())?;
        let mut rest = y.view_mut();
        for (part, len) in self.lengths() {
            let (head, tail) = rest.split_at(Axis(0), len);
            part.forward(x.view(), head)?;
            rest = tail;
        }
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        self.range.check(&format!("{}: adjoint", self.name), "samples", y.shape())?;
        self.domain().check(&format!("{}: adjoint", self.name), "image", x.shape())?;
        x.fill(Default::default());
        let mut part_of_x = self.domain().zeros();
        let mut rest = y;
        for (part, len) in self.lengths() {
            let (head, tail) = rest.split_at(Axis(0), len);
            part.adjoint(head, part_of_x.view_mut())?;
            x += &part_of_x;
            rest = tail;
        }
        Ok(())
    }

    /// The sum of the parts' own normals.
    fn normal(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
        self.domain().check(&format!("{}: normal", self.name), "image", out.shape())?;
        out.fill(Default::default());
        let mut part_of_out = self.domain().zeros();
        for part in &self.parts {
            part.normal(x.view(), part_of_out.view_mut())?;
            out += &part_of_out;
        }
        Ok(())
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        let weights = self.parts.iter().map(|part| part.data_weights()).collect::<Result<Vec<_>>>()?;
        if weights.iter().all(Option::is_none) {
            return Ok(None);
        }
        let filled: Vec<ArrayD<f32>> = weights
            .into_iter()
            .zip(&self.parts)
            .map(|(weights, part)| weights.unwrap_or_else(|| ArrayD::ones(part.range().shape())))
            .collect();
        let views: Vec<_> = filled.iter().map(|weights| weights.view()).collect();
        concatenate(Axis(0), &views)
            .map(Some)
            .map_err(|error| Error::incompatible(format!("{}: data weights", self.name), &self.range, error))
    }
}
