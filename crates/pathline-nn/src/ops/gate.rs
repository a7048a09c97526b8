//! A gated residual: the second half of adaLN.
//!
//! `y = x + gate * o`, the gate being a section of a wider row that each sample has. Backward:
//! `dx = dy`, `do = dy gate`, `dgate = sum_rows dy o`.
//!
//! # References
//! Peebles and Xie (2023), arXiv:2212.09748, section 3.2 (adaLN-Zero).

use pathline::kernels::vectorised;

use crate::graph::operation::{Back, Call, Operation, Work};

/// Adds gated rows; inputs are the residual, the rows and the sample's modulations.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Rows of a sample.
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// Sections, each `width` long, in a sample's modulations.
    pub(crate) sections: usize,
    /// The section with the gate.
    pub(crate) gate: usize,
}

impl Gate {
    fn start(&self, sample: usize) -> usize {
        (sample * self.sections + self.gate) * self.width
    }
}

impl Operation for Gate {
    fn passes(&self) -> bool {
        true
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        _: &mut [f32],
        _: &mut Work,
    ) {
        let (w, each) = (self.width, self.rows * self.width);
        let [x, o, modulations] = inputs else { return };
        vectorised(
            #[inline(always)]
            || {
                for i in 0..call.samples {
                    let gate = &modulations[self.start(i)..self.start(i) + w];
                    let rows = i * each..(i + 1) * each;
                    let (x, o) = (&x[rows.clone()], &o[rows.clone()]);
                    let x_and_o = x.chunks_exact(w).zip(o.chunks_exact(w));
                    for (y, (x, o)) in output[rows].chunks_exact_mut(w).zip(x_and_o) {
                        for ((y, gate), (x, o)) in y.iter_mut().zip(gate).zip(x.iter().zip(o)) {
                            *y = x + gate * o;
                        }
                    }
                }
            },
        );
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work) {
        let (w, each) = (self.width, self.rows * self.width);
        let [_, o_into, modulation_into] = back.into else { return };
        let [unasked_gate, unasked_row] = work.take(w, w);
        let (o, modulations) = (back.inputs[1], back.inputs[2]);
        for i in 0..call.samples {
            let all = i * self.sections * w..(i + 1) * self.sections * w;
            let dgate = match modulation_into {
                Some(place) => &mut place.open(all)[self.gate * w..(self.gate + 1) * w],
                None => &mut unasked_gate[..w],
            };
            let gate = &modulations[self.start(i)..self.start(i) + w];
            vectorised(
                #[inline(always)]
                || {
                    for r in 0..self.rows {
                        let row = i * each + r * w..i * each + (r + 1) * w;
                        let (dy, o) = (&back.delta[row.clone()], &o[row.clone()]);
                        let d_o = match o_into {
                            Some(place) => place.open(row),
                            None => &mut unasked_row[..w],
                        };
                        for c in 0..w {
                            dgate[c] += dy[c] * o[c];
                            d_o[c] += dy[c] * gate[c];
                        }
                    }
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    fn reference(g: &Gate, x: &[Vec<f64>]) -> Vec<f64> {
        let gate = |e: usize| {
            let sample = e / (g.rows * g.width);
            x[2][(sample * g.sections + g.gate) * g.width + e % g.width]
        };
        (0..x[0].len()).map(|e| x[0][e] + gate(e) * x[1][e]).collect()
    }

    #[test]
    fn values_and_gradients_match_the_definition() {
        for (rows, width) in [(1, 7), (5, 7), (3, 33), (4, 1), (2, 16)] {
            for (sections, gate, samples) in [(1, 0, 1), (6, 2, 1), (6, 5, 3), (3, 0, 3)] {
                let operation = Gate { rows, width, sections, gate };
                let extent = Extent { rows, width };
                let check = Check {
                    operation: &operation,
                    inputs: vec![extent, extent, Extent { rows: 1, width: sections * width }],
                    output: extent,
                    parameters: 0,
                    samples,
                    precision: ProductPrecision::F32,
                };
                check.run(1e-5, |_, x| reference(&operation, x));
            }
        }
    }
}
