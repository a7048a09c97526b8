//! Convolutions that keep channels apart: `y[p, c] = a(b_c + Σ_{i,j} w[i, j, c] x[stride p + (i, j) - before, c])`.
//!
//! Plain loops over neighbouring channels, several of which are summed at once in the processor's registers.

use pathline::Error;
use pathline::kernels::vectorised;

use crate::convolution::{Activation, Walk, within};
use crate::image::Image;
use crate::tensors::{Tensors, get, normalisation};

/// Channels whose sums are kept in registers.
const LANES: usize = 32;

/// A convolution of each channel by a kernel of its own.
#[derive(Debug, Clone)]
pub(super) struct Depthwise {
    walk: Walk,
    channels: usize,
    /// `[kernel, channels]`.
    weights: Vec<f32>,
    shift: Vec<f32>,
    activation: Activation,
}

impl Depthwise {
    /// Without bias, followed by the normalisation of name `norm`.
    pub(super) fn normalised(
        tensors: &Tensors,
        [name, norm]: [&str; 2],
        channels: usize,
        walk: Walk,
        activation: Activation,
    ) -> Result<Self, Error> {
        let [height, width] = walk.kernel;
        let name = format!("{name}.weight");
        let weights = get(tensors, &name, &[channels, 1, height, width])?;
        let folded = normalisation(tensors, norm, channels)?;
        Ok(Self::new(weights, &folded, walk, activation))
    }

    /// From weights `[channels, height, width]`, and the scale and shift of each channel.
    fn new(weights: &[f32], folded: &[[f64; 2]], walk: Walk, activation: Activation) -> Self {
        let (channels, taps) = (folded.len(), walk.kernel[0] * walk.kernel[1]);
        let mut turned = vec![0.0; weights.len()];
        for (c, [scale, _]) in folded.iter().enumerate() {
            for tap in 0..taps {
                let weight = f64::from(weights[c * taps + tap]);
                turned[tap * channels + c] = (weight * scale) as f32;
            }
        }
        let shift = folded.iter().map(|[_, shift]| *shift as f32).collect();
        Self { walk, channels, weights: turned, shift, activation }
    }

    /// The convolved image; empty where the kernel does not fit.
    pub(super) fn apply(&self, image: &Image) -> Image {
        let extents = self.walk.outputs(image.extents).unwrap_or([0, 0]);
        let mut out = Image::zeros(extents, self.channels);
        vectorised(
            #[inline(always)]
            || {
                for (p, out) in out.values.chunks_exact_mut(self.channels).enumerate() {
                    self.position(image, [p / extents[1], p % extents[1]], out);
                }
            },
        );
        out
    }

    /// All channels at one position.
    #[inline(always)]
    fn position(&self, image: &Image, [y, x]: [usize; 2], out: &mut [f32]) {
        let whole = self.channels / LANES * LANES;
        let reaches =
            [self.walk.reach(0, image.extents[0], y), self.walk.reach(1, image.extents[1], x)];
        for first in (0..whole).step_by(LANES) {
            let mut sums = [0.0; LANES];
            self.lanes(image, reaches, first, &mut sums);
            out[first..first + LANES].copy_from_slice(&sums);
        }
        self.lanes(image, reaches, whole, &mut out[whole..]);
    }

    /// Some neighbouring channels at one position.
    #[inline(always)]
    fn lanes(&self, image: &Image, reaches: [[usize; 3]; 2], first: usize, sums: &mut [f32]) {
        let [[above, top, rows], [left, column, columns]] = reaches;
        let lanes = sums.len();
        sums.copy_from_slice(&self.shift[first..first + lanes]);
        for row in 0..rows {
            let pixel = (top + row) * image.extents[1] + column;
            let tap = (above + row) * self.walk.kernel[1] + left;
            for i in 0..columns {
                let values = &image.values[(pixel + i) * self.channels + first..][..lanes];
                let weights = &self.weights[(tap + i) * self.channels + first..][..lanes];
                for ((sum, x), w) in sums.iter_mut().zip(values).zip(weights) {
                    *sum += x * w;
                }
            }
        }
        let bounds = self.activation.bounds();
        for sum in sums {
            *sum = within(*sum, bounds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::Padding;
    use crate::sums::{direct, noise};

    #[test]
    fn any_kernel_stride_and_padding_gives_the_direct_sum() {
        for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
            for channels in [3, 32, 70] {
                for extents in [[8, 9], [5, 4], [1, 2]] {
                    let walk = Walk::square(kernel, stride, Padding::Same);
                    let values = noise(extents[0] * extents[1] * channels, 4);
                    let image = Image { extents, channels, values };
                    let weights = noise(channels * kernel * kernel, 5);
                    let folded: Vec<[f64; 2]> =
                        (0..channels).map(|c| [1.0 - 0.01 * c as f64, 0.1 * c as f64]).collect();
                    let depthwise = Depthwise::new(&weights, &folded, walk, Activation::Relu6);
                    let found = depthwise.apply(&image).values;
                    let sums = direct(&image, &weights, walk, channels, true);
                    assert_eq!(found.len(), sums.len());
                    for (i, (found, sum)) in found.iter().zip(sums).enumerate() {
                        let [scale, shift] = folded[i % channels];
                        let wanted = (sum * scale + shift).clamp(0.0, 6.0) as f32;
                        assert!((found - wanted).abs() < 1e-4, "{kernel} {stride} {extents:?}");
                    }
                }
            }
        }
    }
}
