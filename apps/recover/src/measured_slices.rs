//! k-space of several slices, and the spectra of the images that made it.

use diph_core::{FourierScale, ImageShape};
use diph_datasets::{DatasetFolder, SliceId};
use diph_nufft::{ImageSpectra, SpectrumPoint};
use ndarray::{Array3, ArrayD, Axis, concatenate, stack};
use num_complex::Complex32;

use crate::{RecoverError, Result};

/// k-space of several slices that were measured in the same way, with the spectra of their images.
///
/// Positions are in cycles per field of view, so that 1 is the distance over which a spectrum changes. The field of view is
/// the longer side of the image.
pub struct MeasuredSlices {
    /// (slice, frame, sample).
    kspace: Array3<Complex32>,
    /// One plane a slice and coefficient, coefficient fastest, in the scale of the measurement.
    spectrum: ImageSpectra,
    coefficients: usize,
    field_of_view: f64,
}

impl MeasuredSlices {
    /// Reads k-space and reference TSMI of the slices.
    ///
    /// # Errors
    /// [`RecoverError::Dataset`] when a file cannot be read, [`RecoverError::Slice`] when k-space has several coils or slices
    /// differ in shape, [`RecoverError::NoSlices`] when none is given.
    pub fn read(folder: &DatasetFolder, slices: &[SliceId], cut: usize) -> Result<Self> {
        let none = || RecoverError::NoSlices { folder: folder.root().display().to_string(), cut };
        let first = *slices.first().ok_or_else(none)?;
        let mut measured = Vec::new();
        let mut images = Vec::new();
        for &slice in slices {
            let kspace = folder.kspace(slice, cut)?;
            let coils = kspace.len_of(Axis(0));
            check(slice, "k-space (coil, frame, sample)", &[1], &[coils])?;
            measured.push(kspace.index_axis_move(Axis(0), 0));
            images.push(plane(slice, folder.reference_tsmi(slice, cut)?)?);
            let (first_measured, first_image) = (measured[0].shape(), images[0].shape());
            check(slice, "k-space (frame, sample)", first_measured, measured[measured.len() - 1].shape())?;
            check(slice, "TSMI (coefficient, y, x)", first_image, images[images.len() - 1].shape())?;
        }
        let shape = |error: ndarray::ShapeError| RecoverError::Slice {
            slice: first,
            role: "k-space and TSMI",
            expected: "arrays of one shape".into(),
            got: error.to_string(),
        };
        let kspace = stack(Axis(0), &measured.iter().map(|array| array.view()).collect::<Vec<_>>()).map_err(shape)?;
        let images =
            concatenate(Axis(0), &images.iter().map(|array| array.view()).collect::<Vec<_>>()).map_err(shape)?;
        Ok(Self::new(kspace, images))
    }

    /// k-space (slice, frame, sample) of images (slice * coefficient, y, x), coefficient fastest.
    pub fn new(kspace: Array3<Complex32>, mut images: Array3<Complex32>) -> Self {
        let (planes, height, width) = images.dim();
        let scale = FourierScale::TwiceOversampled.factor(&ImageShape::plane(height, width)) as f32;
        images.mapv_inplace(|value| value * scale);
        let coefficients = planes / kspace.len_of(Axis(0)).max(1);
        Self {
            kspace,
            spectrum: ImageSpectra::new(images.view()),
            coefficients,
            field_of_view: height.max(width) as f64,
        }
    }

    /// Number of slices.
    pub fn slices(&self) -> usize {
        self.kspace.len_of(Axis(0))
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.kspace.len_of(Axis(1))
    }

    /// Samples of a readout.
    pub fn samples(&self) -> usize {
        self.kspace.len_of(Axis(2))
    }

    /// Coefficients of the temporal subspace.
    pub fn coefficients(&self) -> usize {
        self.coefficients
    }

    /// Pixels of the field of view: positions in cycles per pixel are those in cycles per field of view divided by it.
    pub fn field_of_view(&self) -> f64 {
        self.field_of_view
    }

    /// The measured value.
    pub fn measured(&self, slice: usize, frame: usize, sample: usize) -> Complex32 {
        self.kspace[[slice, frame, sample]]
    }

    /// Spectra at a position (y, x) in cycles per field of view, with derivatives in these units: one entry a slice and
    /// coefficient, coefficient fastest.
    pub fn read_spectrum(&self, position: [f64; 2], points: &mut [SpectrumPoint]) {
        self.spectrum.read(position.map(|component| component / self.field_of_view), points);
        let unit = (1.0 / self.field_of_view) as f32;
        points.iter_mut().for_each(|point| point.gradient = point.gradient.map(|slope| slope * unit));
    }

    /// Room for what [`read_spectrum`](Self::read_spectrum) gives.
    pub fn points(&self) -> Vec<SpectrumPoint> {
        vec![SpectrumPoint::default(); self.spectrum.planes()]
    }

    /// Mean of |y|^2 over the last tenth of every readout, where noise rules: where a fit of the noise begins.
    pub fn outer_power(&self) -> f64 {
        let samples = self.samples();
        let first = samples - samples.div_ceil(10);
        let outer = self.kspace.slice(ndarray::s![.., .., first..]);
        outer.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>() / outer.len().max(1) as f64
    }
}

/// The image (coefficient, y, x) of a slice; volumes are not turned about one axis.
fn plane(slice: SliceId, image: ArrayD<Complex32>) -> Result<Array3<Complex32>> {
    let got = format!("{:?}", image.shape());
    let expected = "three axes; volumes cannot be used".into();
    image.into_dimensionality().map_err(|_| RecoverError::Slice {
        slice,
        role: "TSMI (coefficient, y, x)",
        expected,
        got,
    })
}

fn check(slice: SliceId, role: &'static str, expected: &[usize], got: &[usize]) -> Result<()> {
    match expected == got {
        true => Ok(()),
        false => Err(RecoverError::Slice { slice, role, expected: format!("{expected:?}"), got: format!("{got:?}") }),
    }
}
