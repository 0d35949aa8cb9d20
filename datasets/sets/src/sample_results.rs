//! Results of the Python MRF-DiPh code.

use std::path::Path;

use diph_formats::{Error, NpzFile, NpzWriter, Result};
use ndarray::{Array3, Array4, ArrayView3, Ix4};
use num_complex::Complex32;

/// Content of a `samples_<checkpoint>_<shape>.npz` of the Python MRF-DiPh code: n slices, all still divided by the
/// reference intensity factor.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleResults {
    /// (n, 2 coefficients, y, x): last noisy iterate, real channels re_0, im_0, re_1, ..., on the network's grid.
    pub x_t: Array4<f32>,
    /// (n, coefficient, y, x): last projected image; zeros when there was no projector.
    pub z_t: Array4<Complex32>,
    /// (n, coefficient, y, x): last output of the prior.
    pub x_tilda: Array4<Complex32>,
    /// (n, coefficient, y, x): last data-consistent image.
    pub x_hat: Array4<Complex32>,
    /// (n, 4, y, x): T1 and T2 in s, Re PD, Im PD.
    pub qmaps: Array4<f32>,
}

impl SampleResults {
    /// Reads the file.
    ///
    /// # Errors
    /// Those of [`NpzFile::array`]; [`Error::Unexpected`] when the arrays do not fit together.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = NpzFile::open(path)?;
        let image_axes = "(n, coefficient, y, x)";
        let results = Self {
            x_t: file.array::<_, Ix4>("x_t", "(n, channel, y, x)")?,
            z_t: file.array::<_, Ix4>("z_t", image_axes)?,
            x_tilda: file.array::<_, Ix4>("x_tilda", image_axes)?,
            x_hat: file.array::<_, Ix4>("x_hat", image_axes)?,
            qmaps: file.array::<_, Ix4>("qmaps", "(n, T1 T2 RePD ImPD, y, x)")?,
        };
        results.checked(path)
    }

    /// Writes the file, not compressed, as the Python code does.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        NpzWriter::new()
            .with("x_t", self.x_t.view())
            .with("z_t", self.z_t.view())
            .with("x_tilda", self.x_tilda.view())
            .with("x_hat", self.x_hat.view())
            .with("qmaps", self.qmaps.view())
            .write(path)
    }

    fn checked(self, path: &Path) -> Result<Self> {
        let (count, coefficients, height, width) = self.x_hat.dim();
        let image = vec![count, coefficients, height, width];
        let maps = vec![count, 4, height, width];
        for (key, got, expected) in [
            ("z_t", self.z_t.shape(), &image),
            ("x_tilda", self.x_tilda.shape(), &image),
            ("qmaps", self.qmaps.shape(), &maps),
        ] {
            if got != expected {
                return Err(Error::unexpected(path, key, format!("{expected:?}, as `x_hat`"), format!("{got:?}")));
            }
        }
        if self.x_t.dim().0 != count || self.x_t.dim().1 != 2 * coefficients {
            let expected = format!("[{count}, {}, y, x], as `x_hat`", 2 * coefficients);
            return Err(Error::unexpected(path, "x_t", expected, format!("{:?}", self.x_t.shape())));
        }
        Ok(self)
    }
}

/// The image (coefficient, y, x) as the real channels re_0, im_0, re_1, im_1, ..., in which the Python code keeps noisy
/// iterates: (2 coefficients, y, x).
pub fn to_channels(image: ArrayView3<'_, Complex32>) -> Array3<f32> {
    let (coefficients, height, width) = image.dim();
    Array3::from_shape_fn((2 * coefficients, height, width), |(channel, y, x)| {
        let value = image[[channel / 2, y, x]];
        if channel % 2 == 0 { value.re } else { value.im }
    })
}

/// The inverse of [`to_channels`]. An odd channel at the end is left out, which a check of the shape finds.
pub fn from_channels(channels: ArrayView3<'_, f32>) -> Array3<Complex32> {
    let (count, height, width) = channels.dim();
    Array3::from_shape_fn((count / 2, height, width), |(k, y, x)| {
        Complex32::new(channels[[2 * k, y, x]], channels[[2 * k + 1, y, x]])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_mismatch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples_ema_2x10x8x8.npz");
        let image = Array4::from_elem((2, 5, 11, 9), Complex32::new(1.0, -1.0));
        let mut results = SampleResults {
            x_t: Array4::zeros((2, 10, 8, 8)),
            z_t: image.clone(),
            x_tilda: image.clone(),
            x_hat: image,
            qmaps: Array4::ones((2, 4, 11, 9)),
        };
        results.write(&path).unwrap();
        assert_eq!(SampleResults::read(&path).unwrap(), results);
        results.qmaps = Array4::ones((2, 4, 11, 8));
        results.write(&path).unwrap();
        let message = SampleResults::read(&path).unwrap_err().to_string();
        assert!(message.ends_with("key `qmaps`: expected [2, 4, 11, 9], as `x_hat`, got [2, 4, 11, 8]"), "{message}");
    }

    #[test]
    fn channels_are_real_then_imaginary() {
        let image = Array3::from_shape_fn((2, 1, 1), |(k, ..)| Complex32::new(k as f32, -1.0 - k as f32));
        let channels = to_channels(image.view());
        assert_eq!(from_channels(channels.view()), image);
        assert_eq!(channels.into_raw_vec_and_offset().0, [0.0, -1.0, 1.0, -2.0]);
        assert_eq!(from_channels(Array3::zeros((5, 2, 3)).view()).dim(), (2, 2, 3));
    }
}
