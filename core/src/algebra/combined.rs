//! Operators made of several: products, stacks and sums.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, concatenate};

use crate::{Error, ForwardOperator, Result, Space, View, ViewMut};

/// `A B`: `B` first, then `A`, in mathematical order.
pub struct Composed {
    outer: Arc<dyn ForwardOperator>,
    inner: Arc<dyn ForwardOperator>,
    name: String,
}

impl Composed {
    /// The product `outer * inner`, which applies `inner` first.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when `inner` ends in another space than `outer` starts from.
    pub fn new(outer: Arc<dyn ForwardOperator>, inner: Arc<dyn ForwardOperator>) -> Result<Self> {
        let name = format!("({} * {})", outer.name(), inner.name());
        if outer.domain() != inner.range() {
            return Err(Error::incompatible(
                format!("{name}: composition"),
                format!("range of {} to be {}", inner.name(), outer.domain()),
                inner.range(),
            ));
        }
        Ok(Self { outer, inner, name })
    }
}

impl ForwardOperator for Composed {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.inner.domain()
    }

    fn range(&self) -> &Space {
        self.outer.range()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        self.inner.forward(x, between.view_mut())?;
        self.outer.forward(between.view(), y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        self.outer.adjoint(y, between.view_mut())?;
        self.inner.adjoint(between.view(), x)
    }

    /// `B^H (A^H A) B`, so that a fast normal of the outer operator is used.
    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let mut between = self.inner.range().zeros();
        let mut normal = self.inner.range().zeros();
        self.inner.forward(x, between.view_mut())?;
        self.outer.normal(between.view(), normal.view_mut())?;
        self.inner.adjoint(normal.view(), out)
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        self.outer.data_weights()
    }
}

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

/// `A + B` between the same spaces.
pub struct Sum {
    first: Arc<dyn ForwardOperator>,
    second: Arc<dyn ForwardOperator>,
    name: String,
}

impl Sum {
    /// The sum `first + second` of two operators between the same spaces.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the operators map between different spaces, or one of them carries data weights:
    /// a sum of weighted operators has no weights of its own.
    pub fn new(first: Arc<dyn ForwardOperator>, second: Arc<dyn ForwardOperator>) -> Result<Self> {
        let name = format!("({} + {})", first.name(), second.name());
        if (first.domain(), first.range()) != (second.domain(), second.range()) {
            return Err(Error::incompatible(
                format!("{name}: sum"),
                format!("{} -> {}", first.domain(), first.range()),
                format!("{} -> {}", second.domain(), second.range()),
            ));
        }
        for operator in [&first, &second] {
            if operator.data_weights()?.is_some() {
                return Err(Error::incompatible(
                    format!("{name}: sum"),
                    "operators without data weights",
                    format!("{} with weights", operator.name()),
                ));
            }
        }
        Ok(Self { first, second, name })
    }
}

impl ForwardOperator for Sum {
    fn name(&self) -> &str {
        &self.name
    }

    fn domain(&self) -> &Space {
        self.first.domain()
    }

    fn range(&self) -> &Space {
        self.first.range()
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        let mut other = self.range().zeros();
        self.first.forward(x.view(), y.view_mut())?;
        self.second.forward(x, other.view_mut())?;
        y += &other;
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
        let mut other = self.domain().zeros();
        self.first.adjoint(y.view(), x.view_mut())?;
        self.second.adjoint(y, other.view_mut())?;
        x += &other;
        Ok(())
    }
}
