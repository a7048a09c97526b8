//! Layer normalisation without parameters of its own, shifted and scaled by the sample's condition:
//! the first half of adaLN.
//!
//! `y = xhat (1 + scale) + shift` with `xhat = (x - mean) / sqrt(var + 1e-6)` along a row. Shift and
//! scale are two sections of a wider row that each sample has.
//!
//! Backward: `dshift = sum_rows dy`, `dscale = sum_rows dy xhat`, and with `g = dy (1 + scale)`
//! `dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + 1e-6)`.
//!
//! # References
//! Ba, Kiros and Hinton (2016), "Layer normalization", arXiv:1607.06450, equation 3; Peebles and Xie
//! (2023), "Scalable diffusion models with transformers", arXiv:2212.09748, section 3.2 (adaLN).

use pathline::kernels::vectorised;

use super::lanes;
use crate::graph::operation::{Back, Call, Operation, Work};

/// Added to the variance.
const EPSILON: f32 = 1e-6;

/// Normalises and modulates rows; inputs are the rows and the sample's modulations.
#[derive(Debug, Clone)]
pub(crate) struct Modulate {
    /// Rows of a sample.
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// Sections, each `width` long, in a sample's modulations.
    pub(crate) sections: usize,
    /// The section with the shift.
    pub(crate) shift: usize,
    /// The section with the scale.
    pub(crate) scale: usize,
}

/// Mean and reciprocal deviation of a row.
#[inline(always)]
fn moments(x: &[f32]) -> [f32; 2] {
    let n = x.len() as f32;
    let mean = lanes::sum(x) / n;
    // Around the mean, not E[x^2] - mean^2, which cancels where the mean is large.
    let variance = lanes::squares_around(x, mean) / n;
    [mean, 1.0 / (variance + EPSILON).sqrt()]
}

impl Modulate {
    fn section<'a>(&self, all: &'a [f32], sample: usize, section: usize) -> &'a [f32] {
        let start = (sample * self.sections + section) * self.width;
        &all[start..start + self.width]
    }
}

impl Operation for Modulate {
    fn kept(&self) -> usize {
        2 * self.rows
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        kept: &mut [f32],
        _: &mut Work,
    ) {
        let (w, each) = (self.width, self.rows * self.width);
        vectorised(
            #[inline(always)]
            || {
                for i in 0..call.samples {
                    let shift = self.section(inputs[1], i, self.shift);
                    let scale = self.section(inputs[1], i, self.scale);
                    let rows = i * each..(i + 1) * each;
                    let x = inputs[0][rows.clone()].chunks_exact(w);
                    for (r, (x, y)) in x.zip(output[rows].chunks_exact_mut(w)).enumerate() {
                        let [mean, inverse] = moments(x);
                        if call.training {
                            let at = 2 * (i * self.rows + r);
                            kept[at..at + 2].copy_from_slice(&[mean, inverse]);
                        }
                        for ((y, x), (shift, scale)) in
                            y.iter_mut().zip(x).zip(shift.iter().zip(scale))
                        {
                            *y = (x - mean) * inverse * (1.0 + scale) + shift;
                        }
                    }
                }
            },
        );
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work) {
        let (w, each) = (self.width, self.rows * self.width);
        let [x_into, modulation_into] = back.into else { return };
        let [xhat, unasked] = work.take(w, 2 * w);
        let xhat = &mut xhat[..w];
        for i in 0..call.samples {
            let scale = self.section(back.inputs[1], i, self.scale);
            let all = i * self.sections * w..(i + 1) * self.sections * w;
            let (dshift, dscale) = match modulation_into {
                Some(place) => two_sections(place.open(all), w, self.shift, self.scale),
                None => two_sections(unasked, w, 0, 1),
            };
            vectorised(
                #[inline(always)]
                || {
                    for r in 0..self.rows {
                        let row = i * each + r * w..i * each + (r + 1) * w;
                        let (x, dy) = (&back.inputs[0][row.clone()], &mut back.delta[row.clone()]);
                        let at = 2 * (i * self.rows + r);
                        let (mean, inverse) = (back.kept[at], back.kept[at + 1]);
                        for c in 0..w {
                            xhat[c] = (x[c] - mean) * inverse;
                            dshift[c] += dy[c];
                            dscale[c] += dy[c] * xhat[c];
                            dy[c] *= 1.0 + scale[c];
                        }
                        let Some(place) = &mut *x_into else { continue };
                        let dx = place.open(row);
                        let average = lanes::sum(dy) / w as f32;
                        let along = lanes::dot(dy, xhat) / w as f32;
                        for c in 0..w {
                            dx[c] += inverse * (dy[c] - average - xhat[c] * along);
                        }
                    }
                },
            );
        }
    }
}

/// Two different sections of a sample's modulations.
fn two_sections(all: &mut [f32], w: usize, a: usize, b: usize) -> (&mut [f32], &mut [f32]) {
    let (low, high) = (a.min(b), a.max(b));
    let (left, right) = all.split_at_mut(high * w);
    let (low, high) = (&mut left[low * w..(low + 1) * w], &mut right[..w]);
    if a < b { (low, high) } else { (high, low) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    fn reference(m: &Modulate, x: &[f64], modulations: &[f64]) -> Vec<f64> {
        let w = m.width;
        let row = |(r, x): (usize, &[f64])| {
            let all = &modulations[r / m.rows * m.sections * w..][..m.sections * w];
            let mean = x.iter().sum::<f64>() / w as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / w as f64;
            let y = |c: usize| {
                let hat = (x[c] - mean) / (variance + 1e-6).sqrt();
                hat * (1.0 + all[m.scale * w + c]) + all[m.shift * w + c]
            };
            (0..w).map(y).collect::<Vec<_>>()
        };
        x.chunks(w).enumerate().flat_map(row).collect()
    }

    #[test]
    fn values_and_gradients_match_the_definition() {
        for (rows, width) in [(1, 7), (5, 7), (3, 33), (4, 1), (2, 16)] {
            for (sections, shift, scale) in [(2, 0, 1), (6, 3, 4), (3, 2, 0)] {
                let modulate = Modulate { rows, width, sections, shift, scale };
                for samples in [1, 3] {
                    let extent = Extent { rows, width };
                    let check = Check {
                        operation: &modulate,
                        inputs: vec![extent, Extent { rows: 1, width: sections * width }],
                        output: extent,
                        parameters: 0,
                        samples,
                        precision: ProductPrecision::F32,
                    };
                    check.run(2e-5, |_, x| reference(&modulate, &x[0], &x[1]));
                }
            }
        }
    }
}
