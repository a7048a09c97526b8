//! Multi-head self-attention between the rows of a sample, from queries, keys and values side by side.
//!
//! `O = softmax(Q K^T / sqrt(d)) V` for each head of width `d`. A row of the input is
//! `[q_1 .. q_h, k_1 .. k_h, v_1 .. v_h]`, or, heads first, `[q_1 k_1 v_1 .. q_h k_h v_h]`; one of the
//! output is `[o_1 .. o_h]`.
//!
//! Backward, with `P` the softmax kept from forward: `dV = P^T dO`, `dP = dO V^T`,
//! `dS = P (dP - rowsum(P dP))`, `dQ = dS K / sqrt(d)`, `dK = dS^T Q / sqrt(d)`.
//!
//! # References
//! Vaswani et al. (2017), "Attention is all you need", arXiv:1706.03762, section 3.2.

use pathline::kernels::{Strided, multiply, vectorised};

use super::exponential::exp;
use super::lanes;
use crate::graph::operation::{Back, Call, Operation, Work};

/// Attention of `heads` heads among the `rows` rows of each sample; see the module.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    pub(crate) rows: usize,
    pub(crate) heads: usize,
    /// Width of all heads together.
    pub(crate) width: usize,
    /// Whether a row of the input is one head after the other.
    pub(crate) heads_first: bool,
}

/// Queries, keys and values in a row.
const THREE: usize = 3;

impl Attention {
    fn head(&self) -> usize {
        self.width / self.heads
    }

    /// `1 / sqrt(d)`.
    fn scale(&self) -> f32 {
        (1.0 / (self.head() as f64).sqrt()) as f32
    }

    fn start(&self, which: usize, head: usize) -> usize {
        if self.heads_first {
            (head * THREE + which) * self.head()
        } else {
            which * self.width + head * self.head()
        }
    }

    /// The rows of the queries (0), keys (1) or values (2) of a head.
    fn part<'a>(&self, sample: &'a [f32], which: usize, head: usize) -> Strided<'a> {
        Strided { values: &sample[self.start(which, head)..], row: THREE * self.width, column: 1 }
    }

    /// `P` of one head.
    fn probabilities(&self, sample: &[f32], head: usize, p: &mut [f32]) {
        let (n, d) = (self.rows, self.head());
        let keys = self.part(sample, 1, head);
        let keys = Strided { row: 1, column: keys.row, ..keys };
        let queries = self.part(sample, 0, head);
        multiply([n, n, d], queries, keys, [self.scale(), 0.0], (p, n));
        vectorised(
            #[inline(always)]
            || p.chunks_exact_mut(n).for_each(softmax),
        );
    }
}

#[inline(always)]
fn softmax(row: &mut [f32]) {
    let most = lanes::max(row);
    for s in row.iter_mut() {
        *s = exp(*s - most);
    }
    let scale = 1.0 / lanes::sum(row);
    for s in row.iter_mut() {
        *s *= scale;
    }
}

impl Operation for Attention {
    fn kept(&self) -> usize {
        self.heads * self.rows * self.rows
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        kept: &mut [f32],
        work: &mut Work,
    ) {
        let (n, d, w) = (self.rows, self.head(), self.width);
        let square = n * n;
        let [spare, _] = work.take(square, 0);
        let samples = inputs[0].chunks_exact(n * THREE * w).zip(output.chunks_exact_mut(n * w));
        for (i, (sample, out)) in samples.take(call.samples).enumerate() {
            for head in 0..self.heads {
                let first = (i * self.heads + head) * square;
                let p = if call.training { &mut kept[first..first + square] } else { &mut *spare };
                let p = &mut p[..square];
                self.probabilities(sample, head, p);
                let p = Strided { values: p, row: n, column: 1 };
                let values = self.part(sample, 2, head);
                multiply([n, d, n], p, values, [1.0, 0.0], (&mut out[head * d..], w));
            }
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work) {
        let Some(into) = back.into[0].as_mut() else { return };
        let keep = into.keep();
        let (n, d, w) = (self.rows, self.head(), self.width);
        let square = n * n;
        let [ds, _] = work.take(square, 0);
        let ds = &mut ds[..square];
        for i in 0..call.samples {
            let sample = &back.inputs[0][i * n * THREE * w..(i + 1) * n * THREE * w];
            let delta = &back.delta[i * n * w..(i + 1) * n * w];
            let dx = &mut into.values[i * n * THREE * w..(i + 1) * n * THREE * w];
            for head in 0..self.heads {
                let first = (i * self.heads + head) * square;
                let p = &back.kept[first..first + square];
                let out = Strided { values: &delta[head * d..], row: w, column: 1 };
                let transposed = |values| Strided { values, row: 1, column: n };
                let mut land = |which: usize, matrix, times, scale| {
                    let place = &mut dx[self.start(which, head)..];
                    multiply([n, d, n], matrix, times, [scale, keep], (place, THREE * w));
                };
                land(2, transposed(p), out, 1.0);
                let values = self.part(sample, 2, head);
                let values = Strided { row: 1, column: values.row, ..values };
                multiply([n, n, d], out, values, [1.0, 0.0], (ds, n));
                vectorised(
                    #[inline(always)]
                    || {
                        for (ds, p) in ds.chunks_exact_mut(n).zip(p.chunks_exact(n)) {
                            let mean = lanes::dot(ds, p);
                            for (ds, p) in ds.iter_mut().zip(p) {
                                *ds = p * (*ds - mean);
                            }
                        }
                    },
                );
                let scores = Strided { values: &*ds, row: n, column: 1 };
                land(0, scores, self.part(sample, 1, head), self.scale());
                land(1, transposed(ds), self.part(sample, 0, head), self.scale());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    /// Attention in the words of the paper, one score at a time.
    fn reference(a: &Attention, x: &[f64]) -> Vec<f64> {
        let (n, w, d) = (a.rows, a.width, a.width / a.heads);
        let at = |sample: usize, row: usize, which: usize, head: usize, c: usize| {
            let place = if a.heads_first { head * 3 * d + which * d } else { which * w + head * d };
            x[(sample * n + row) * 3 * w + place + c]
        };
        let entry = |e: usize| {
            let (sample, row, head, c) = (e / (n * w), e / w % n, e % w / d, e % d);
            let score = |key: usize| -> f64 {
                let dot = |c| at(sample, row, 0, head, c) * at(sample, key, 1, head, c);
                (0..d).map(dot).sum::<f64>() / (d as f64).sqrt()
            };
            let weights: Vec<f64> = (0..n).map(|key| score(key).exp()).collect();
            let value = |(key, p): (usize, &f64)| p * at(sample, key, 2, head, c);
            weights.iter().enumerate().map(value).sum::<f64>() / weights.iter().sum::<f64>()
        };
        (0..x.len() / 3).map(entry).collect()
    }

    #[test]
    fn values_and_gradients_match_the_definition() {
        for (rows, heads, width) in [(1, 1, 7), (1, 7, 7), (5, 1, 7), (3, 7, 7), (17, 3, 9)] {
            for (heads_first, samples) in [(false, 1), (true, 1), (false, 3), (true, 3)] {
                let attention = Attention { rows, heads, width, heads_first };
                let check = Check {
                    operation: &attention,
                    inputs: vec![Extent { rows, width: 3 * width }],
                    output: Extent { rows, width },
                    parameters: 0,
                    samples,
                    precision: ProductPrecision::F32,
                };
                check.run(1e-5, |_, x| reference(&attention, &x[0]));
            }
        }
    }

    #[test]
    fn large_scores_stay_finite() {
        let mut row = [1e4, 0.0, 1e4, -1e4, f32::MIN];
        softmax(&mut row);
        assert!((row[0] - 0.5).abs() < 1e-6 && (row[2] - 0.5).abs() < 1e-6, "{row:?}");
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row[3] < 1e-30, "{row:?}");
    }
}
