//! One point of each set from its stream of random numbers.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use pathline::seed::Stream;

use super::PointSet;

/// A point and its label.
pub(super) fn point(set: PointSet, random: &mut Stream) -> ([f64; 2], u32) {
    match set {
        PointSet::Moons => moon(random, 0.1),
        PointSet::TorchcfmMoons => {
            let (p, label) = moon(random, 0.2);
            (p.map(|v| 3.0 * v - 1.0), label)
        }
        PointSet::EightGaussians => eight_gaussians(random),
        PointSet::Checkerboard => checkerboard(random),
        PointSet::Spiral => spiral(random),
        PointSet::DenseSparse => {
            let sparse = random.uniform() >= 0.85;
            let (centre, deviation) = if sparse { (1.5, 0.6) } else { (-1.5, 0.15) };
            (noisy([centre, 0.0], deviation, random), u32::from(sparse))
        }
        PointSet::MultiscaleClusters => multiscale_clusters(random),
        PointSet::Sandwich => sandwich(random),
    }
}

fn noisy([x, y]: [f64; 2], deviation: f64, random: &mut Stream) -> [f64; 2] {
    let (a, b) = random.normal_pair();
    [x + deviation * a, y + deviation * b]
}

fn moon(random: &mut Stream, deviation: f64) -> ([f64; 2], u32) {
    let inner = random.below(2) == 1;
    let (sin, cos) = (PI * random.uniform()).sin_cos();
    let p = if inner { [1.0 - cos, 0.5 - sin] } else { [cos, sin] };
    (noisy(p, deviation, random), u32::from(inner))
}

fn eight_gaussians(random: &mut Stream) -> ([f64; 2], u32) {
    const D: f64 = FRAC_1_SQRT_2;
    const CENTRES: [[f64; 2]; 8] =
        [[1., 0.], [D, D], [0., 1.], [-D, D], [-1., 0.], [-D, -D], [0., -1.], [D, -D]];
    let k = random.below(CENTRES.len());
    (noisy(CENTRES[k].map(|v| 5.0 * v), 0.1_f64.sqrt().sqrt(), random), k as u32)
}

fn checkerboard(random: &mut Stream) -> ([f64; 2], u32) {
    let k = random.below(8);
    let (column, half) = (k % 4, k / 4);
    let row = 2 * half + column % 2;
    let along = |square: usize, u: f64| 2.0 * (square as f64 + u) - 4.0;
    ([along(column, random.uniform()), along(row, random.uniform())], k as u32)
}

fn spiral(random: &mut Stream) -> ([f64; 2], u32) {
    let arm = random.below(2);
    // The square root spreads the points evenly along the arm, whose length grows as the square.
    let along = random.uniform().sqrt();
    let (sin, cos) = (3.0 * PI * along + PI * arm as f64).sin_cos();
    (noisy([3.0 * along * cos, 3.0 * along * sin], 0.05, random), arm as u32)
}

fn multiscale_clusters(random: &mut Stream) -> ([f64; 2], u32) {
    const DEVIATIONS: [f64; 4] = [0.05, 0.15, 0.3, 0.6];
    let k = random.below(DEVIATIONS.len());
    let sign = |bit: usize| if bit == 0 { -2.0 } else { 2.0 };
    (noisy([sign(k & 1), sign(k & 2)], DEVIATIONS[k], random), k as u32)
}

fn sandwich(random: &mut Stream) -> ([f64; 2], u32) {
    let u = random.uniform();
    let (label, centre, deviation) = match u {
        u if u < 0.45 => (0, -1.0, 0.05),
        u if u < 0.9 => (1, 1.0, 0.05),
        _ => (2, 0.0, 0.3),
    };
    let x = 4.0 * random.uniform() - 2.0;
    ([x, centre + deviation * random.normal()], label)
}
