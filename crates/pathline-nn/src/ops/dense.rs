//! A [linear layer](super::linear) as an operation of a graph, applied to each row of a value.

use std::ops::Range;

use super::activation::Activation;
use super::linear::{Linear, LinearGradient};
use crate::graph::operation::{Back, Call, FEW_ROWS, Operation, ROW_MULTIPLE, Work};

/// `y = a(x W^T + b)` for every row.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    /// Rows of a sample.
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Where in the arena the weight lies.
    pub(crate) weight: Range<usize>,
    /// Where in the arena the bias lies.
    pub(crate) bias: Range<usize>,
    pub(crate) activation: Option<Activation>,
}

impl Dense {
    fn layer<'a>(&self, call: &Call<'a>) -> Linear<'a> {
        let parameters = call.parameters;
        Linear {
            inputs: self.inputs,
            outputs: self.outputs,
            weight: &parameters[self.weight.clone()],
            bias: &parameters[self.bias.clone()],
            activation: self.activation,
            precision: call.precision,
        }
    }
}

impl Operation for Dense {
    fn kept(&self) -> usize {
        // The slopes of the activation.
        if self.activation.is_some() { self.rows * self.outputs } else { 0 }
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
        _: &mut Work,
    ) {
        let (layer, rows) = (self.layer(call), call.rows(self.rows));
        let (x, y) = (&inputs[0][..rows * self.inputs], &mut output[..rows * self.outputs]);
        if call.training {
            return layer.forward_saving(rows, x, y, kept);
        }
        // Row counts at which the product library was seen to give a row the same bytes: any multiple
        // of 64 when there are more than 64 columns, else one and the same count always.
        let chunk = match self.rows {
            1 => FEW_ROWS,
            _ if self.outputs > ROW_MULTIPLE => rows,
            _ => ROW_MULTIPLE,
        };
        for (x, y) in
            x.chunks_exact(chunk * self.inputs).zip(y.chunks_exact_mut(chunk * self.outputs))
        {
            layer.forward(chunk, x, y);
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let rows = call.rows(self.rows);
        // A layer's bias and weight lie side by side in the sorted arena, in this order.
        let (bias, weight) = (self.bias.clone(), self.weight.clone());
        let (head, tail) = back.gradient[bias.start..weight.end].split_at_mut(bias.len());
        let into = LinearGradient { bias: head, weight: &mut tail[weight.start - bias.end..] };
        let x = &back.inputs[0][..rows * self.inputs];
        let delta = &mut back.delta[..rows * self.outputs];
        let dx = back.into[0]
            .as_mut()
            .map(|place| (place.keep(), &mut place.values[..rows * self.inputs]));
        self.layer(call).backward(rows, (x, back.kept), delta, into, dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::activation::tests::reference;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    /// Rows, inputs and outputs; more than 64 outputs are a case of their own.
    const SIZES: [[usize; 3]; 6] =
        [[1, 1, 1], [1, 7, 33], [1, 33, 7], [5, 7, 1], [3, 1, 7], [2, 7, 70]];

    fn check(
        [rows, inputs, outputs]: [usize; 3],
        activation: Option<Activation>,
        (samples, precision): (usize, ProductPrecision),
    ) {
        // Parameters before, and one between: the layer's own lie in the middle of an arena.
        let (bias, weight) = (2..2 + outputs, 3 + outputs..3 + outputs + outputs * inputs);
        let start = weight.start;
        let check = Check {
            operation: &Dense { rows, inputs, outputs, weight, bias, activation },
            inputs: vec![Extent { rows, width: inputs }],
            output: Extent { rows, width: outputs },
            parameters: start + outputs * inputs + 1,
            samples,
            precision,
        };
        check.run(2e-5, |p, x| {
            let entry = |e: usize| {
                let (row, o) = (e / outputs, e % outputs);
                let term = |i: usize| p[start + o * inputs + i] * x[0][row * inputs + i];
                let z = p[2 + o] + (0..inputs).map(term).sum::<f64>();
                activation.map_or(z, |a| reference(a, z))
            };
            (0..samples * rows * outputs).map(entry).collect()
        });
    }

    #[test]
    fn values_and_gradients_match_the_definition() {
        for size in SIZES {
            for activation in [None, Some(Activation::Silu), Some(Activation::GeluErf)] {
                for samples in [1, 3] {
                    check(size, activation, (samples, ProductPrecision::F32));
                }
            }
        }
    }

    #[test]
    fn in_bf16_too_where_no_factor_is_rounded() {
        for size in SIZES {
            for samples in [1, 3] {
                check(size, None, (samples, ProductPrecision::Bf16));
            }
        }
    }
}
