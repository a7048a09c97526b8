//! The sum of two values: a residual.

use crate::graph::operation::{Back, Call, Operation, Work};

/// `y = a + b`.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    /// Values of a sample.
    pub(crate) elements: usize,
}

impl Operation for Sum {
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
        let [a, b] = inputs else { return };
        let output = &mut output[..call.samples * self.elements];
        for ((y, a), b) in output.iter_mut().zip(*a).zip(*b) {
            *y = a + b;
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let [_, Some(into)] = back.into else { return };
        into.receive(0, &back.delta[..call.samples * self.elements]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;

    #[test]
    fn both_terms_get_the_gradient() {
        let extent = Extent { rows: 5, width: 7 };
        let check = Check {
            operation: &Sum { elements: extent.elements() },
            inputs: vec![extent; 2],
            output: extent,
            parameters: 0,
            samples: 3,
            precision: pathline::kernels::ProductPrecision::F32,
        };
        check.run(1e-6, |_, x| x[0].iter().zip(&x[1]).map(|(a, b)| a + b).collect());
    }
}
