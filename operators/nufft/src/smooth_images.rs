//! The space of smooth images, and the normal operator on it.

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;
use rayon::prelude::*;

use crate::displacements::Displacements;
use crate::polynomial_rows::PolynomialRows;

/// Polynomials of lower degree, in y and x together, span the smooth images.
const DEGREES: usize = 13;

/// Pixels that are worked on at once when the matrix is made.
const PIXELS: usize = 8;

/// The images whose coefficients are polynomials of y and x of a low degree. They hold what every spiral and every spoke
/// measures again and again around the centre of k-space.
pub(crate) struct SmoothImages {
    image: [usize; 2],
    /// Orthonormal polynomials along y and x, (degree, pixel).
    polynomials: [Vec<f32>; 2],
    /// Those along x once more.
    rows: PolynomialRows<DEGREES>,
    /// Degrees in y and x of every polynomial of the space.
    degrees: Vec<[usize; 2]>,
}

impl SmoothImages {
    pub fn new(image: [usize; 2]) -> Self {
        let polynomials = image.map(|length| polynomials(DEGREES.min(length), length));
        let rows = PolynomialRows::new(&polynomials[1], image[1]);
        Self { image, polynomials, rows, degrees: degrees(image).collect() }
    }

    /// Number of polynomials of the space on an image of this size.
    pub fn count(image: [usize; 2]) -> usize {
        degrees(image).count()
    }

    /// Number of polynomials.
    pub fn len(&self) -> usize {
        self.degrees.len()
    }

    /// The coefficients (plane, polynomial) of the smooth part of images (plane, y, x).
    pub fn analyse(&self, images: &[Complex32]) -> Vec<Complex32> {
        let [height, width] = self.image;
        let mut rows = vec![[Complex32::default(); DEGREES]; images.len() / width];
        let products = |(sums, row): (&mut [Complex32; DEGREES], &[Complex32])| *sums = self.rows.products(row);
        rows.par_iter_mut().zip(images.par_chunks(width)).with_min_len(32).for_each(products);
        rows.par_chunks(height).flat_map_iter(|rows| self.analyse_columns(rows)).collect()
    }

    /// The coefficients of one plane from those of its rows.
    fn analyse_columns(&self, rows: &[[Complex32; DEGREES]]) -> Vec<Complex32> {
        let mut sums = [[Complex32::default(); DEGREES]; DEGREES];
        for (sums, polynomial) in sums.iter_mut().zip(self.polynomials[0].chunks_exact(rows.len())) {
            for (row, weight) in rows.iter().zip(polynomial) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * weight);
            }
        }
        self.degrees.iter().map(|[a, b]| sums[*a][*b]).collect()
    }

    /// Adds the smooth images of these coefficients (plane, polynomial) to `images` (plane, y, x).
    pub fn add(&self, coefficients: &[Complex32], images: &mut [Complex32]) {
        let [height, width] = self.image;
        let along_y = &self.polynomials[0];
        images.par_chunks_mut(width).enumerate().with_min_len(32).for_each(|(index, row)| {
            let (plane, y) = (index / height, index % height);
            let mut weights = [Complex32::default(); DEGREES];
            for ([a, b], value) in self.degrees.iter().zip(&coefficients[plane * self.len()..]) {
                weights[*b] += value * along_y[a * height + y];
            }
            self.rows.add(&weights, row);
        });
    }

    /// The normal operator between smooth images, a Hermitian matrix over (coefficient, polynomial), from the point spread
    /// functions of all pairs of coefficients k <= l. Sensitivities of coils (coil, y, x) are cut down to what they do within
    /// the space, so that with coils the matrix is an approximation.
    pub fn normal_matrix(
        &self,
        planes: usize,
        spreads: &[Displacements],
        coil_maps: Option<&[Complex32]>,
    ) -> Vec<Complex32> {
        let n = self.len();
        let overlaps = [0, 1].map(|axis| overlaps(&self.polynomials[axis], self.image[axis]));
        let [height, width] = self.image;
        let coils: Vec<Vec<Complex32>> = coil_maps
            .map(|maps| maps.par_chunks(height * width).map(|map| self.pointwise(map)).collect())
            .unwrap_or_default();
        let block = |spread: &Displacements| {
            let block = self.convolution(spread, &overlaps);
            if coil_maps.is_none() { block } else { sandwiches(&coils, &block, n) }
        };
        let blocks: Vec<Vec<Complex32>> = spreads.par_iter().map(block).collect();
        let pairs = (0..planes).flat_map(|k| (k..planes).map(move |l| (k, l)));
        let mut matrix = vec![Complex32::default(); planes * n * planes * n];
        for ((k, l), block) in pairs.zip(&blocks) {
            // The point spread functions of (k, l) and (l, k) are the same.
            for (row, column) in [(k, l), (l, k)] {
                for (i, values) in block.chunks_exact(n).enumerate() {
                    matrix[(row * n + i) * planes * n + column * n..][..n].copy_from_slice(values);
                }
            }
        }
        matrix
    }

    /// The convolution with a point spread function t, (polynomial, polynomial): `sum over d of t(d) w(d)`, where w is the
    /// product of the overlaps along y and x.
    ///
    /// Overlaps are even or odd in d as the sum of their degrees is, and `t(-d)` is the conjugate of `t(d)`: half of the
    /// distances say everything.
    fn convolution(&self, spread: &Displacements, overlaps: &[Vec<f32>; 2]) -> Vec<Complex32> {
        let ([height, width], n) = (self.image, self.len());
        let [rows, columns] = [0, 1].map(|axis| self.polynomials[axis].len() / self.image[axis]);
        let mut matrix = vec![Complex32::default(); n * n];
        let mut sums = [vec![Complex32::default(); columns * columns], vec![Complex32::default(); columns * columns]];
        for dy in 0..height {
            let line = spread.row(dy);
            let pairs = || line[..width].iter().zip(std::iter::once(&Complex32::ZERO).chain(line.iter().rev()));
            let even: Vec<Complex32> = pairs().map(|(there, back)| there + back).collect();
            let odd: Vec<Complex32> = pairs().map(|(there, back)| there - back).collect();
            products(&even, &overlaps[1], &mut sums[0]);
            products(&odd, &overlaps[1], &mut sums[1]);
            let twice = if dy == 0 { 1.0 } else { 2.0 };
            for (i, [a, b]) in self.degrees.iter().enumerate() {
                for (j, [c, d]) in self.degrees[..=i].iter().enumerate() {
                    let value = sums[(b + d) % 2][b * columns + d];
                    let value = match (a + b + c + d) % 2 {
                        0 => Complex32::new(value.re, 0.0),
                        _ => Complex32::new(0.0, value.im),
                    };
                    matrix[i * n + j] += value * (twice * overlaps[0][(a * rows + c) * height + dy]);
                }
            }
        }
        for i in 0..n {
            for j in 0..i {
                matrix[j * n + i] = matrix[i * n + j].conj();
            }
        }
        matrix
    }

    /// Multiplication by a map (y, x), (polynomial, polynomial).
    fn pointwise(&self, map: &[Complex32]) -> Vec<Complex32> {
        let [height, width] = self.image;
        let [along_y, along_x] = &self.polynomials;
        let columns = along_x.len() / width;
        let squares: Vec<f32> = (0..columns * columns)
            .flat_map(|pair| {
                let [a, b] = [pair / columns, pair % columns].map(|degree| &along_x[degree * width..][..width]);
                a.iter().zip(b).map(|(a, b)| a * b)
            })
            .collect();
        let mut rows = vec![Complex32::default(); height * columns * columns];
        for (row, sums) in map.chunks_exact(width).zip(rows.chunks_exact_mut(columns * columns)) {
            products(row, &squares, sums);
        }
        let entry = |[a, b]: [usize; 2], [c, d]: [usize; 2]| -> Complex32 {
            let values = rows[b * columns + d..].iter().step_by(columns * columns).enumerate();
            values.map(|(y, value)| value * (along_y[a * height + y] * along_y[c * height + y])).sum()
        };
        let mut matrix = Vec::with_capacity(self.len() * self.len());
        for i in &self.degrees {
            matrix.extend(self.degrees.iter().map(|j| entry(*i, *j)));
        }
        matrix
    }
}

/// Degrees in y and x whose sum is low; no more along an axis than there are pixels.
fn degrees(image: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    let [rows, columns] = image.map(|length| DEGREES.min(length));
    (0..rows).flat_map(move |a| (0..columns).map(move |b| [a, b])).filter(|[a, b]| a + b < DEGREES)
}

/// Orthonormal polynomials of `count` degrees on `length` pixels around their middle, (degree, pixel), by the recurrence of
/// three terms.
fn polynomials(count: usize, length: usize) -> Vec<f32> {
    let middle = (length as f64 - 1.0) / 2.0;
    let mut previous = vec![0.0f64; length];
    let mut current = vec![1.0 / (length as f64).sqrt(); length];
    let mut all: Vec<f32> = Vec::with_capacity(count * length);
    for _ in 0..count {
        all.extend(current.iter().map(|value| *value as f32));
        let mut next: Vec<f64> = current.iter().enumerate().map(|(i, value)| (i as f64 - middle) * value).collect();
        // Twice: what rounding leaves of the last two would grow.
        for earlier in [&current, &previous, &current, &previous] {
            let share: f64 = next.iter().zip(earlier).map(|(a, b)| a * b).sum();
            next.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= share * earlier);
        }
        let norm = next.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        next.iter_mut().for_each(|value| *value /= norm);
        previous = std::mem::replace(&mut current, next);
    }
    all
}

/// `sum over s of P_a(s + d) P_b(s)` at distances d from 0, (a, b, d).
fn overlaps(polynomials: &[f32], length: usize) -> Vec<f32> {
    let count = polynomials.len() / length;
    (0..count * count)
        .flat_map(|pair| {
            let [a, b] = [pair / count, pair % count].map(|degree| &polynomials[degree * length..][..length]);
            (0..length).map(move |d| a[d..].iter().zip(b).map(|(a, b)| a * b).sum())
        })
        .collect()
}

/// `sum over c of S_c^H B S_c`.
fn sandwiches(maps: &[Vec<Complex32>], block: &[Complex32], n: usize) -> Vec<Complex32> {
    let mut sum = vec![Complex32::default(); n * n];
    for map in maps {
        let mut product = vec![Complex32::default(); n * n];
        add_matrix_product(block, map, &mut product, n);
        let adjoint: Vec<Complex32> = (0..n * n).map(|index| map[index % n * n + index / n].conj()).collect();
        add_matrix_product(&adjoint, &product, &mut sum, n);
    }
    sum
}

/// `out += a b`.
fn add_matrix_product(a: &[Complex32], b: &[Complex32], out: &mut [Complex32], n: usize) {
    for (row, out) in a.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        for (weight, values) in row.iter().zip(b.chunks_exact(n)) {
            out.iter_mut().zip(values).for_each(|(out, value)| *out += weight * value);
        }
    }
}

/// The scalar products of `values` with every row of `weights` (product, value).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn products(values: &[Complex32], weights: &[f32], sums: &mut [Complex32]) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        products_of::<true>(values, weights, sums);
    } else {
        products_of::<false>(values, weights, sums);
    }
}

#[inline(always)]
fn products_of<const FMA: bool>(values: &[Complex32], weights: &[f32], sums: &mut [Complex32]) {
    for (sum, weights) in sums.iter_mut().zip(weights.chunks_exact(values.len())) {
        let mut lanes = [Complex32::ZERO; PIXELS];
        for (values, weights) in values.chunks(PIXELS).zip(weights.chunks(PIXELS)) {
            if let (Some(values), Some(weights)) = (values.first_chunk(), weights.first_chunk()) {
                add_products::<FMA>(&mut lanes, values, weights);
                continue;
            }
            for (lane, (value, weight)) in lanes.iter_mut().zip(values.iter().zip(weights)) {
                *lane += value * weight;
            }
        }
        *sum = lanes.iter().sum();
    }
}

#[inline(always)]
fn add_products<const FMA: bool>(
    lanes: &mut [Complex32; PIXELS],
    values: &[Complex32; PIXELS],
    weights: &[f32; PIXELS],
) {
    for ((lane, value), weight) in lanes.iter_mut().zip(values).zip(weights) {
        *lane = match FMA {
            true => Complex32::new(value.re.mul_add(*weight, lane.re), value.im.mul_add(*weight, lane.im)),
            false => *lane + value * weight,
        };
    }
}

#[cfg(test)]
mod tests {
    use diph_fourier::Multiplier;

    use super::*;
    use crate::toeplitz::point_spreads;

    #[test]
    fn smooth_images_are_their_coefficients() {
        let space = SmoothImages::new([40, 9]);
        let coefficients: Vec<Complex32> = (0..2 * space.len()).map(|i| Complex32::from_polar(1.0, i as f32)).collect();
        let mut images = vec![Complex32::default(); 2 * 40 * 9];
        space.add(&coefficients, &mut images);
        for (value, again) in coefficients.iter().zip(space.analyse(&images)) {
            assert!((value - again).norm() < 1e-4, "{value} {again}");
        }
    }

    #[test]
    fn the_smallest_image_has_one_polynomial() {
        assert_eq!(SmoothImages::new([1, 1]).len(), 1);
    }

    /// What the map of `toeplitz` does to every polynomial of every coefficient, projected onto the space; with coils,
    /// what enters and leaves the convolution is projected as well.
    fn applied(space: &SmoothImages, toeplitz: &Multiplier, coil_maps: Option<&[Complex32]>) -> Vec<Vec<Complex32>> {
        let (size, pixels) = (toeplitz.planes() * space.len(), space.image[0] * space.image[1]);
        let images_of = |coefficients: &[Complex32]| {
            let mut images = vec![Complex32::default(); toeplitz.planes() * pixels];
            space.add(coefficients, &mut images);
            images
        };
        let within = |coefficients: &[Complex32], weight: &dyn Fn(usize) -> Complex32| {
            let mut images = images_of(coefficients);
            images.iter_mut().enumerate().for_each(|(index, value)| *value *= weight(index % pixels));
            space.analyse(&images)
        };
        let convolved = |coefficients: &[Complex32]| {
            let images = images_of(coefficients);
            let mut out = images.clone();
            toeplitz.apply(&images, None, false, &mut out);
            space.analyse(&out)
        };
        let column = |index: usize| {
            let mut unit = vec![Complex32::default(); size];
            unit[index] = Complex32::ONE;
            let Some(maps) = coil_maps else { return convolved(&unit) };
            let mut sum = vec![Complex32::default(); size];
            for map in maps.chunks_exact(pixels) {
                let seen = convolved(&within(&unit, &|pixel| map[pixel]));
                let back = within(&seen, &|pixel| map[pixel].conj());
                sum.iter_mut().zip(back).for_each(|(sum, value)| *sum += value);
            }
            sum
        };
        (0..size).map(column).collect()
    }

    #[test]
    fn the_normal_matrix_is_the_operator_on_the_polynomials() {
        let (image, grid, planes) = ([15, 18], [32, 36], 2);
        let kernels: Vec<f32> = (0..grid[0] * grid[1] * 3).map(|i| (1.7 * i as f32).sin() / (32.0 * 36.0)).collect();
        let toeplitz = Multiplier::new(image, grid, planes, kernels);
        let spreads = point_spreads(&toeplitz, image[0]);
        let maps: Vec<Complex32> =
            (0..2 * image[0] * image[1]).map(|i| Complex32::from_polar(0.8, 0.03 * i as f32)).collect();
        let space = SmoothImages::new(image);
        for coil_maps in [None, Some(maps.as_slice())] {
            let matrix = space.normal_matrix(planes, &spreads, coil_maps);
            let columns = applied(&space, &toeplitz, coil_maps);
            let largest = matrix.iter().fold(0.0f32, |largest, value| largest.max(value.norm()));
            for (j, column) in columns.iter().enumerate() {
                for (i, value) in column.iter().enumerate() {
                    let error = (value - matrix[i * columns.len() + j]).norm();
                    assert!(error < 1e-4 * largest, "row {i}, column {j}: {error} of {largest}");
                }
            }
        }
    }
}
