//! Fixed numbers added to every sample: where each of its rows lies in the image.

use crate::graph::operation::{Back, Call, Operation, Work};

/// Adds the same table to every sample.
#[derive(Debug, Clone)]
pub(crate) struct AddTable {
    /// As many values as a sample has.
    pub(crate) table: Vec<f32>,
}

impl AddTable {
    /// Sines and cosines of a row's column (first half of `width`) and line (second half), for rows that
    /// are the squares of a `height` x `width` grid; each half is sines of the frequencies
    /// `10000^(-i/(w/4))`, then their cosines.
    ///
    /// # References
    /// Dosovitskiy et al. (2021), arXiv:2010.11929, appendix D.4; the order of halves is that of MAE
    /// (He et al. 2022, arXiv:2111.06377) and of every DiT and SiT checkpoint.
    pub(crate) fn positions([lines, columns]: [usize; 2], width: usize) -> Self {
        let quarter = width / 4;
        let mut table = Vec::with_capacity(lines * columns * width);
        for line in 0..lines {
            for column in 0..columns {
                for place in [column, line] {
                    let angle =
                        |i: usize| place as f64 * libm::pow(10_000.0, -(i as f64) / quarter as f64);
                    table.extend((0..quarter).map(|i| libm::sin(angle(i)) as f32));
                    table.extend((0..quarter).map(|i| libm::cos(angle(i)) as f32));
                }
            }
        }
        Self { table }
    }
}

impl Operation for AddTable {
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
        let each = self.table.len();
        let samples = inputs[0].chunks_exact(each).zip(output.chunks_exact_mut(each));
        for (x, y) in samples.take(call.samples) {
            for ((y, x), table) in y.iter_mut().zip(x).zip(&self.table) {
                *y = x + table;
            }
        }
    }

    fn backward(&self, _: &Call<'_>, _: Back<'_, '_>, _: &mut Work) {}
}
