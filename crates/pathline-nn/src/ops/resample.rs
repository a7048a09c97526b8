//! An image of twice the height and width, each pixel four times (nearest neighbour).
//!
//! `y_{ij} = x_{i/2, j/2}`, rounded down; backward sums the four. (The way to smaller images is a
//! [convolution](super::convolution) of stride 2.)

use super::image::Image;
use crate::graph::operation::{Back, Call, Operation, Work};

/// Doubles an image.
#[derive(Debug, Clone)]
pub(crate) struct Double {
    /// The image that comes in.
    pub(crate) image: Image,
    pub(crate) channels: usize,
}

impl Double {
    /// Values of a row of pixels, before.
    fn line(&self) -> usize {
        self.image.width * self.channels
    }
}

impl Operation for Double {
    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        _: &mut [f32],
        _: &mut Work,
    ) {
        let (line, channels) = (self.line(), self.channels);
        let lines = inputs[0].chunks_exact(line).take(call.samples * self.image.height);
        for (pair, x) in output.chunks_exact_mut(4 * line).zip(lines) {
            let (first, second) = pair.split_at_mut(2 * line);
            for (y, x) in first.chunks_exact_mut(2 * channels).zip(x.chunks_exact(channels)) {
                let (left, right) = y.split_at_mut(channels);
                left.copy_from_slice(x);
                right.copy_from_slice(x);
            }
            second.copy_from_slice(first);
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, _: &mut Work) {
        let Some(into) = back.into[0].as_mut() else { return };
        let (line, channels) = (self.line(), self.channels);
        let pairs = back.delta.chunks_exact(4 * line).take(call.samples * self.image.height);
        for (l, pair) in pairs.enumerate() {
            let dx = into.open(l * line..(l + 1) * line);
            let (first, second) = pair.split_at(2 * line);
            let pixels = first.chunks_exact(2 * channels).zip(second.chunks_exact(2 * channels));
            for (dx, (above, below)) in dx.chunks_exact_mut(channels).zip(pixels) {
                let (above, below) = (above.split_at(channels), below.split_at(channels));
                let above = above.0.iter().zip(above.1);
                let below = below.0.iter().zip(below.1);
                for (sum, ((a, b), (c, d))) in dx.iter_mut().zip(above.zip(below)) {
                    *sum += (a + b) + (c + d);
                }
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
    fn pixels_are_doubled_and_their_gradients_summed() {
        let image = Image { height: 5, width: 3 };
        let check = Check {
            operation: &Double { image, channels: 7 },
            inputs: vec![Extent { rows: 15, width: 7 }],
            output: Extent { rows: 60, width: 7 },
            parameters: 0,
            samples: 2,
            precision: pathline::kernels::ProductPrecision::F32,
        };
        check.run(1e-6, |_, x| {
            let place = |i: usize| {
                let (sample, y, x, c) = (i / 420, i / 42 % 10, i / 7 % 6, i % 7);
                ((sample * 5 + y / 2) * 3 + x / 2) * 7 + c
            };
            (0..2 * 420).map(|i| x[0][place(i)]).collect()
        });
    }
}
