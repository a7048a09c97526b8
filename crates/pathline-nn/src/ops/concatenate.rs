//! Two values side by side: each row of the one, then the row of the other.
//!
//! `y_r = [a_r, b_r]`; backward cuts `dy_r` where they meet.

use crate::graph::operation::{Back, Call, Operation, Work};

/// Joins the rows of two values.
#[derive(Debug, Clone)]
pub(crate) struct Concatenate {
    /// Rows of a sample.
    pub(crate) rows: usize,
    /// Widths of the two.
    pub(crate) widths: [usize; 2],
}

impl Operation for Concatenate {
    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        _: &mut [f32],
        _: &mut Work,
    ) {
        let [a, b] = inputs else { return };
        let [left, right] = self.widths;
        let rows = a.chunks_exact(left).zip(b.chunks_exact(right)).take(call.samples * self.rows);
        for (y, (a, b)) in output.chunks_exact_mut(left + right).zip(rows) {
            let (y_left, y_right) = y.split_at_mut(left);
            y_left.copy_from_slice(a);
            y_right.copy_from_slice(b);
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let [left, right] = self.widths;
        for (place, (start, width)) in back.into.iter_mut().zip([(0, left), (left, right)]) {
            let Some(into) = place else { continue };
            let rows = back.delta.chunks_exact(left + right).take(call.samples * self.rows);
            for (r, dy) in rows.enumerate() {
                into.receive(r * width, &dy[start..start + width]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;

    #[test]
    fn rows_are_joined_and_their_gradients_cut() {
        let (rows, widths) = (15, [7, 3]);
        let check = Check {
            operation: &Concatenate { rows, widths },
            inputs: widths.map(|width| Extent { rows, width }).to_vec(),
            output: Extent { rows, width: 10 },
            parameters: 0,
            samples: 2,
            precision: pathline::kernels::ProductPrecision::F32,
        };
        check.run(1e-6, |_, x| {
            let rows = x[0].chunks(7).zip(x[1].chunks(3));
            rows.flat_map(|(a, b)| [a, b].concat()).collect()
        });
    }
}
