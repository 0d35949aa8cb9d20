//! A tree of balls on the sphere of atoms, where d and -d are the same.

use std::f64::consts::FRAC_PI_2;

use diph_core::MemoryEstimate;
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Atoms per leaf and children per node: sixteen floats fill the widest registers.
pub(super) const WIDTH: usize = 16;

/// Node radii grow by this, so that rounding them to f32 never leaves an atom outside.
const RADIUS_SLACK: f64 = 1e-7;

/// Steps of the centre towards the farthest atom (Badoiu and Clarkson 2003).
const CENTRE_STEPS: usize = 12;

/// Nodes of fewer atoms are built by one thread.
const PARALLEL_FROM: usize = 4096;

/// One value for each of sixteen atoms or nodes.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [f32; WIDTH]);

/// The tree, without pointers: the atoms are put in such an order that node i of a level has the nodes
/// `16 i .. 16 i + 16` of the level below as children, and leaf i the atoms `16 i .. 16 i + 16` of that order.
#[derive(Debug)]
pub(super) struct BallTree {
    coefficients: usize,
    /// Per leaf: one row per coefficient. Padding atoms are zero.
    leaves: Vec<Row>,
    /// Index of every atom in the dictionary; `u32::MAX` for padding.
    atom_of: Vec<[u32; WIDTH]>,
    /// From the leaves upward.
    levels: Vec<Level>,
}

/// The nodes of one level, in groups of sixteen that share a parent.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) nodes: usize,
    /// Per group: one row per coefficient of the unit centres, then the cosines, then the sines of twice the radii.
    rows: Vec<Row>,
}

/// A group of nodes.
pub(super) struct Group<'a> {
    pub(super) centres: &'a [Row],
    pub(super) cos2: &'a [f32; WIDTH],
    pub(super) sin2: &'a [f32; WIDTH],
}

/// Memory of a tree over `atoms`: leaves with the indices of their atoms, and the levels above.
pub(crate) fn bytes(atoms: usize, coefficients: usize) -> u64 {
    let mut rows = atoms.div_ceil(WIDTH).saturating_mul(coefficients + 1);
    let mut nodes = atoms;
    while nodes > WIDTH {
        nodes = nodes.div_ceil(WIDTH);
        rows = rows.saturating_add(nodes.div_ceil(WIDTH).saturating_mul(coefficients + 2));
    }
    MemoryEstimate::array::<Row>(&[rows])
}

impl BallTree {
    pub(super) fn new(atoms: ArrayView2<'_, f32>) -> Self {
        let coefficients = atoms.ncols();
        let mut order: Vec<u32> = (0..atoms.nrows() as u32).collect();
        arrange(atoms, &mut order);
        let mut leaves = Vec::new();
        let mut atom_of = Vec::new();
        for members in order.chunks(WIDTH) {
            leaves.extend((0..coefficients).map(|k| Row(lanes(members, 0.0, |&atom| atoms[[atom as usize, k]]))));
            atom_of.push(lanes(members, u32::MAX, |&atom| atom));
        }
        let mut levels = Vec::new();
        let mut size = WIDTH;
        while levels.last().map_or(order.len(), |level: &Level| level.nodes) > WIDTH {
            levels.push(Level::new(atoms, &order, size));
            size *= WIDTH;
        }
        Self { coefficients, leaves, atom_of, levels }
    }

    /// Number of levels of nodes above the leaves.
    pub(super) fn height(&self) -> usize {
        self.levels.len()
    }

    /// Nodes of the level right above the leaves are at 0.
    #[inline(always)]
    pub(super) fn level(&self, level: usize) -> &Level {
        &self.levels[level]
    }

    pub(super) fn leaf_count(&self) -> usize {
        self.atom_of.len()
    }

    /// Coefficients and dictionary indices of the atoms of a leaf.
    #[inline(always)]
    pub(super) fn leaf(&self, leaf: usize) -> (&[Row], &[u32; WIDTH]) {
        (&self.leaves[leaf * self.coefficients..][..self.coefficients], &self.atom_of[leaf])
    }
}

impl Level {
    /// Nodes of `size` atoms each.
    fn new(atoms: ArrayView2<'_, f32>, order: &[u32], size: usize) -> Self {
        let coefficients = atoms.ncols();
        let balls: Vec<Ball> = order.par_chunks(size).map(|members| Ball::around(atoms, members)).collect();
        let mut rows = Vec::with_capacity(balls.len().div_ceil(WIDTH) * (coefficients + 2));
        for group in balls.chunks(WIDTH) {
            rows.extend((0..coefficients).map(|k| Row(lanes(group, 0.0, |ball| ball.centre[k]))));
            rows.push(Row(lanes(group, 1.0, |ball| (2.0 * ball.radius).cos() as f32)));
            rows.push(Row(lanes(group, 0.0, |ball| (2.0 * ball.radius).sin() as f32)));
        }
        Self { nodes: balls.len(), rows }
    }

    #[inline(always)]
    pub(super) fn group(&self, group: usize, coefficients: usize) -> Group<'_> {
        let rows = &self.rows[group * (coefficients + 2)..][..coefficients + 2];
        Group { centres: &rows[..coefficients], cos2: &rows[coefficients].0, sin2: &rows[coefficients + 1].0 }
    }
}

/// One value per lane; `padding` where there is no item.
fn lanes<T, V: Copy>(items: &[T], padding: V, value: impl Fn(&T) -> V) -> [V; WIDTH] {
    std::array::from_fn(|lane| items.get(lane).map_or(padding, &value))
}

/// Orders `members` so that runs of 16, 256, 4096, ... from the start are close together.
fn arrange(atoms: ArrayView2<'_, f32>, members: &mut [u32]) {
    if members.len() <= WIDTH {
        return;
    }
    let mut run = WIDTH;
    while run * WIDTH < members.len() {
        run *= WIDTH;
    }
    let middle = members.len().div_ceil(run) / 2 * run;
    split(atoms, members, middle);
    let (left, right) = members.split_at_mut(middle);
    if left.len() < PARALLEL_FROM {
        arrange(atoms, left);
        arrange(atoms, right);
    } else {
        rayon::join(|| arrange(atoms, left), || arrange(atoms, right));
    }
}

/// Puts the `middle` members that come first along the direction of largest spread in front.
fn split(atoms: ArrayView2<'_, f32>, members: &mut [u32], middle: usize) {
    let count = members.len() as f64;
    let coefficients = atoms.ncols();
    let mut moment = DMatrix::<f64>::zeros(coefficients, coefficients);
    for &member in members.iter() {
        let atom = atoms.row(member as usize);
        for i in 0..coefficients {
            for j in 0..=i {
                moment[(i, j)] += f64::from(atom[i]) * f64::from(atom[j]);
            }
        }
    }
    moment.fill_upper_triangle_with_lower_triangle();
    let axis = leading_eigenvector(moment.clone());
    let mut mean = DVector::<f64>::zeros(coefficients);
    for &member in members.iter() {
        let sign = along(atoms, member, &axis).signum();
        atoms.row(member as usize).iter().zip(mean.iter_mut()).for_each(|(&d, m)| *m += sign * f64::from(d) / count);
    }
    let direction = leading_eigenvector(moment / count - &mean * mean.transpose());
    let mut keyed: Vec<(f64, u32)> = members
        .iter()
        .map(|&member| (along(atoms, member, &axis).signum() * along(atoms, member, &direction), member))
        .collect();
    keyed.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    members.iter_mut().zip(keyed).for_each(|(member, (_, sorted))| *member = sorted);
}

fn leading_eigenvector(matrix: DMatrix<f64>) -> DVector<f64> {
    let eigen = SymmetricEigen::new(matrix);
    eigen.eigenvectors.column(eigen.eigenvalues.imax()).into_owned()
}

/// Product of an atom with a direction.
fn along(atoms: ArrayView2<'_, f32>, atom: u32, direction: &DVector<f64>) -> f64 {
    atoms.row(atom as usize).iter().zip(direction.iter()).map(|(&d, u)| f64::from(d) * u).sum()
}

/// Adds the atom or its negative, whichever is nearer to the direction.
fn add_nearer_sign(atoms: ArrayView2<'_, f32>, atom: u32, direction: &mut DVector<f64>) {
    let sign = if along(atoms, atom, direction) < 0.0 { -1.0 } else { 1.0 };
    direction.iter_mut().zip(atoms.row(atom as usize)).for_each(|(u, &d)| *u += sign * f64::from(d));
}

/// Atoms within the angle `radius` of plus or minus `centre`.
struct Ball {
    centre: Vec<f32>,
    radius: f64,
}

impl Ball {
    /// A small ball around the members: from their mean, the centre steps towards the farthest one.
    fn around(atoms: ArrayView2<'_, f32>, members: &[u32]) -> Self {
        let mut centre = DVector::<f64>::zeros(atoms.ncols());
        for &member in members {
            add_nearer_sign(atoms, member, &mut centre);
        }
        let mut best = (-1.0, DVector::zeros(atoms.ncols()));
        for step in 0..CENTRE_STEPS {
            let length = centre.norm();
            if length > 0.0 {
                centre /= length;
            }
            let (nearness, farthest) = members.iter().fold((f64::INFINITY, 0), |farthest, &member| {
                let nearness = along(atoms, member, &centre).abs();
                if nearness < farthest.0 { (nearness, member) } else { farthest }
            });
            if nearness > best.0 {
                best = (nearness, centre.clone());
            }
            centre *= (step + 1) as f64;
            add_nearer_sign(atoms, farthest, &mut centre);
        }
        Self::with_centre(atoms, members, best.1.iter().map(|&c| c as f32).collect())
    }

    fn with_centre(atoms: ArrayView2<'_, f32>, members: &[u32], centre: Vec<f32>) -> Self {
        let exact = DVector::from_iterator(centre.len(), centre.iter().map(|&c| f64::from(c)));
        let angle = |member: u32| {
            // From the sine too: the cosine alone cannot tell small angles apart.
            let cosine = along(atoms, member, &exact);
            let atom = atoms.row(member as usize);
            let across = atom.iter().zip(exact.iter()).map(|(&d, c)| (f64::from(d) - cosine * c).powi(2)).sum::<f64>();
            across.sqrt().atan2(cosine.abs())
        };
        let widest = members.iter().map(|&member| angle(member)).fold(0.0, f64::max);
        Self { centre, radius: (widest + RADIUS_SLACK).min(FRAC_PI_2) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random_atoms(count: usize, coefficients: usize) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(count as u64);
        let mut atoms = Array2::from_shape_simple_fn((count, coefficients), || rng.random_range(-1.0f32..1.0));
        for mut row in atoms.outer_iter_mut() {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        atoms
    }

    #[test]
    fn every_atom_is_in_one_leaf_and_inside_of_every_ball_above() {
        for count in [1, 15, 16, 17, 256, 257, 4100] {
            let atoms = random_atoms(count, 4);
            let tree = BallTree::new(atoms.view());
            let levels: usize = tree.levels.iter().map(|level| level.rows.len()).sum();
            assert_eq!(bytes(count, 4), 64 * (tree.leaves.len() + tree.atom_of.len() + levels) as u64);
            let mut seen = vec![0; count];
            for leaf in 0..tree.leaf_count() {
                let (rows, members) = tree.leaf(leaf);
                for (lane, &atom) in members.iter().enumerate().filter(|(_, atom)| **atom != u32::MAX) {
                    seen[atom as usize] += 1;
                    let atom = atoms.row(atom as usize);
                    assert!((0..4).all(|k| rows[k].0[lane] == atom[k]));
                    let mut node = leaf;
                    for level in 0..tree.height() {
                        let group = tree.level(level).group(node / WIDTH, 4);
                        let lane = node % WIDTH;
                        let product: f64 =
                            (0..4).map(|k| f64::from(group.centres[k].0[lane]) * f64::from(atom[k])).sum();
                        // cos(2 angle) >= cos(2 radius), both angles within a quarter turn.
                        assert!(2.0 * product * product - 1.0 >= f64::from(group.cos2[lane]) - 1e-6);
                        assert!((group.cos2[lane].powi(2) + group.sin2[lane].powi(2) - 1.0).abs() < 1e-5);
                        node /= WIDTH;
                    }
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{count} atoms");
        }
    }

    #[test]
    fn balls_of_small_leaves_are_small() {
        let angle = |index: usize| index as f64 * 1e-4;
        let atoms = Array2::from_shape_fn((4096, 2), |(index, k)| {
            let sign = if index % 3 == 0 { -1.0 } else { 1.0 };
            (sign * [angle(index).cos(), angle(index).sin()][k]) as f32
        });
        let tree = BallTree::new(atoms.view());
        let leaves = tree.level(0);
        for group in 0..leaves.nodes / WIDTH {
            // Sixteen neighbours, 15 steps of 1e-4 wide: the best radius is 7.5 steps.
            let widest = leaves.group(group, 2).sin2.iter().copied().fold(0.0, f32::max) / 2.0;
            assert!(widest < 11e-4, "{widest}");
        }
    }
}
