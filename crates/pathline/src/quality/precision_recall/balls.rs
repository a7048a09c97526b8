//! Which balls hold which points, of all points and all balls: exactly, by blocked matrix products.
//!
//! Products in `f32` decide only what their error bound allows; the rest is measured in `f64`.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{Layout, product, squared_distance, squared_norm};
use crate::neighbours::{Exclude, nearest};

/// The distance of each row to its `k`-th nearest other row.
pub(super) fn radii(set: &Batch, k: usize) -> Result<Vec<f64>, Error> {
    let found = nearest(set, set, k, Exclude::SameIndex)?;
    Ok(found.distances.chunks_exact(k).map(|row| row[k - 1]).collect())
}

/// Neighbours that are found ahead for each ball, for as many that are wanted.
fn ahead(k: usize) -> usize {
    4 * k + 4
}

/// The same in the set without each of its blocks, and in the whole of it: of row `j` without block `b` at
/// `j (blocks + 1) + b`. Row `i` is of block `i mod blocks`.
pub(super) fn radii_without_blocks(
    set: &Batch,
    k: usize,
    blocks: usize,
) -> Result<Vec<f64>, Error> {
    let n = set.len();
    let found = nearest(set, set, ahead(k).min(n - 1), Exclude::SameIndex)?;
    let of_row = |j: usize| {
        let near = || {
            let these = j * found.k..(j + 1) * found.k;
            found.indices[these.clone()].iter().zip(&found.distances[these])
        };
        let without = move |block: usize| {
            if block == j % blocks {
                // The ball is not there.
                return 0.0;
            }
            let kept = near().filter(|(i, _)| *i % blocks != block).map(|(_, d)| *d).nth(k - 1);
            // Rarely are so many of the nearest of one block.
            kept.unwrap_or_else(|| far_radius(set, j, k, &|i| i % blocks != block))
        };
        (0..=blocks).map(without).collect::<Vec<f64>>()
    };
    Ok((0..n).into_par_iter().flat_map_iter(of_row).collect())
}

/// The distance of row `j` to its `k`-th nearest other row among those that are kept, by all distances.
fn far_radius(set: &Batch, j: usize, k: usize, kept: &dyn Fn(usize) -> bool) -> f64 {
    let others = (0..set.len()).filter(|&i| i != j && kept(i));
    let mut all: Vec<f64> =
        others.map(|i| squared_distance(set.row(i), set.row(j)).sqrt()).collect();
    *all.select_nth_unstable_by(k - 1, f64::total_cmp).1
}

/// Which balls hold which points.
pub(super) struct Hits {
    /// Balls that hold each point.
    pub(super) of_point: Vec<usize>,
    /// Of which blocks each ball holds any point, a bit each.
    pub(super) hit: Vec<u64>,
}

/// Balls that hold each point.
pub(super) fn held(points: &Batch, centres: &Batch, radii: &[f64]) -> Vec<usize> {
    pairs(points, centres, radii, &|held: &mut usize, _, _| *held += 1)
}

/// Which balls hold which points; point `i` is of block `i mod blocks`, of which there are at most 64.
pub(super) fn hits(points: &Batch, centres: &Batch, radii: &[f64], blocks: usize) -> Hits {
    let hit: Vec<AtomicU64> = radii.iter().map(|_| AtomicU64::new(0)).collect();
    let of_point = pairs(points, centres, radii, &|held: &mut usize, i, j| {
        *held += 1;
        hit[j].fetch_or(1 << (i % blocks), Ordering::Relaxed);
    });
    Hits { of_point, hit: hit.into_iter().map(AtomicU64::into_inner).collect() }
}

/// For each point, without which blocks of the balls it is held by any, a bit each, and the bit `blocks` where all balls
/// are there. `radii` are of [`radii_without_blocks`]; there are at most 63 blocks.
pub(super) fn reached(points: &Batch, centres: &Batch, radii: &[f64], blocks: usize) -> Vec<u64> {
    let largest: Vec<f64> = radii
        .chunks_exact(blocks + 1)
        .map(|without| without.iter().copied().fold(0.0, f64::max))
        .collect();
    pairs(points, centres, &largest, &|reached: &mut u64, i, j| {
        let distance = squared_distance(points.row(i), centres.row(j)).sqrt();
        let without = &radii[j * (blocks + 1)..(j + 1) * (blocks + 1)];
        for (block, &radius) in without.iter().enumerate() {
            if block != j % blocks && distance <= radius {
                *reached |= 1 << block;
            }
        }
    })
}

/// Points and centres of one product.
const POINTS: usize = 64;
const CENTRES: usize = 1024;
/// Slack for products that underflow (all norms are at most about 1).
const UNDERFLOW: f64 = 1e-30;

/// Tells `inside` of every point in every ball, rim included, and gives what it wrote for each point.
fn pairs<T: Default + Clone + Send>(
    points: &Batch,
    centres: &Batch,
    radii: &[f64],
    inside: &(impl Fn(&mut T, usize, usize) + Sync),
) -> Vec<T> {
    let d = points.width();
    let (origin, scale) = frame(points, centres);
    let moved = |batch: &Batch| -> Vec<f32> {
        let place = |(v, o): (&f32, &f64)| ((f64::from(*v) - o) * scale) as f32;
        batch.rows().iter().flat_map(|row| row.iter().zip(&origin).map(place)).collect()
    };
    let (p, c) = (moved(points), moved(centres));
    // The error bound of an inner product of d terms, with room for the rounding of what went in.
    let error = 0.5 * (d + 32) as f64 * f64::from(f32::EPSILON);
    // A point is surely inside when 2 <p, c> is at least the first, and outside when below the second.
    let limits: Vec<[f64; 2]> = c
        .chunks_exact(d)
        .zip(radii)
        .map(|(c, r)| {
            let (square, radius) = (squared_norm(c), r * scale);
            [1.0 + error, 1.0 - error].map(|f| square * f - radius * radius)
        })
        .collect();
    let told = p.par_chunks(POINTS * d).enumerate().map(|(block, rows)| {
        let m = rows.len() / d;
        let mut of_point = vec![T::default(); m];
        let mut products = vec![0.0; m * CENTRES.min(radii.len())];
        for (tile, columns) in c.chunks(CENTRES * d).enumerate() {
            let n = columns.len() / d;
            let products = &mut products[..m * n];
            product([m, n, d], rows, columns, Layout::Transposed, 0.0, products);
            for (i, (row, own)) in products.chunks_exact(n).zip(&mut of_point).enumerate() {
                let square = squared_norm(&rows[i * d..(i + 1) * d]);
                let surely = square * (1.0 + error) + UNDERFLOW;
                let perhaps = square * (1.0 - error) - UNDERFLOW;
                let i = block * POINTS + i;
                for (j, (&product, limit)) in
                    (tile * CENTRES..).zip(row.iter().zip(&limits[tile * CENTRES..]))
                {
                    let twice = 2.0 * f64::from(product);
                    if twice < limit[1] + perhaps {
                        continue;
                    }
                    let sure = twice >= limit[0] + surely;
                    let near =
                        || squared_distance(points.row(i), centres.row(j)).sqrt() <= radii[j];
                    if sure || near() {
                        inside(own, i, j);
                    }
                }
            }
        }
        of_point
    });
    told.collect::<Vec<Vec<T>>>().into_iter().flatten().collect()
}

/// The centres' mean, and the factor that brings the largest distance from it to 1.
fn frame(points: &Batch, centres: &Batch) -> (Vec<f64>, f64) {
    let mut origin = vec![0.0; centres.width()];
    for row in centres.rows().iter() {
        for (o, &v) in origin.iter_mut().zip(row) {
            *o += f64::from(v) / centres.len() as f64;
        }
    }
    let square = |row: &[f32]| -> f64 {
        row.iter().zip(&origin).map(|(&v, o)| (f64::from(v) - o) * (f64::from(v) - o)).sum()
    };
    let all = points.rows().iter().chain(centres.rows().iter());
    let largest = all.map(square).fold(0.0, f64::max).sqrt();
    (origin, if largest > 0.0 { 1.0 / largest } else { 1.0 })
}
