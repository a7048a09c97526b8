//! A 3x3 convolution with a border of one zero and a bias: `y = w * x + b`, of stride 1 or 2.
//!
//! Pixels are rows, channels last. Weights lie as in PyTorch, `[outputs, inputs, 3, 3]`. With stride
//! 2 an image of `h x w` becomes one of `ceil(h / 2) x ceil(w / 2)`.
//!
//! Wide convolutions of stride 1 go through tiles ([`winograd`]) or, in `bf16`, straight through the image
//! ([`direct`]), all others through patches ([`columns`]).
//!
//! # References
//! LeCun et al. (1989), "Backpropagation Applied to Handwritten Zip Code Recognition".

mod columns;
mod direct;
mod sides;
mod weights;
mod winograd;

use std::ops::Range;

use pathline::kernels::bf16::SIDE;
use pathline::kernels::vectorised;

use super::image::Image;
use super::lane::LANES;
use crate::graph::operation::{Back, Call, Operation, Packed, Packing, Work};
use columns::Columns;
use direct::Direct;
use pathline::kernels::ProductPrecision;
use weights::add_arranged;
use winograd::Tiled;

/// A convolution and where its parameters lie in the arena.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    /// The image that comes in.
    pub(crate) image: Image,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// 1 or 2.
    pub(crate) stride: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
}

/// How it is computed.
enum Way {
    Columns(Columns),
    Direct(Direct),
    Tiled(Tiled),
}

impl Convolution {
    /// The image that comes out.
    pub(crate) fn output(&self) -> Image {
        if self.stride == 1 { self.image } else { self.image.halved() }
    }

    fn way(&self, precision: ProductPrecision) -> Way {
        let Self { image, inputs, outputs, stride, .. } = *self;
        let wide = inputs.is_multiple_of(LANES) && outputs.is_multiple_of(LANES);
        let wider = inputs.is_multiple_of(SIDE) && outputs.is_multiple_of(SIDE);
        if stride == 1 && wider && precision == ProductPrecision::Bf16 {
            Way::Direct(Direct { image, inputs, outputs })
        } else if stride == 1 && wide {
            Way::Tiled(Tiled { image, inputs, outputs })
        } else {
            Way::Columns(Columns { image, inputs, outputs, stride })
        }
    }

    /// The values of a block of samples.
    fn written(&self, samples: usize) -> usize {
        samples * self.output().pixels() * self.outputs
    }
}

impl Operation for Convolution {
    fn learns(&self) -> bool {
        true
    }

    fn pack(&self, parameters: &[f32], how: Packing, packed: &mut Packed) {
        let weight = &parameters[self.weight.clone()];
        match self.way(how.precision) {
            Way::Tiled(way) => way.pack(weight, packed),
            Way::Direct(way) => way.pack(weight, how, packed),
            Way::Columns(way) => way.pack(weight, packed),
        }
    }

    fn sums(&self, precision: ProductPrecision) -> usize {
        match self.way(precision) {
            Way::Tiled(way) => way.sums(),
            Way::Direct(_) | Way::Columns(_) => self.weight.len(),
        }
    }

    fn finish(&self, precision: ProductPrecision, sums: &mut [f32], gradient: &mut [f32]) {
        let gradient = &mut gradient[self.weight.clone()];
        match self.way(precision) {
            Way::Tiled(way) => way.finish(sums, gradient),
            Way::Direct(_) | Way::Columns(_) => add_arranged(self.inputs, sums, gradient),
        }
    }

    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        _kept: &mut [f32],
        work: &mut Work,
    ) {
        let bias = &call.parameters[self.bias.clone()];
        let (samples, kernel) = ((call.samples, !call.training), (call.packed(), bias));
        match self.way(call.precision) {
            Way::Tiled(tiled) => tiled.forward(samples, kernel, inputs[0], output, work),
            Way::Direct(direct) => direct.forward(call.samples, kernel, inputs[0], output, work),
            Way::Columns(columns) => {
                columns.forward(samples, call.packed(), inputs[0], output, work);
                add_to_rows(&mut output[..self.written(call.samples)], bias);
            }
        }
    }

    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work) {
        let delta = &back.delta[..self.written(call.samples)];
        add_rows(delta, &mut back.gradient[self.bias.clone()]);
        let dx = back.into[0].as_mut().map(|place| {
            let all = 0..place.values.len();
            place.open(all)
        });
        let (from, into) = ((back.inputs[0], call.packed()), (back.sums, dx));
        match self.way(call.precision) {
            Way::Tiled(way) => way.backward(call.samples, from, delta, into, work),
            Way::Direct(way) => way.backward(call.samples, from, delta, into, work),
            Way::Columns(way) => way.backward(call.samples, from, delta, into, work),
        }
    }
}

/// Adds `row` to every row of `values`.
fn add_to_rows(values: &mut [f32], row: &[f32]) {
    for values in values.chunks_exact_mut(row.len()) {
        for (v, r) in values.iter_mut().zip(row) {
            *v += r;
        }
    }
}

/// Adds every row of `values` to `sum`.
fn add_rows(values: &[f32], sum: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            for row in values.chunks_exact(sum.len()) {
                for (s, v) in sum.iter_mut().zip(row) {
                    *s += v;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests;
