//! Convolutions at rest: normalisation folded in, bias and activation in the same pass.
//!
//! `y[p, o] = a(b_o + Σ_{i,j,c} w[i, j, c, o] x[stride p + (i, j) - before, c])`, zero outside of the image.
//! Patches of a block of positions are copied out and multiplied by all weights at once; a 1x1 kernel
//! needs no copy. Blocks depend on the layer's extents alone, so a value has the same bytes everywhere.

use pathline::Error;
use pathline::kernels::{Strided, multiply, vectorised};

use crate::image::Image;
use crate::tensors::{Tensors, get, normalisation};

/// Values of patches and their products in a block: they stay in a core's cache.
const BLOCK: usize = 1 << 17;
/// Fewest positions of a block: packing the weights costs little beside multiplying by them.
const FEWEST: usize = 96;

/// What follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

impl Activation {
    /// What an output is kept within, from and to: all three are clamps, so that loops need not ask which.
    pub(super) fn bounds(self) -> [f32; 2] {
        match self {
            Self::None => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Relu => [0.0, f32::INFINITY],
            Self::Relu6 => [0.0, 6.0],
        }
    }
}

/// `min(max(x, low), high)`, in one instruction each.
#[inline(always)]
pub(super) fn within(x: f32, [low, high]: [f32; 2]) -> f32 {
    let x = if x > low { x } else { low };
    if x < high { x } else { high }
}

/// Zeros around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// As many rows above as below and columns left as right.
    Zeros([usize; 2]),
    /// TensorFlow's: outputs are `ceil(extent / stride)`; an odd zero goes below and to the right.
    Same,
}

/// How a kernel walks over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    pub(super) padding: Padding,
}

impl Walk {
    /// A square kernel with this stride and padding.
    pub(super) fn square(kernel: usize, stride: usize, padding: Padding) -> Self {
        Self { kernel: [kernel; 2], stride, padding }
    }

    /// Extent of the output and zeros before the first value, along one axis; none where the kernel does
    /// not fit into the image.
    fn along(&self, axis: usize, extent: usize) -> Option<(usize, usize)> {
        let (kernel, stride) = (self.kernel[axis], self.stride);
        match self.padding {
            Padding::Zeros(zeros) => {
                let room = (extent + 2 * zeros[axis]).checked_sub(kernel)?;
                Some((room / stride + 1, zeros[axis]))
            }
            Padding::Same => {
                let outputs = extent.div_ceil(stride);
                let over = (outputs.checked_sub(1)? * stride + kernel).saturating_sub(extent);
                Some((outputs, over / 2))
            }
        }
    }

    /// Extents of the output of an image, if the kernel fits into it.
    pub(super) fn outputs(&self, extents: [usize; 2]) -> Option<[usize; 2]> {
        Some([self.along(0, extents[0])?.0, self.along(1, extents[1])?.0])
    }

    /// Part of the kernel that lies in the image at an output's place, along one axis: the first place of
    /// the kernel, the first of the image, and how many.
    #[inline(always)]
    pub(super) fn reach(&self, axis: usize, extent: usize, at: usize) -> [usize; 3] {
        let before = self.along(axis, extent).map_or(0, |(_, before)| before);
        let start = at * self.stride;
        let skipped = before.saturating_sub(start).min(self.kernel[axis]);
        let first = (start + skipped).saturating_sub(before);
        let end = (start + self.kernel[axis]).saturating_sub(before).min(extent);
        [skipped, first, end.saturating_sub(first)]
    }
}

/// A convolution whose outputs each see all channels.
#[derive(Debug, Clone)]
pub(super) struct Convolution {
    pub(super) walk: Walk,
    inputs: usize,
    pub(super) outputs: usize,
    /// `[kernel, inputs, outputs]`.
    weights: Vec<f32>,
    shift: Vec<f32>,
    activation: Activation,
}

impl Convolution {
    /// From weights `[outputs, inputs, height, width]`, and the scale and shift of each output.
    fn new(
        weights: &[f32],
        folded: &[[f64; 2]],
        inputs: usize,
        walk: Walk,
        activation: Activation,
    ) -> Self {
        let (outputs, taps) = (folded.len(), walk.kernel[0] * walk.kernel[1]);
        let mut turned = vec![0.0; weights.len()];
        for (o, [scale, _]) in folded.iter().enumerate() {
            for c in 0..inputs {
                for tap in 0..taps {
                    let weight = f64::from(weights[(o * inputs + c) * taps + tap]);
                    turned[(tap * inputs + c) * outputs + o] = (weight * scale) as f32;
                }
            }
        }
        let shift = folded.iter().map(|[_, shift]| *shift as f32).collect();
        Self { walk, inputs, outputs, weights: turned, shift, activation }
    }

    /// Without bias, followed by the normalisation of name `norm`.
    pub(super) fn normalised(
        tensors: &Tensors,
        [name, norm]: [&str; 2],
        [inputs, outputs]: [usize; 2],
        walk: Walk,
        activation: Activation,
    ) -> Result<Self, Error> {
        let [height, width] = walk.kernel;
        let name = format!("{name}.weight");
        let weights = get(tensors, &name, &[outputs, inputs, height, width])?;
        let folded = normalisation(tensors, norm, outputs)?;
        Ok(Self::new(weights, &folded, inputs, walk, activation))
    }

    /// With a bias.
    pub(super) fn biased(
        tensors: &Tensors,
        name: &str,
        [inputs, outputs]: [usize; 2],
        walk: Walk,
        activation: Activation,
    ) -> Result<Self, Error> {
        let [height, width] = walk.kernel;
        let shape = [outputs, inputs, height, width];
        let weights = get(tensors, &format!("{name}.weight"), &shape)?;
        let bias = get(tensors, &format!("{name}.bias"), &[outputs])?;
        let folded: Vec<_> = bias.iter().map(|&b| [1.0, f64::from(b)]).collect();
        Ok(Self::new(weights, &folded, inputs, walk, activation))
    }

    /// The convolved image; empty where the kernel does not fit.
    pub(super) fn apply(&self, image: &Image) -> Image {
        let extents = self.walk.outputs(image.extents).unwrap_or([0, 0]);
        let mut out = Image::zeros(extents, self.outputs);
        self.apply_into(image, &mut out, 0);
        out
    }

    /// Convolves into the channels from `first` on of an image that has as many positions as outputs.
    pub(super) fn apply_into(&self, image: &Image, out: &mut Image, first: usize) {
        let (inner, pitch) = (self.weights.len() / self.outputs, out.channels);
        let direct = self.walk.kernel == [1, 1] && self.walk.stride == 1;
        let positions = out.extents[0] * out.extents[1];
        let most = (BLOCK / (inner + self.outputs)).max(FEWEST);
        // Blocks of nearly the same size: a small last one would pack the weights for little.
        let block = positions.div_ceil(positions.div_ceil(most).max(1));
        let mut patches = if direct { vec![] } else { vec![0.0; block * inner] };
        for start in (0..positions).step_by(block.max(1)) {
            let count = block.min(positions - start);
            let left = if direct {
                &image.values[start * inner..]
            } else {
                self.copy_patches(image, out.extents[1], start, &mut patches[..count * inner]);
                &patches
            };
            let left = Strided { values: left, row: inner, column: 1 };
            let right = Strided { values: &self.weights, row: self.outputs, column: 1 };
            let out = &mut out.values[start * pitch + first..];
            multiply([count, self.outputs, inner], left, right, [1.0, 0.0], (out, pitch));
            self.finish(out, pitch, count);
        }
    }

    /// What the kernel sees from each position from `start` on, zeros outside of the image.
    fn copy_patches(&self, image: &Image, columns: usize, start: usize, patches: &mut [f32]) {
        let ([height, width], channels) = (image.extents, self.inputs);
        let [_, kernel] = self.walk.kernel;
        let inner = self.weights.len() / self.outputs;
        for (p, patch) in patches.chunks_exact_mut(inner).enumerate() {
            let [y, x] = [(start + p) / columns, (start + p) % columns];
            let [above, top, rows] = self.walk.reach(0, height, y);
            let [left, first, count] = self.walk.reach(1, width, x);
            if rows * count < inner / channels {
                patch.fill(0.0);
            }
            for row in 0..rows {
                let from = ((top + row) * width + first) * channels;
                let to = ((above + row) * kernel + left) * channels;
                let len = count * channels;
                patch[to..to + len].copy_from_slice(&image.values[from..from + len]);
            }
        }
    }

    /// Adds the shift and applies the activation.
    fn finish(&self, out: &mut [f32], pitch: usize, count: usize) {
        let (shift, bounds) = (&*self.shift, self.activation.bounds());
        vectorised(
            #[inline(always)]
            || {
                for row in out.chunks_mut(pitch).take(count) {
                    for (x, shift) in row.iter_mut().zip(shift) {
                        *x = within(*x + shift, bounds);
                    }
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::{direct, noise};

    fn check(extents: [usize; 2], channels: [usize; 2], walk: Walk, activation: Activation) {
        let [inputs, outputs] = channels;
        let [kh, kw] = walk.kernel;
        let image =
            Image { extents, channels: inputs, values: noise(extents[0] * extents[1] * inputs, 1) };
        let weights = noise(outputs * inputs * kh * kw, 2);
        let folded: Vec<[f64; 2]> =
            (0..outputs).map(|o| [1.0 + 0.1 * o as f64, 0.3 - 0.2 * o as f64]).collect();
        let convolution = Convolution::new(&weights, &folded, inputs, walk, activation);
        let out = convolution.apply(&image);
        let wanted = direct(&image, &weights, walk, outputs, false);
        assert_eq!(out.values.len(), wanted.len());
        for (i, (found, sum)) in out.values.iter().zip(wanted).enumerate() {
            let [scale, shift] = folded[i % outputs];
            let wanted = within((sum * scale + shift) as f32, activation.bounds());
            assert!((found - wanted).abs() < 1e-4, "{walk:?} {i}: {found} {wanted}");
        }
        // Into a place between other channels, which are left alone.
        let mut wide = Image::zeros(out.extents, outputs + 5);
        wide.values.fill(9.0);
        convolution.apply_into(&image, &mut wide, 2);
        for (row, alone) in wide.values.chunks(outputs + 5).zip(out.values.chunks(outputs)) {
            assert_eq!(&row[2..2 + outputs], alone);
            assert!(row[..2].iter().chain(&row[2 + outputs..]).all(|&v| v == 9.0));
        }
    }

    #[test]
    fn any_kernel_stride_and_padding_gives_the_direct_sum() {
        let zeros = Padding::Zeros;
        for (kernel, stride, padding) in [
            ([1, 1], 1, zeros([0, 0])),
            ([1, 1], 2, zeros([0, 0])),
            ([3, 3], 1, zeros([1, 1])),
            ([3, 3], 2, zeros([0, 0])),
            ([5, 5], 1, zeros([2, 2])),
            ([1, 7], 1, zeros([0, 3])),
            ([7, 1], 1, zeros([3, 0])),
            ([11, 11], 1, zeros([2, 2])),
            ([3, 3], 2, Padding::Same),
            ([5, 5], 2, Padding::Same),
            ([5, 5], 1, Padding::Same),
        ] {
            for extents in [[9, 12], [8, 7], [13, 13]] {
                let walk = Walk { kernel, stride, padding };
                check(extents, [3, 4], walk, Activation::None);
                check(extents, [5, 9], walk, Activation::Relu);
            }
        }
    }

    #[test]
    fn several_blocks_give_the_direct_sum() {
        let walk = Walk::square(3, 1, Padding::Same);
        check([31, 29], [40, 6], walk, Activation::Relu6);
    }

    #[test]
    fn a_kernel_that_does_not_fit_gives_nothing() {
        let walk = Walk::square(5, 1, Padding::Zeros([1, 1]));
        assert_eq!(walk.outputs([2, 9]), None);
        assert_eq!(walk.outputs([3, 9]), Some([1, 7]));
    }

    #[test]
    fn same_padding_is_that_of_tensorflow() {
        // An even extent at stride 2: nothing above, one zero below (kernel 3), one and two (kernel 5).
        let before = |kernel, stride, extent| {
            Walk::square(kernel, stride, Padding::Same).along(0, extent).unwrap()
        };
        assert_eq!(before(3, 2, 224), (112, 0));
        assert_eq!(before(3, 2, 7), (4, 1));
        assert_eq!(before(5, 2, 56), (28, 1));
        assert_eq!(before(3, 1, 10), (10, 1));
    }
}
