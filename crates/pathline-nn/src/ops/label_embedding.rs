//! A learned row for each class, added to a row that each sample has.
//!
//! A table has one row more than there are classes: the last is the *null label*, the row of samples
//! without a class, by which classifier-free guidance knows the unconditional field.
//!
//! # References
//! Ho and Salimans (2022), "Classifier-free diffusion guidance", arXiv:2207.12598, section 3.2.

use std::ops::Range;

use crate::graph::operation::{Back, Call, Operation, Work};

/// Adds the row of a sample's class to its row.
#[derive(Debug, Clone)]
pub(crate) struct LabelEmbedding {
    pub(crate) width: usize,
    /// Classes; the table has one row more.
    pub(crate) classes: usize,
    /// Where in the arena the table lies.
    pub(crate) table: Range<usize>,
}

impl LabelEmbedding {
    /// Where in the arena the row of the block's sample `i` lies.
    fn row(&self, call: &Call<'_>, i: usize) -> Range<usize> {
        let class = call.class(i).map_or(self.classes, |class| (class as usize).min(self.classes));
        let start = self.table.start + class * self.width;
        start..start + self.width
    }
}

impl Operation for LabelEmbedding {
    fn learns(&self) -> bool {
        true
    }

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
        let rows = inputs[0].chunks_exact(self.width).zip(output.chunks_exact_mut(self.width));
        for (i, (x, y)) in rows.take(call.samples).enumerate() {
            for ((y, x), label) in y.iter_mut().zip(x).zip(&call.parameters[self.row(call, i)]) {
                *y = x + label;
            }
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        for (i, dy) in back.delta.chunks_exact(self.width).take(call.samples).enumerate() {
            for (sum, dy) in back.gradient[self.row(call, i)].iter_mut().zip(dy) {
                *sum += dy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::{CLASSES, Check};
    use pathline::field::Conditions;
    use pathline::kernels::ProductPrecision;
    use pathline::{At, Batch, Samples, Shape, Times};

    /// Samples 0 and 2 of the check share a class, and sample 3 has none: its row is the last.
    #[test]
    fn values_and_gradients_match_the_definition() {
        for (width, classes, samples) in [(7, 2, 1), (7, 2, 6), (1, 3, 4), (33, 2, 5)] {
            // Other parameters lie on both sides of the table, and get no gradient.
            let table = 3..3 + (classes + 1) * width;
            let extent = Extent { rows: 1, width };
            let check = Check {
                operation: &LabelEmbedding { width, classes, table },
                inputs: vec![extent],
                output: extent,
                parameters: 5 + (classes + 1) * width,
                samples,
                precision: ProductPrecision::F32,
            };
            check.run(1e-6, |p, x| {
                let label = |e: usize| {
                    let class = (CLASSES[e / width % CLASSES.len()] as usize).min(classes);
                    p[3 + class * width + e % width]
                };
                x[0].iter().enumerate().map(|(e, x)| x + label(e)).collect()
            });
        }
    }

    #[test]
    fn samples_without_a_class_get_the_last_row() {
        let states = Batch::zeros(2, Shape::vector(1));
        let at = At::new(Samples::first(2), Times::Shared(0.5), states.rows()).unwrap();
        let parameters = [1.0, 2.0, 30.0];
        let how = (ProductPrecision::F32, false);
        let call = Call::new((&at, &Conditions::None), &parameters, how, &[]).block(0, 2);
        let embedding = LabelEmbedding { width: 1, classes: 2, table: 0..3 };
        let mut output = [0.0; 2];
        let input: &[f32] = &[0.5, 0.25];
        embedding.forward(&call, &[input], &mut output, &mut [], &mut Work::default());
        assert_eq!(output, [30.5, 30.25]);
    }
}
