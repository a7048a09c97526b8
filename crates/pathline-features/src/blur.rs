//! Every second value of an image blurred by `[1 2 1] x [1 2 1] / 16`.
//!
//! The image is first continued by two lines on each side, mirrored at its outermost values
//! (`x_{-1} = x_1`), so that output `o` sees the lines `2 o - 2, 2 o - 1, 2 o` along each axis.
//!
//! # References
//! Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019), section 3.3.

use pathline::kernels::vectorised;

use crate::convolution::{Activation, within};
use crate::image::Image;

/// Extents of the blurred image; none where there are fewer than three lines to mirror.
pub(super) fn outputs(extents: [usize; 2]) -> Option<[usize; 2]> {
    let along = |extent: usize| (extent >= 3).then_some(extent.div_ceil(2) + 1);
    Some([along(extents[0])?, along(extents[1])?])
}

/// The line that stands at `place - 2` of a mirrored axis of so many lines.
fn mirrored(place: usize, extent: usize) -> usize {
    let line = place.abs_diff(2);
    if line < extent { line } else { 2 * (extent - 1) - line }
}

/// Blurs into the channels from `first` on of an image of the right extents; `activation` follows.
pub(super) fn apply_into(image: &Image, activation: Activation, out: &mut Image, first: usize) {
    let (channels, pitch, columns) = (image.channels, out.channels, out.extents[1]);
    let bounds = activation.bounds();
    vectorised(
        #[inline(always)]
        || {
            for (p, row) in out.values.chunks_exact_mut(pitch).enumerate() {
                let out = &mut row[first..first + channels];
                out.fill(0.0);
                for (i, down) in [0.25, 0.5, 0.25].into_iter().enumerate() {
                    let line = mirrored(2 * (p / columns) + i, image.extents[0]);
                    for (j, along) in [0.25, 0.5, 0.25].into_iter().enumerate() {
                        let column = mirrored(2 * (p % columns) + j, image.extents[1]);
                        let weight: f32 = down * along;
                        let values = &image.values[(line * image.extents[1] + column) * channels..];
                        out.iter_mut().zip(values).for_each(|(out, x)| *out += weight * x);
                    }
                }
                out.iter_mut().for_each(|out| *out = within(*out, bounds));
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_blurs_and_halves() {
        // One row of the product at a time: columns do not vary.
        let image = Image {
            extents: [3, 3],
            channels: 1,
            values: vec![1., 1., 1., 3., 3., 3., 9., 9., 9.],
        };
        // Mirrored lines: 9 3 1 3 9 3 1.
        let wanted = [(9.0 + 6.0 + 1.0) / 4.0, (1.0 + 6.0 + 9.0) / 4.0, (9.0 + 6.0 + 1.0) / 4.0];
        let mut out = Image::zeros(outputs(image.extents).unwrap(), 1);
        apply_into(&image, Activation::None, &mut out, 0);
        assert_eq!(out.extents, [3, 3]);
        for (row, wanted) in out.values.chunks(3).zip(wanted) {
            assert_eq!(row, [wanted; 3]);
        }
    }

    #[test]
    fn sizes_and_mirrors() {
        assert_eq!(outputs([58, 3]), Some([30, 3]));
        assert_eq!(outputs([57, 2]), None);
        let lines: Vec<usize> = (0..9).map(|i| mirrored(i, 5)).collect();
        assert_eq!(lines, [2, 1, 0, 1, 2, 3, 4, 3, 2]);
    }
}
