//! Another order of a sample's values: cutting an image into patches, and putting it together again.
//!
//! `y_i = x_{order(i)}`; backward adds `dy_i` to `dx_{order(i)}`. Values that no place asks for are left
//! out (the variance channels of networks that were trained to predict one).

use crate::graph::operation::{Back, Call, Operation, Work};

/// A fixed order of the values of each sample.
#[derive(Debug, Clone)]
pub(crate) struct Permute {
    /// Values of a sample before.
    pub(crate) inputs: usize,
    /// Where each value comes from.
    pub(crate) order: Vec<u32>,
}

impl Permute {
    /// A `[channels, height, width]` image as one row for each `patch` x `patch` square, rows by rows,
    /// with the values of a square in the order channel, line, column.
    pub(crate) fn patches([channels, height, width]: [usize; 3], patch: usize) -> Self {
        let mut order = Vec::with_capacity(channels * height * width);
        for (i, j) in grid(height / patch, width / patch) {
            for c in 0..channels {
                for (p, q) in grid(patch, patch) {
                    order.push(((c * height + i * patch + p) * width + j * patch + q) as u32);
                }
            }
        }
        Self { inputs: order.len(), order }
    }

    /// The way back, from squares whose values are in the order line, column, channel and that have
    /// `depth` channels, of which the image's come first.
    pub(crate) fn image([channels, height, width]: [usize; 3], patch: usize, depth: usize) -> Self {
        let mut order = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for (y, x) in grid(height, width) {
                let square = (y / patch) * (width / patch) + x / patch;
                let inside = (y % patch) * patch + x % patch;
                order.push(((square * patch * patch + inside) * depth + c) as u32);
            }
        }
        Self { inputs: height * width * depth, order }
    }
}

fn grid(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..columns).map(move |j| (i, j)))
}

impl Operation for Permute {
    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        _: &mut [f32],
        _: &mut Work,
    ) {
        let before = inputs[0].chunks_exact(self.inputs);
        let after = output.chunks_exact_mut(self.order.len());
        for (x, y) in before.zip(after).take(call.samples) {
            for (y, &from) in y.iter_mut().zip(&self.order) {
                *y = x[from as usize];
            }
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let Some(into) = back.into[0].as_mut() else { return };
        let after = back.delta.chunks_exact(self.order.len());
        for (i, dy) in after.take(call.samples).enumerate() {
            let dx = into.open(i * self.inputs..(i + 1) * self.inputs);
            for (dy, &from) in dy.iter().zip(&self.order) {
                dx[from as usize] += dy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::Check;
    use pathline::kernels::ProductPrecision;

    fn check(permute: &Permute, samples: usize, reference: impl Fn(&[f64]) -> Vec<f64>) {
        let check = Check {
            operation: permute,
            inputs: vec![Extent { rows: 1, width: permute.inputs }],
            output: Extent { rows: 1, width: permute.order.len() },
            parameters: 0,
            samples,
            precision: ProductPrecision::F32,
        };
        check.run(1e-6, |_, x| x[0].chunks(permute.inputs).flat_map(&reference).collect());
    }

    /// Channels, height, width and patch: one pixel, one square, squares of one pixel, and others.
    const IMAGES: [([usize; 3], usize); 5] =
        [([7, 1, 1], 1), ([1, 3, 3], 3), ([2, 3, 5], 1), ([3, 4, 6], 2), ([7, 9, 3], 3)];

    /// Calls with square, line and column inside it, and channel, and where in the image that is.
    fn visit(
        [channels, height, width]: [usize; 3],
        p: usize,
        mut f: impl FnMut([usize; 4], usize),
    ) {
        for e in 0..channels * height * width {
            let (c, y, x) = (e / (height * width), e / width % height, e % width);
            f([y / p * (width / p) + x / p, y % p, x % p, c], e);
        }
    }

    #[test]
    fn patches_hold_their_squares_channel_by_channel() {
        for ((image, p), samples) in IMAGES.into_iter().zip([1, 3, 1, 3, 2]) {
            check(&Permute::patches(image, p), samples, |x| {
                let mut y = vec![f64::NAN; x.len()];
                visit(image, p, |[square, i, j, c], from| {
                    y[((square * image[0] + c) * p + i) * p + j] = x[from];
                });
                y
            });
        }
    }

    #[test]
    fn an_image_is_put_together_from_channels_last_and_leaves_the_other_channels_out() {
        for ((image, p), samples) in IMAGES.into_iter().zip([1, 3, 1, 3, 2]) {
            for depth in [image[0], 2 * image[0]] {
                check(&Permute::image(image, p, depth), samples, |x| {
                    let mut y = vec![f64::NAN; image.iter().product()];
                    visit(image, p, |[square, i, j, c], to| {
                        y[to] = x[((square * p + i) * p + j) * depth + c];
                    });
                    y
                });
            }
        }
    }

    #[test]
    fn a_value_that_is_taken_twice_gets_both_gradients() {
        let permute = Permute { inputs: 3, order: vec![2, 0, 2, 0, 0] };
        check(&permute, 3, |x| vec![x[2], x[0], x[2], x[0], x[0]]);
    }
}
