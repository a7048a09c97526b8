//! Posterior weights and mean for a block of states, in one pass over blocks of data.
//!
//! With the centre `c` of the data and `q = x - alpha c`, the exponent of a data point is
//!
//! ```text
//! -|x - alpha x_i|^2 / (2 sigma^2) = (alpha <q, x_i> - alpha^2 |x_i - c|^2 / 2) / sigma^2 + shift
//! ```
//!
//! where `shift` is the same for all points. All `<q, x_i>` of a block come from one matrix product,
//! in single precision; everything else is in double precision.
//!
//! # Precision
//! The product's rounding error, divided by `sigma^2`, grows without bound towards the target.
//! [`RowState::doubt`] estimates it. While it is below [`TOLERANCE`] the weights are used as they
//! are. Above, the pass only collects the points that may matter, and their exponents are computed
//! again from the squared distance in double precision.
//!
//! # Same bytes in any batch
//! Whatever a row does (exact or not, mean by product or point by point) is decided from that row
//! and the data alone.
//!
//! # References
//! Milakov and Gimelshein (2018), "Online normalizer calculation for softmax", for the running
//! maximum.

use super::atoms::Group;
use crate::batch::Batch;
use crate::kernels::{Layout, ROW_BLOCK, blocks_product, dot, exp_of_negative, vectorised};
use crate::schedule::Coefficients;

/// Data points in one block.
const DATA_BLOCK: usize = 512;

/// With at most this many weights of a block that count, adding points one by one beats a product.
const FEW: usize = 32;

/// Points of at most this many values are added value by value: a product as narrow is slow.
const NARROW: usize = 16;

/// Sums and maxima go along this many lanes.
const LANES: usize = 8;

/// Largest estimated error of an exponent that is left alone.
const TOLERANCE: f64 = 1e-4;

/// Collected candidates are thinned out whenever there are this many more.
const THIN: usize = 4096;

/// One state and what is known of its time.
#[derive(Debug, Clone)]
pub(super) struct Query<'a> {
    /// Row of the request.
    pub(super) row: usize,
    /// Time.
    pub(super) t: f64,
    /// The schedule there.
    pub(super) c: Coefficients,
    /// State.
    pub(super) x: &'a [f32],
}

/// The posterior at one state.
#[derive(Debug)]
pub(super) struct Answer {
    /// Number of data points.
    pub(super) atoms: usize,
    /// `log sum_i exp(-|x - alpha x_i|^2 / (2 sigma^2))`.
    pub(super) log_sum: f64,
    /// Largest weight.
    pub(super) max_weight: f64,
    /// The point that has it.
    pub(super) heaviest: usize,
    /// Entropy of the weights, in nats.
    pub(super) entropy: f64,
    /// `sum_i w_i x_i`, when asked for.
    pub(super) mean: Vec<f64>,
}

/// A softmax under way for one row.
struct RowState<'a> {
    query: &'a Query<'a>,
    /// `alpha / sigma^2` and `alpha^2 / sigma^2`: the factors of the two terms.
    gain: f64,
    bend: f64,
    shift: f64,
    /// Estimated rounding error of an exponent.
    doubt: f64,
    /// Exponents this far below the largest add nothing, all together.
    cut: f64,
    /// Largest exponent so far (without `shift`) and its point.
    top: f64,
    heaviest: usize,
    /// `sum_i exp(l_i - top)` and `sum_i exp(l_i - top) (l_i - top)`.
    total: f64,
    moment: f64,
    /// `sum_i exp(l_i - top) x_i`; empty when no mean is wanted.
    mean: Vec<f64>,
    /// Points to look at again, with their exponents; used when `doubt` is too large.
    candidates: Vec<(usize, f64)>,
}

/// The posterior at each of some states over the points of `group`.
pub(super) fn answer(
    data: &Batch,
    group: &Group,
    queries: &[Query<'_>],
    with_mean: bool,
) -> Vec<Answer> {
    let width = data.width();
    let padded = queries.len().next_multiple_of(ROW_BLOCK);
    let mut centred = vec![0.0_f32; padded * width];
    let mut rows: Vec<RowState<'_>> = queries
        .iter()
        .zip(centred.chunks_exact_mut(width))
        .map(|(query, centred)| RowState::new(query, group, with_mean, centred))
        .collect();
    let mut products = vec![0.0_f32; padded * DATA_BLOCK];
    let mut weights = vec![0.0_f32; padded * DATA_BLOCK];
    let mut sums = vec![0.0_f32; if with_mean { padded * width } else { 0 }];
    let mut exponents = vec![0.0_f64; DATA_BLOCK];
    let mut dense = vec![false; padded];
    let mut turned =
        vec![0.0_f32; if with_mean && width <= NARROW { DATA_BLOCK * width } else { 0 }];
    for start in group.range.clone().step_by(DATA_BLOCK) {
        let end = (start + DATA_BLOCK).min(group.range.end);
        let n = end - start;
        let block = &data.as_slice()[start * width..end * width];
        let half_norms = &group.half_norms[start - group.range.start..end - group.range.start];
        let products = &mut products[..padded * n];
        blocks_product([padded, n, width], &centred, block, Layout::Transposed, 0.0, products);
        let weights = &mut weights[..padded * n];
        let filled = turned.len().min(n * width);
        let turned = &mut turned[..filled];
        for (i, values) in turned.chunks_exact_mut(n).enumerate() {
            values.iter_mut().zip(block[i..].iter().step_by(width)).for_each(|(v, &x)| *v = x);
        }
        dense.fill(false);
        for (r, row) in rows.iter_mut().enumerate() {
            let exponents = &mut exponents[..n];
            let top = row.exponents(&products[r * n..(r + 1) * n], half_norms, exponents);
            row.raise(top, exponents, start);
            if row.doubt > TOLERANCE {
                row.collect(exponents, start);
            } else {
                let weights = &mut weights[r * n..(r + 1) * n];
                dense[r] = row.add(exponents, weights, (block, turned));
            }
        }
        if dense.contains(&true) {
            blocks_product([padded, width, n], weights, block, Layout::Plain, 0.0, &mut sums);
            for (r, row) in rows.iter_mut().enumerate().filter(|(r, _)| dense[*r]) {
                let sums = &sums[r * width..(r + 1) * width];
                row.mean.iter_mut().zip(sums).for_each(|(m, &s)| *m += f64::from(s));
            }
        }
    }
    rows.into_iter().map(|row| row.finish(data, group)).collect()
}

impl<'a> RowState<'a> {
    /// Starts a row, and writes `q = x - alpha c` for the product.
    fn new(query: &'a Query<'a>, group: &Group, with_mean: bool, centred: &mut [f32]) -> Self {
        let c = &query.c;
        let precision = 1.0 / (c.sigma * c.sigma);
        let (mut norm, mut along) = (0.0, 0.0);
        for ((q, &x), &centre) in centred.iter_mut().zip(query.x).zip(&group.centre) {
            let exact = f64::from(x) - c.alpha * centre;
            norm += exact * exact;
            along += exact * centre;
            *q = exact as f32;
        }
        let gain = c.alpha * precision;
        let doubt = gain * product_error(c.alpha, norm.sqrt(), along.abs(), group);
        Self {
            query,
            gain,
            bend: c.alpha * gain,
            shift: -0.5 * precision * (norm + 2.0 * c.alpha * along),
            doubt,
            cut: (group.range.len() as f64).ln() + 16.0,
            top: f64::NEG_INFINITY,
            heaviest: group.range.start,
            total: 0.0,
            moment: 0.0,
            mean: vec![0.0; if with_mean { centred.len() } else { 0 }],
            candidates: Vec::new(),
        }
    }

    /// Exponents of a block of points, without `shift`, and the largest of them.
    fn exponents(&self, products: &[f32], half_norms: &[f64], out: &mut [f64]) -> f64 {
        let (gain, bend) = (self.gain, self.bend);
        vectorised(
            #[inline(always)]
            || {
                for ((out, &product), half_norm) in out.iter_mut().zip(products).zip(half_norms) {
                    *out = gain * f64::from(product) - bend * half_norm;
                }
                let mut tops = [f64::NEG_INFINITY; LANES];
                let (chunks, rest) = out.as_chunks::<LANES>();
                for chunk in chunks {
                    for (top, &exponent) in tops.iter_mut().zip(chunk) {
                        *top = if exponent > *top { exponent } else { *top };
                    }
                }
                tops.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max)
            },
        )
    }

    /// Raises the largest exponent to that of a block, rescaling what was summed before.
    fn raise(&mut self, block_top: f64, exponents: &[f64], start: usize) {
        if block_top > self.top {
            let drop = self.top - block_top;
            if self.total > 0.0 {
                let factor = drop.exp();
                self.moment = factor * (self.moment + drop * self.total);
                self.total *= factor;
                self.mean.iter_mut().for_each(|m| *m *= factor);
            }
            self.top = block_top;
            let at = exponents.iter().position(|&l| l == block_top);
            self.heaviest = start + at.unwrap_or(0);
        }
    }

    fn weigh(&mut self, exponent: f64) -> f64 {
        let below = exponent - self.top;
        let weight = exp_of_negative(below);
        self.total += weight;
        self.moment += weight * below;
        weight
    }

    /// Adds a block of points whose largest was [raised](Self::raise) to. Returns whether their mean is left to the
    /// product with `weights`; where some rows' is and not this one's, its weights are all zero. `turned` is the block
    /// value by value, where points are narrow.
    fn add(
        &mut self,
        exponents: &[f64],
        weights: &mut [f32],
        (block, turned): (&[f32], &[f32]),
    ) -> bool {
        let [count, total, moment] = weigh_all(exponents, (self.top, self.cut), weights);
        self.total += total;
        self.moment += moment;
        if self.mean.is_empty() {
            return false;
        }
        if count > FEW as f64 {
            let values = turned.chunks_exact(weights.len());
            self.mean.iter_mut().zip(values).for_each(|(m, values)| *m += dot(weights, values));
            return turned.is_empty();
        }
        for (weight, point) in weights.iter_mut().zip(block.chunks_exact(self.mean.len())) {
            if *weight > 0.0 {
                add_scaled(&mut self.mean, f64::from(*weight), point);
                *weight = 0.0;
            }
        }
        false
    }

    /// How far below the largest exponent a candidate may lie: rounding moves both.
    fn reach(&self) -> f64 {
        self.cut + self.margin()
    }

    /// The difference of two exponents is off by less than this (16 times the estimate of one).
    fn margin(&self) -> f64 {
        16.0 * self.doubt
    }

    /// Notes the points of a block that may matter, once the block's largest was [raised](Self::raise) to.
    fn collect(&mut self, exponents: &[f64], start: usize) {
        let least = self.top - self.reach();
        let before = self.candidates.len() / THIN;
        let points = exponents.iter().enumerate().filter(|(_, l)| **l >= least);
        self.candidates.extend(points.map(|(i, &l)| (start + i, l)));
        if self.candidates.len() / THIN > before {
            self.candidates.retain(|(_, l)| *l >= least);
        }
    }

    /// Weighs the collected points by exponents from their distances in double precision. Those
    /// whose weights together are too small for their rounding to show keep the ones they have.
    fn resolve(&mut self, data: &Batch, group: &Group) {
        let c = &self.query.c;
        let half_precision = 0.5 / (c.sigma * c.sigma);
        let seen = (group.range.len() as f64 * self.doubt / (0.1 * TOLERANCE)).ln().min(self.cut);
        let (least, exact) = (self.top - self.reach(), self.top - seen - self.margin());
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain(|(_, l)| *l >= least);
        self.top = f64::NEG_INFINITY;
        for (i, exponent) in &mut candidates {
            if *exponent >= exact {
                let distance = scaled_distance(self.query.x, c.alpha, data.row(*i));
                *exponent = -half_precision * distance;
            } else {
                *exponent += self.shift;
            }
            if *exponent > self.top {
                (self.top, self.heaviest) = (*exponent, *i);
            }
        }
        // From here on exponents include it; near the target it would drown their differences.
        self.shift = 0.0;
        let least = self.top - self.cut;
        for (i, exponent) in candidates {
            if exponent > least {
                let weight = self.weigh(exponent);
                add_scaled(&mut self.mean, weight, data.row(i));
            }
        }
    }

    fn finish(mut self, data: &Batch, group: &Group) -> Answer {
        if self.doubt > TOLERANCE {
            self.resolve(data, group);
        }
        let scale = 1.0 / self.total;
        self.mean.iter_mut().for_each(|m| *m *= scale);
        Answer {
            atoms: group.range.len(),
            log_sum: self.top + self.total.ln() + self.shift,
            max_weight: scale,
            heaviest: self.heaviest,
            entropy: (self.total.ln() - self.moment * scale).max(0.0),
            mean: self.mean,
        }
    }
}

/// Writes `exp(l - top)` of each exponent `l` less than `cut` below the top, and 0 for the others; gives
/// how many those are, the sum of their weights, and of weights times `l - top`.
fn weigh_all(exponents: &[f64], (top, cut): (f64, f64), weights: &mut [f32]) -> [f64; 3] {
    let mut exact = [0.0_f64; DATA_BLOCK];
    let exact = &mut exact[..exponents.len()];
    vectorised(
        #[inline(always)]
        || {
            // Value by value first: with the sums in the same loop it would not be vectorised.
            for (exact, &exponent) in exact.iter_mut().zip(exponents) {
                let below = exponent - top;
                let weight = exp_of_negative(below);
                *exact = if below > -cut { weight } else { 0.0 };
            }
            for (weight, &exact) in weights.iter_mut().zip(&*exact) {
                *weight = exact as f32;
            }
            let mut sums = [[0.0_f64; LANES]; 3];
            for (exact, exponents) in exact.chunks(LANES).zip(exponents.chunks(LANES)) {
                for (lane, (&exact, &exponent)) in exact.iter().zip(exponents).enumerate() {
                    sums[0][lane] += if exact > 0.0 { 1.0 } else { 0.0 };
                    sums[1][lane] += exact;
                    sums[2][lane] += exact * (exponent - top);
                }
            }
            sums.map(|lanes| lanes.iter().sum())
        },
    )
}

/// Estimated rounding error of `<q, x_i>` for the points that matter, from `|q|` and `|<q, c>|`.
///
/// Errors of single roundings add up at random: to about one half-unit of `|q| |x_i|` where terms
/// cancel, and to about `sqrt(width) / 3` half-units of the product itself where they do not. The
/// points that matter at a state near the path have `<q, x_i - c>` about `alpha |x_i - c|^2`; at
/// states far from it the estimate may be low by a small factor, and is never low by more than
/// `1 + sqrt(width) / 3`.
fn product_error(alpha: f64, norm: f64, along: f64, group: &Group) -> f64 {
    let unit = f64::from(f32::EPSILON) / 2.0;
    let largest = norm * group.radius;
    let likely = (along + alpha * group.spread).min(largest);
    unit * (largest + (group.centre.len() as f64).sqrt() / 3.0 * likely)
}

/// `sum += weight * point`, over the shorter of the two.
fn add_scaled(sum: &mut [f64], weight: f64, point: &[f32]) {
    for (sum, &x) in sum.iter_mut().zip(point) {
        *sum += weight * f64::from(x);
    }
}

/// `|x - alpha y|^2` in double precision, in lanes so that it can be vectorised.
fn scaled_distance(x: &[f32], alpha: f64, y: &[f32]) -> f64 {
    let gap = |x: f32, y: f32| (f64::from(x) - alpha * f64::from(y)).powi(2);
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| gap(x, y)).sum();
    let mut lanes = [0.0_f64; LANES];
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += gap(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f64>() + tail
}
