//! A 3x3 convolution as one matrix product: each output pixel's patch of the input as one row.
//!
//! Row `(y, x)` of the patches holds the 9 input pixels under the kernel, each with all its channels:
//! `y = patches W`, and backward `dW += patches^T dy`, `dx += ` the rows of `dy W^T`, each put back
//! where it was taken from. Any channel count and stride.
//!
//! # References
//! Chellapilla, Puri and Simard (2006), "High Performance Convolutional Neural Networks for Document
//! Processing", section 3.

use std::ops::Range;

use pathline::kernels::{Layout, add_transposed_product, product};

use super::weights::{TAPS, arrange};
use crate::graph::operation::{Packed, ROW_MULTIPLE, Work};
use crate::ops::image::Image;
use crate::scratch::warm;

/// Output pixels that are in work together in training; in inference it is always [`ROW_MULTIPLE`], since
/// the product library gives a row the same bytes only in products of the same extents.
const BLOCK: usize = 2 * ROW_MULTIPLE;

/// Which convolution it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) image: Image,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) stride: usize,
}

impl Columns {
    fn output(&self) -> Image {
        if self.stride == 1 { self.image } else { self.image.halved() }
    }

    fn patch(&self) -> usize {
        TAPS * self.inputs
    }

    /// For each pixel of `pixels` and each tap, calls `visit` with the place in the patches and,
    /// inside of the image, the place in the input.
    fn each(&self, pixels: Range<usize>, mut visit: impl FnMut(usize, Option<usize>)) {
        let output = self.output();
        let mut place = 0;
        for pixel in pixels {
            let (sample, pixel) = (pixel / output.pixels(), pixel % output.pixels());
            let corner = [pixel / output.width, pixel % output.width].map(|p| p * self.stride);
            for tap in 0..TAPS {
                // One less than the tap says, for the border; outside on the left wraps round.
                let y = (corner[0] + tap / 3).wrapping_sub(1);
                let x = (corner[1] + tap % 3).wrapping_sub(1);
                let inside = y < self.image.height && x < self.image.width;
                let row = sample * self.image.pixels();
                let from = inside.then(|| (row + y * self.image.width + x) * self.inputs);
                visit(place, from);
                place += self.inputs;
            }
        }
    }

    fn gather(&self, pixels: Range<usize>, x: &[f32], patches: &mut [f32]) {
        self.each(pixels, |place, from| {
            let into = &mut patches[place..place + self.inputs];
            match from {
                // One number, as of a grey image, is not worth a call.
                Some(from) if self.inputs == 1 => into[0] = x[from],
                Some(from) => into.copy_from_slice(&x[from..from + self.inputs]),
                None => into.fill(0.0),
            }
        });
    }

    fn scatter(&self, pixels: Range<usize>, patches: &[f32], dx: &mut [f32]) {
        self.each(pixels, |place, from| {
            if let Some(from) = from {
                let patch = &patches[place..place + self.inputs];
                for (dx, d) in dx[from..from + self.inputs].iter_mut().zip(patch) {
                    *dx += d;
                }
            }
        });
    }

    /// The weights as a product's right factor.
    pub(super) fn pack(&self, weight: &[f32], packed: &mut Packed) {
        arrange(self.inputs, weight, warm(&mut packed.plain, weight.len()));
    }

    fn blocks(&self, samples: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
        let pixels = samples * self.output().pixels();
        (0..pixels).step_by(block).map(move |from| from..pixels.min(from + block))
    }

    /// Writes the convolution of `samples` images, without bias. Where `padded`, all products have the
    /// same extents; `y` has room for the last one's.
    pub(super) fn forward(
        &self,
        (samples, padded): (usize, bool),
        packed: &Packed,
        x: &[f32],
        y: &mut [f32],
        work: &mut Work,
    ) {
        let (patch, outputs) = (self.patch(), self.outputs);
        let [patches, _] = work.take(BLOCK * patch, 0);
        let arranged = &packed.plain[..patch * outputs];
        for pixels in self.blocks(samples, if padded { ROW_MULTIPLE } else { BLOCK }) {
            let rows = if padded { ROW_MULTIPLE } else { pixels.len() };
            let out = &mut y[pixels.start * outputs..][..rows * outputs];
            let patches = &mut patches[..rows * patch];
            self.gather(pixels, x, patches);
            product([rows, outputs, patch], patches, arranged, Layout::Plain, 0.0, out);
        }
    }

    /// Adds to the arranged weights' gradient, and to `dx` where asked.
    pub(super) fn backward(
        &self,
        samples: usize,
        (x, packed): (&[f32], &Packed),
        dy: &[f32],
        (sums, mut dx): (&mut [f32], Option<&mut [f32]>),
        work: &mut Work,
    ) {
        let (patch, outputs) = (self.patch(), self.outputs);
        let [patches, _] = work.take(BLOCK * patch, 0);
        let arranged = &packed.plain[..patch * outputs];
        for pixels in self.blocks(samples, BLOCK) {
            let rows = pixels.len();
            let patches = &mut patches[..rows * patch];
            let dy = &dy[pixels.start * outputs..][..rows * outputs];
            self.gather(pixels.clone(), x, patches);
            add_transposed_product([patch, outputs, rows], patches, dy, sums);
            if let Some(dx) = &mut dx {
                let extents = [rows, patch, outputs];
                product(extents, dy, arranged, Layout::Transposed, 0.0, patches);
                self.scatter(pixels, patches, dx);
            }
        }
    }
}
