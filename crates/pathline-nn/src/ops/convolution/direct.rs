//! A 3x3 convolution of stride 1 in `bf16`, without writing out any patch.
//!
//! Each image is rounded into a padded one: its lines follow one another with one zero pixel between them,
//! which is at once the right border of one line and the left border of the next, and a line of zeros above
//! and below. Under tap `(i, j)` of a kernel, output pixel `p` (counted along padded lines) then lies at
//! `p + i * pitch + j`: one and the same shift for all pixels. So a convolution is nine matrix products whose
//! left factor is the same memory read from nine places; what comes out at a line's padding is dropped.
//!
//! Backward: `dx` is the convolution of `dy` with the kernel turned round, and `dW` of a tap is the product of
//! the shifted image's transpose with `dy`, zeros at its padding.

use pathline::kernels::bf16::{
    Left, SIDE, interleave, round_rows, tile_product, transpose, turn_into_pieces,
};

use super::weights::{TAPS, arrange};
use crate::graph::operation::{Packed, Packing, Rounded, Work};
use crate::ops::image::Image;
use crate::scratch::warm;

/// Which convolution it is. Both channel counts are multiples of [`SIDE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Direct {
    pub(super) image: Image,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Where a padded image's pixels lie.
#[derive(Debug, Clone, Copy)]
struct Padded {
    image: Image,
}

impl Padded {
    /// Pixels from one line to the next.
    fn pitch(self) -> usize {
        self.image.width + 1
    }

    /// Output pixels along padded lines, rounded up to whole steps.
    fn rows(self) -> usize {
        (self.image.height * self.pitch()).next_multiple_of(SIDE)
    }

    /// Pixels that a product of [`Padded::rows`] may read under any tap, in whole steps.
    fn pixels(self) -> usize {
        (self.rows() + self.shift(TAPS - 1)).next_multiple_of(SIDE)
    }

    /// How far from an output pixel its input under a tap lies.
    fn shift(self, tap: usize) -> usize {
        tap / 3 * self.pitch() + tap % 3
    }

    /// Rounds the lines of an image of `width` channels, the first of them from pixel `from` on, zeros elsewhere.
    fn round(self, from: usize, values: &[f32], width: usize, into: &mut [u16]) {
        let line = self.pitch() * width;
        let (above, lines) = into.split_at_mut(from * width);
        above.fill(0);
        let height = self.image.height;
        let (lines, below) = lines.split_at_mut(height * line);
        below.fill(0);
        round_rows(
            values,
            self.image.width * width,
            [height, self.image.width * width],
            line,
            lines,
        );
    }
}

impl Direct {
    fn padded(&self) -> Padded {
        Padded { image: self.image }
    }

    /// Packs the kernel for forward, and turned round for backward.
    pub(super) fn pack(&self, weight: &[f32], how: Packing, packed: &mut Packed) {
        let Self { inputs, outputs, .. } = *self;
        let (rows, values) = (TAPS * inputs, weight.len());
        let arranged = warm(&mut packed.plain, values);
        arrange(inputs, weight, arranged);
        let rounded = packed.rounded.take(values);
        round_rows(arranged, outputs, [rows, outputs], outputs, rounded);
        if how.forward {
            interleave(rounded, outputs, packed.forward.take(values));
        }
        if !how.backward {
            return;
        }
        let pieces = packed.backward.take(values);
        let (panel, of_tap) = (TAPS * outputs * SIDE, outputs * SIDE);
        for (c, pieces) in pieces.chunks_exact_mut(panel).enumerate() {
            for (tap, pieces) in pieces.chunks_exact_mut(of_tap).enumerate() {
                let first = ((TAPS - 1 - tap) * inputs + c * SIDE) * outputs;
                turn_into_pieces(&rounded[first..][..of_tap], outputs, pieces);
            }
        }
    }

    /// Writes the convolution of `samples` images, and the bias.
    pub(super) fn forward(
        &self,
        samples: usize,
        (packed, bias): (&Packed, &[f32]),
        x: &[f32],
        y: &mut [f32],
        work: &mut Work,
    ) {
        let Self { inputs, outputs, .. } = *self;
        let ([sums, _], rounded) = work.take_rounded(self.padded().rows() * outputs, 0);
        let (of, pieces) = ([inputs, outputs], packed.forward.get(TAPS * inputs * outputs));
        self.convolve(samples, of, (x, pieces), (sums, rounded), |sums, i| {
            let y = &mut y[i * outputs..][..sums.len()];
            for (y, sums) in y.chunks_exact_mut(outputs).zip(sums.chunks_exact(outputs)) {
                for ((y, sum), b) in y.iter_mut().zip(sums).zip(bias) {
                    *y = sum + b;
                }
            }
        });
    }

    /// Convolves images of `from` channels with the packed kernel; `line` is given each line of the result and
    /// the number of its first pixel.
    fn convolve(
        &self,
        samples: usize,
        [from, to]: [usize; 2],
        (x, pieces): (&[f32], &[u16]),
        (sums, rounded): (&mut [f32], &mut Rounded),
        mut line: impl FnMut(&[f32], usize),
    ) {
        let padded = self.padded();
        let Rounded { image, steps, .. } = rounded;
        let image = image.take(padded.pixels() * from);
        let Image { height, width } = self.image;
        steps.clear();
        for tap in 0..TAPS {
            steps.extend((0..from).step_by(SIDE).map(|c| padded.shift(tap) * from + c));
        }
        for (i, x) in x.chunks_exact(height * width * from).take(samples).enumerate() {
            padded.round(padded.pitch() + 1, x, from, image);
            let left = Left::new(image, from, steps);
            tile_product(left, pieces, [padded.rows(), to], [1.0, 0.0], (sums, to));
            for (y, sums) in sums.chunks_exact(padded.pitch() * to).take(height).enumerate() {
                line(&sums[..width * to], (i * height + y) * width);
            }
        }
    }

    /// Adds to the arranged weights' gradient, and to `dx` where asked.
    pub(super) fn backward(
        &self,
        samples: usize,
        (x, packed): (&[f32], &Packed),
        dy: &[f32],
        (sums, dx): (&mut [f32], Option<&mut [f32]>),
        work: &mut Work,
    ) {
        self.weights_back(samples, x, dy, sums, work);
        let Some(dx) = dx else { return };
        let Self { inputs, outputs, .. } = *self;
        let ([sums, _], rounded) = work.take_rounded(self.padded().rows() * inputs, 0);
        let (of, pieces) = ([outputs, inputs], packed.backward.get(TAPS * inputs * outputs));
        self.convolve(samples, of, (dy, pieces), (sums, rounded), |sums, i| {
            for (dx, sum) in dx[i * inputs..].iter_mut().zip(sums) {
                *dx += sum;
            }
        });
    }

    fn weights_back(
        &self,
        samples: usize,
        x: &[f32],
        dy: &[f32],
        sums: &mut [f32],
        work: &mut Work,
    ) {
        let Self { inputs, outputs, .. } = *self;
        let (padded, pixels) = (self.padded(), self.image.pixels());
        let (rows, long) = (padded.rows(), padded.pixels());
        let (_, rounded) = work.take_rounded(0, 0);
        let Rounded { image, turned, plain, pieces, steps } = rounded;
        let (image, turned) = (image.take(long * inputs), turned.take(long * inputs));
        let (plain, pieces) = (plain.take(rows * outputs), pieces.take(rows * outputs));
        let both = x.chunks_exact(pixels * inputs).zip(dy.chunks_exact(pixels * outputs));
        for (x, dy) in both.take(samples) {
            padded.round(padded.pitch() + 1, x, inputs, image);
            transpose(image, inputs, turned, long);
            padded.round(0, dy, outputs, plain);
            interleave(plain, outputs, pieces);
            for (tap, sums) in sums.chunks_exact_mut(inputs * outputs).enumerate() {
                steps.clear();
                steps.extend((0..rows).step_by(SIDE).map(|p| padded.shift(tap) + p));
                let left = Left::new(turned, long, steps);
                tile_product(left, pieces, [inputs, outputs], [1.0; 2], (sums, outputs));
            }
        }
    }
}
