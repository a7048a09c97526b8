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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::{Check, noise};
    use pathline::kernels::ProductPrecision;

    #[test]
    fn values_and_gradients_match_the_definition() {
        for (rows, width, samples) in [(1, 7, 1), (5, 7, 3), (1, 1, 2), (3, 33, 1)] {
            let extent = Extent { rows, width };
            let table = noise(extent.elements(), 5);
            let check = Check {
                operation: &AddTable { table: table.clone() },
                inputs: vec![extent],
                output: extent,
                parameters: 0,
                samples,
                precision: ProductPrecision::F32,
            };
            check.run(1e-6, |_, x| {
                x[0].iter().zip(table.iter().cycle()).map(|(x, t)| x + f64::from(*t)).collect()
            });
        }
    }

    #[test]
    fn positions_are_sines_and_cosines_of_columns_then_of_lines() {
        for ([lines, columns], width) in [([1, 1], 4), ([3, 5], 12), ([2, 7], 20)] {
            let AddTable { table } = AddTable::positions([lines, columns], width);
            assert_eq!(table.len(), lines * columns * width);
            for (e, found) in table.into_iter().enumerate() {
                let (row, c) = (e / width, e % width);
                let place = if c < width / 2 { row % columns } else { row / columns } as f64;
                let quarter = width / 4;
                let angle = place / 10_000_f64.powf((c % quarter) as f64 / quarter as f64);
                let wanted = if c / quarter % 2 == 0 { angle.sin() } else { angle.cos() };
                assert!((f64::from(found) - wanted).abs() < 1e-7, "{e}: {found} {wanted}");
            }
        }
    }
}
