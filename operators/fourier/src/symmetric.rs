//! Real symmetric K x K matrices at many points, and what they do to K complex numbers there.

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;

/// Points that are worked on at once.
const LANES: usize = 16;

/// Number of entries on and above the diagonal of a K x K matrix: K (K + 1) / 2.
pub fn pairs(planes: usize) -> usize {
    planes * (planes + 1) / 2
}

/// Place of the entry (row, column) among the pairs (0,0), (0,1), .. (0,K-1), (1,1), .., in either order of the two.
pub fn pair(planes: usize, row: usize, column: usize) -> usize {
    let (low, high) = (row.min(column), row.max(column));
    low * planes - low * (low + 1) / 2 + high
}

/// `lines (plane, point) = M lines` with the matrices (pair, point).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn multiply(matrices: &[f32], lines: &mut [Complex32], planes: usize) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        multiply_points::<true>(matrices, lines, planes);
    } else {
        multiply_points::<false>(matrices, lines, planes);
    }
}

/// `lines (plane, point) = (M + rho I)^-1 lines` with the matrices (pair, point), by a factorisation `L D L^T`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn solve(matrices: &[f32], rho: f32, lines: &mut [Complex32], planes: usize) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        solve_points::<true>(matrices, rho, lines, planes);
    } else {
        solve_points::<false>(matrices, rho, lines, planes);
    }
}

/// Some points' values of one plane, real and imaginary parts apart.
#[derive(Clone, Copy, Default)]
struct Values {
    re: [f32; LANES],
    im: [f32; LANES],
}

impl Values {
    #[inline(always)]
    fn load(values: &[Complex32]) -> Self {
        let mut loaded = Self::default();
        for ((re, im), value) in loaded.re.iter_mut().zip(&mut loaded.im).zip(values) {
            (*re, *im) = (value.re, value.im);
        }
        loaded
    }

    #[inline(always)]
    fn store(&self, values: &mut [Complex32]) {
        for ((value, re), im) in values.iter_mut().zip(&self.re).zip(&self.im) {
            *value = Complex32::new(*re, *im);
        }
    }

    /// `self += factor * other`.
    #[inline(always)]
    fn add_product<const FMA: bool>(&mut self, factor: &[f32; LANES], other: &Self) {
        add_product::<FMA>(&mut self.re, factor, &other.re);
        add_product::<FMA>(&mut self.im, factor, &other.im);
    }

    #[inline(always)]
    fn scale(&mut self, factor: &[f32; LANES]) {
        for lane in 0..LANES {
            self.re[lane] *= factor[lane];
            self.im[lane] *= factor[lane];
        }
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
    for lane in 0..LANES {
        // Without the instruction, `mul_add` is a slow library call.
        sum[lane] = if FMA { a[lane].mul_add(b[lane], sum[lane]) } else { sum[lane] + a[lane] * b[lane] };
    }
}

/// A fixed number of matrix entries, the rest zero.
#[inline(always)]
fn load(entries: &[f32]) -> [f32; LANES] {
    match entries.first_chunk() {
        Some(chunk) => *chunk,
        None => std::array::from_fn(|lane| entries.get(lane).copied().unwrap_or_default()),
    }
}

#[inline(always)]
fn negative(values: &[f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|lane| -values[lane])
}

#[inline(always)]
fn multiply_points<const FMA: bool>(matrices: &[f32], lines: &mut [Complex32], planes: usize) {
    let points = lines.len() / planes;
    let mut values = vec![Values::default(); planes];
    let mut sums = vec![Values::default(); planes];
    for start in (0..points).step_by(LANES) {
        let count = LANES.min(points - start);
        for (values, line) in values.iter_mut().zip(lines.chunks_exact(points)) {
            *values = Values::load(&line[start..start + count]);
        }
        sums.fill(Values::default());
        for i in 0..planes {
            for j in i..planes {
                let entry = load(&matrices[pair(planes, i, j) * points + start..][..count]);
                sums[i].add_product::<FMA>(&entry, &values[j]);
                if j > i {
                    sums[j].add_product::<FMA>(&entry, &values[i]);
                }
            }
        }
        for (sum, line) in sums.iter().zip(lines.chunks_exact_mut(points)) {
            sum.store(&mut line[start..start + count]);
        }
    }
}

#[inline(always)]
fn solve_points<const FMA: bool>(matrices: &[f32], rho: f32, lines: &mut [Complex32], planes: usize) {
    let points = lines.len() / planes;
    let mut factors = vec![[0.0; LANES]; pairs(planes)];
    let mut values = vec![Values::default(); planes];
    for start in (0..points).step_by(LANES) {
        let count = LANES.min(points - start);
        for (factor, entries) in factors.iter_mut().zip(matrices.chunks_exact(points)) {
            *factor = load(&entries[start..start + count]);
        }
        for i in 0..planes {
            factors[pair(planes, i, i)].iter_mut().for_each(|entry| *entry += rho);
        }
        factorise::<FMA>(&mut factors, planes);
        for (values, line) in values.iter_mut().zip(lines.chunks_exact(points)) {
            *values = Values::load(&line[start..start + count]);
        }
        substitute::<FMA>(&factors, &mut values, planes);
        for (values, line) in values.iter().zip(lines.chunks_exact_mut(points)) {
            values.store(&mut line[start..start + count]);
        }
    }
}

/// `A = L D L^T` in place: entry (i, j) becomes `-L[j][i]`, and (i, i) becomes `1 / D[i]`.
#[inline(always)]
fn factorise<const FMA: bool>(a: &mut [[f32; LANES]], planes: usize) {
    for i in 0..planes {
        let inverse = a[pair(planes, i, i)].map(|pivot| 1.0 / pivot);
        for j in i + 1..planes {
            let row = a[pair(planes, i, j)];
            let mut minus_l = negative(&row);
            for lane in 0..LANES {
                minus_l[lane] *= inverse[lane];
            }
            for k in j..planes {
                let entry = a[pair(planes, i, k)];
                add_product::<FMA>(&mut a[pair(planes, j, k)], &minus_l, &entry);
            }
        }
        for j in i + 1..planes {
            let entry = &mut a[pair(planes, i, j)];
            for lane in 0..LANES {
                entry[lane] *= -inverse[lane];
            }
        }
        a[pair(planes, i, i)] = inverse;
    }
}

#[inline(always)]
fn substitute<const FMA: bool>(factors: &[[f32; LANES]], values: &mut [Values], planes: usize) {
    for i in 0..planes {
        for j in i + 1..planes {
            let known = values[i];
            values[j].add_product::<FMA>(&factors[pair(planes, i, j)], &known);
        }
    }
    for i in (0..planes).rev() {
        values[i].scale(&factors[pair(planes, i, i)]);
        for j in i + 1..planes {
            let known = values[j];
            values[i].add_product::<FMA>(&factors[pair(planes, i, j)], &known);
        }
    }
}
