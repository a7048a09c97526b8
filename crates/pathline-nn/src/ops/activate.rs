//! An [activation](super::activation) on its own, where several operations read what it makes.

use super::activation::Activation;
use crate::graph::operation::{Back, Call, Operation, Work};

/// `y = a(x)` for every value of a sample.
#[derive(Debug, Clone)]
pub(crate) struct Activate {
    pub(crate) activation: Activation,
    zeros: Vec<f32>,
}

impl Activate {
    /// An activation of samples of `elements` values.
    pub(crate) fn new(activation: Activation, elements: usize) -> Self {
        Self { activation, zeros: vec![0.0; elements] }
    }
}

impl Operation for Activate {
    fn kept(&self) -> usize {
        self.zeros.len()
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        kept: &mut [f32],
        _: &mut Work,
    ) {
        let values = call.samples * self.zeros.len();
        let output = &mut output[..values];
        output.copy_from_slice(&inputs[0][..values]);
        if call.training {
            self.activation.apply_saving(output, &self.zeros, kept);
        } else {
            self.activation.apply(output, &self.zeros);
        }
    }

    fn backward(&self, _: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let Some(into) = back.into[0].as_mut() else { return };
        for ((dx, dy), slope) in into.values.iter_mut().zip(&*back.delta).zip(back.kept) {
            *dx = if into.add { *dx } else { 0.0 } + dy * slope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::activation::tests::reference;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    #[test]
    fn values_and_gradients_match_the_definition() {
        for activation in Activation::ALL {
            for (rows, width, samples) in [(1, 1, 1), (1, 7, 1), (3, 7, 3), (1, 33, 2)] {
                let extent = Extent { rows, width };
                let check = Check {
                    operation: &Activate::new(activation, extent.elements()),
                    inputs: vec![extent],
                    output: extent,
                    parameters: 0,
                    samples,
                    precision: ProductPrecision::F32,
                };
                check.run(1e-5, |_, x| x[0].iter().map(|x| reference(activation, *x)).collect());
            }
        }
    }
}
