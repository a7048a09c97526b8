//! Normalisation of groups of channels over all pixels of a sample, with SiLU behind it where wanted.
//!
//! With `h = x + e`, where `e` is a row that the sample may have (its embedded time and class),
//! `z = gamma (h - mean_g) / sqrt(var_g + 1e-5) + beta`, mean and variance being those of the channel's
//! group `g` over all rows; `y = z`, or `y = z / (1 + e^-z)`.
//!
//! Backward, with `hhat = (h - mean) / sqrt(var + 1e-5)`: `dbeta = sum dz`, `dgamma = sum dz hhat`,
//! `dx = (gamma dz - mean_g(gamma dz) - hhat mean_g(gamma dz hhat)) / sqrt(var + 1e-5)`, `de = sum dx`.
//!
//! # References
//! Wu and He (2018), "Group normalization", arXiv:1803.08494, equations 1 to 6.
//!
//! # Not to be confused with
//! Layer normalisation, which takes mean and variance of each row by itself.

use std::ops::Range;

use pathline::kernels::vectorised;

use super::exponential::sigmoid;
use super::lane::{LANES, Lane};
use crate::graph::operation::{Back, Call, Operation, Place, Work};

/// Added to the variance.
const EPSILON: f64 = 1e-5;
/// Rows that are summed by themselves before they are added to the others, for the sake of rounding.
const PIECE: usize = 32;

/// Normalises groups; inputs are the rows and, if there is one, the sample's row `e`.
#[derive(Debug, Clone)]
pub(crate) struct GroupNorm {
    /// Rows of a sample.
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// Groups; they divide the width.
    pub(crate) groups: usize,
    pub(crate) silu: bool,
    /// Where in the arena `gamma` lies.
    pub(crate) weight: Range<usize>,
    /// Where in the arena `beta` lies.
    pub(crate) bias: Range<usize>,
}

/// Numbers for each channel of a sample, one behind the other: what is kept for backward.
///
/// The first `width` are what values are centred at, `mean_g - e`; the others `1 / sqrt(var_g + 1e-5)`.
const KEPT: usize = 2;

/// Calls `work` for every sixteen channels, and for what is left of them, on the widest vectors: with the
/// first of them, and how many.
///
/// Two calls, so that in the usual one the compiler knows how many.
#[inline(always)]
fn columns(width: usize, mut work: impl FnMut(usize, usize)) {
    vectorised(
        #[inline(always)]
        || {
            let whole = width - width % LANES;
            for first in (0..whole).step_by(LANES) {
                work(first, LANES);
            }
            if whole < width {
                work(whole, width - whole);
            }
        },
    );
}

/// `sum_r term(r)`, piece by piece, even and odd rows apart: a sum does not wait for the one before.
#[inline(always)]
fn fold(rows: usize, mut term: impl FnMut(usize) -> [Lane; 2]) -> [Lane; 2] {
    let mut total = [Lane::ZERO; 2];
    for first in (0..rows).step_by(PIECE) {
        let end = rows.min(first + PIECE);
        let mut sums = [[Lane::ZERO; 2]; 2];
        for r in (first + 1..end).step_by(2) {
            let (even, odd) = (term(r - 1), term(r));
            sums[0] = [sums[0][0] + even[0], sums[0][1] + even[1]];
            sums[1] = [sums[1][0] + odd[0], sums[1][1] + odd[1]];
        }
        if (end - first) % 2 == 1 {
            let last = term(end - 1);
            sums[0] = [sums[0][0] + last[0], sums[0][1] + last[1]];
        }
        let [even, odd] = sums;
        total = [total[0] + (even[0] + odd[0]), total[1] + (even[1] + odd[1])];
    }
    total
}

/// `z / (1 + e^-z)`.
#[inline(always)]
fn silu(z: f32) -> f32 {
    z * sigmoid(z)
}

/// Its slope.
#[inline(always)]
fn silu_slope(z: f32) -> f32 {
    let s = sigmoid(z);
    s + z * s * (1.0 - s)
}

impl GroupNorm {
    /// Channels of a group.
    fn group(&self) -> usize {
        self.width / self.groups
    }

    /// Values of a group, in one sample.
    fn count(&self) -> f64 {
        (self.rows * self.group()) as f64
    }

    /// Writes the means of `value(channel)`'s sums over each group to all of the group's channels.
    fn spread(
        &self,
        into: &mut [f32],
        mut value: impl FnMut(usize) -> f64,
        of: impl Fn(f64) -> f64,
    ) {
        for (g, into) in into.chunks_exact_mut(self.group()).enumerate() {
            let channels = g * self.group()..(g + 1) * self.group();
            let sum: f64 = channels.map(&mut value).sum();
            into.fill(of(sum / self.count()) as f32);
        }
    }

    /// Centres and inverse deviations of a sample; `sums` are two rows to work in.
    ///
    /// One pass over the values: with `d = x - x_0`, `x_0` the first row, a group's sums of `(h - mean)^2` are
    /// those of `d^2 + 2 d s + s^2`, `s = x_0 + e - mean`. They stay exact wherever `x_0` is within some
    /// deviations of the mean, as a value of its own distribution is.
    fn moments(&self, x: &[f32], e: Option<&[f32]>, kept: &mut [f32], sums: &mut [f32]) {
        let w = self.width;
        let (centre, inverse) = kept.split_at_mut(w);
        columns(
            w,
            #[inline(always)]
            |c, n| {
                let first = Lane::load_some(x, c, n);
                let totals = fold(
                    self.rows,
                    #[inline(always)]
                    |r| {
                        let away = Lane::load_some(x, r * w + c, n) - first;
                        [away, away * away]
                    },
                );
                totals[0].store_some(sums, c, n);
                totals[1].store_some(sums, w + c, n);
            },
        );
        let rows = self.rows as f64;
        let (linear, squares) = (|c: usize| f64::from(sums[c]), |c: usize| f64::from(sums[w + c]));
        let first = |c: usize| f64::from(x[c]) + e.map_or(0.0, |e| f64::from(e[c]));
        let group = self.group();
        for g in 0..self.groups {
            let channels = g * group..(g + 1) * group;
            let sum: f64 = channels.clone().map(|c| linear(c) + rows * first(c)).sum();
            let mean = sum / self.count();
            let square = |c: usize| {
                let shift = first(c) - mean;
                squares(c) + shift * (2.0 * linear(c) + rows * shift)
            };
            let variance = channels.clone().map(square).sum::<f64>().max(0.0) / self.count();
            centre[channels.clone()].fill(mean as f32);
            inverse[channels].fill((1.0 / (variance + EPSILON).sqrt()) as f32);
        }
        for (centre, e) in centre.iter_mut().zip(e.unwrap_or_default()) {
            *centre -= e;
        }
    }

    /// `y` of a sample.
    fn write(&self, call: &Call<'_>, x: &[f32], kept: &[f32], y: &mut [f32]) {
        let (w, silu_behind) = (self.width, self.silu);
        let gamma = &call.parameters[self.weight.clone()];
        let beta = &call.parameters[self.bias.clone()];
        columns(
            w,
            #[inline(always)]
            |c, n| {
                let centre = Lane::load_some(kept, c, n);
                let scale = Lane::load_some(kept, w + c, n) * Lane::load_some(gamma, c, n);
                let beta = Lane::load_some(beta, c, n);
                for r in 0..self.rows {
                    let z = (Lane::load_some(x, r * w + c, n) - centre) * scale + beta;
                    let y_row = if silu_behind { z.map(silu) } else { z };
                    y_row.store_some(y, r * w + c, n);
                }
            },
        );
    }

    /// Turns `delta` of a sample from `dy` into `dz` and writes its sums, by itself and times `hhat`.
    fn slopes(
        &self,
        call: &Call<'_>,
        (x, kept): (&[f32], &[f32]),
        delta: &mut [f32],
        sums: &mut [f32],
    ) {
        let (w, silu_behind) = (self.width, self.silu);
        let gamma = &call.parameters[self.weight.clone()];
        let beta = &call.parameters[self.bias.clone()];
        columns(
            w,
            #[inline(always)]
            |c, n| {
                let centre = Lane::load_some(kept, c, n);
                let inverse = Lane::load_some(kept, w + c, n);
                let (gamma, beta) = (Lane::load_some(gamma, c, n), Lane::load_some(beta, c, n));
                let totals = fold(
                    self.rows,
                    #[inline(always)]
                    |r| {
                        let at = r * w + c;
                        let hat = (Lane::load_some(x, at, n) - centre) * inverse;
                        let mut dz = Lane::load_some(delta, at, n);
                        if silu_behind {
                            dz = dz * (hat * gamma + beta).map(silu_slope);
                            dz.store_some(delta, at, n);
                        }
                        [dz, dz * hat]
                    },
                );
                totals[0].store_some(sums, c, n);
                totals[1].store_some(sums, w + c, n);
            },
        );
    }

    /// `dx` of a sample; its sum over rows is written to `sums`.
    fn spread_back(
        &self,
        (x, kept): (&[f32], &[f32]),
        (gamma, means): (&[f32], &[f32]),
        dz: &[f32],
        dx: (&mut [f32], bool),
        sums: &mut [f32],
    ) {
        let w = self.width;
        let (dx, add) = dx;
        columns(
            w,
            #[inline(always)]
            |c, n| {
                let centre = Lane::load_some(kept, c, n);
                let inverse = Lane::load_some(kept, w + c, n);
                let gamma = Lane::load_some(gamma, c, n) * inverse;
                let mean = Lane::load_some(means, c, n) * inverse;
                let along = Lane::load_some(means, w + c, n) * inverse * inverse;
                let totals = fold(
                    self.rows,
                    #[inline(always)]
                    |r| {
                        let at = r * w + c;
                        let away = Lane::load_some(x, at, n) - centre;
                        let d = Lane::load_some(dz, at, n) * gamma - mean - away * along;
                        let sum = if add { Lane::load_some(dx, at, n) + d } else { d };
                        sum.store_some(dx, at, n);
                        [d, Lane::ZERO]
                    },
                );
                totals[0].store_some(sums, c, n);
            },
        );
    }
}

impl Operation for GroupNorm {
    fn kept(&self) -> usize {
        KEPT * self.width
    }

    fn learns(&self) -> bool {
        true
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        kept: &mut [f32],
        work: &mut Work,
    ) {
        let (w, each) = (self.width, self.rows * self.width);
        let [sums, spare] = work.take(2 * w, KEPT * w);
        for i in 0..call.samples {
            let kept =
                if call.training { &mut kept[KEPT * w * i..][..KEPT * w] } else { &mut *spare };
            let x = &inputs[0][each * i..][..each];
            let e = inputs.get(1).map(|e| &e[w * i..][..w]);
            self.moments(x, e, kept, sums);
            self.write(call, x, kept, &mut output[each * i..][..each]);
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work) {
        let (w, each) = (self.width, self.rows * self.width);
        let gamma = &call.parameters[self.weight.clone()];
        let [into, e_into @ ..] = back.into else { return };
        // The gradient at the sample's row is a sum of those at its rows, wherever they go.
        let spare = if into.is_none() && matches!(e_into, [Some(_)]) { each } else { 0 };
        let [sums, means] = work.take(2 * w, 2 * w + spare);
        let (means, spare) = means.split_at_mut(2 * w);
        for i in 0..call.samples {
            let sample =
                (&back.inputs[0][each * i..][..each], &back.kept[KEPT * w * i..][..KEPT * w]);
            let delta = &mut back.delta[each * i..][..each];
            self.slopes(call, sample, delta, sums);
            for (place, sums) in
                [&self.bias, &self.weight].into_iter().zip(sums[..2 * w].chunks_exact(w))
            {
                for (gradient, sum) in back.gradient[place.clone()].iter_mut().zip(sums) {
                    *gradient += sum;
                }
            }
            let dx = match &mut *into {
                Some(Place { values, add }) => (&mut values[each * i..][..each], *add),
                None if spare.is_empty() => continue,
                None => (&mut spare[..each], false),
            };
            for half in [0, w] {
                let weighted = |c: usize| f64::from(gamma[c]) * f64::from(sums[half + c]);
                self.spread(&mut means[half..half + w], weighted, |mean| mean);
            }
            self.spread_back(sample, (gamma, means), delta, dx, sums);
            if let [Some(Place { values, add })] = e_into {
                for (e, sum) in values[w * i..][..w].iter_mut().zip(&*sums) {
                    *e = if *add { *e } else { 0.0 } + sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;

    /// The definition. Parameters are beta, then gamma.
    fn reference(norm: &GroupNorm, parameters: &[f64], inputs: &[Vec<f64>]) -> Vec<f64> {
        let (w, group) = (norm.width, norm.group());
        let mut y = inputs[0].clone();
        for (i, y) in y.chunks_mut(norm.rows * w).enumerate() {
            if let Some(e) = inputs.get(1) {
                for (at, y) in y.iter_mut().enumerate() {
                    *y += e[i * w + at % w];
                }
            }
            for g in 0..norm.groups {
                let members: Vec<usize> = (0..y.len()).filter(|at| at % w / group == g).collect();
                let n = members.len() as f64;
                let mean = members.iter().map(|&at| y[at]).sum::<f64>() / n;
                let variance = members.iter().map(|&at| (y[at] - mean).powi(2)).sum::<f64>() / n;
                for at in members {
                    let hat = (y[at] - mean) / (variance + 1e-5).sqrt();
                    let z = parameters[w + at % w] * hat + parameters[at % w];
                    y[at] = if norm.silu { z / (1.0 + (-z).exp()) } else { z };
                }
            }
        }
        y
    }

    #[test]
    fn values_and_gradients_match_the_definition() {
        for (rows, width, groups) in [(15, 7, 7), (15, 6, 2), (1, 4, 2), (70, 32, 32), (9, 48, 8)] {
            for (silu, embedded) in [(true, true), (true, false), (false, false)] {
                let (weight, bias) = (width..2 * width, 0..width);
                let norm = GroupNorm { rows, width, groups, silu, weight, bias };
                let extent = Extent { rows, width };
                let mut inputs = vec![extent];
                if embedded {
                    inputs.push(Extent { rows: 1, width });
                }
                let parameters = 2 * width;
                let check = Check {
                    operation: &norm,
                    inputs,
                    output: extent,
                    parameters,
                    samples: 2,
                    precision: pathline::kernels::ProductPrecision::F32,
                };
                check.run(3e-5, |p, x| reference(&norm, p, x));
            }
        }
    }

    #[test]
    fn a_large_mean_does_not_spoil_the_variance() {
        let norm =
            GroupNorm { rows: 64, width: 1, groups: 1, silu: false, weight: 0..1, bias: 1..2 };
        let x: Vec<f32> = (0..64_u8).map(|i| 1000.0 + f32::from(i % 2)).collect();
        let (mut kept, mut sums) = ([0.0; 2], [0.0; 2]);
        norm.moments(&x, None, &mut kept, &mut sums);
        assert!((kept[0] - 1000.5).abs() < 1e-3 && (kept[1] - 2.0).abs() < 1e-4, "{kept:?}");
    }
}
