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
