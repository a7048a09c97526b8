//! Direct sums in `f64` that tests compare with.

use crate::convolution::{Padding, Walk};
use crate::image::Image;
use pathline::seed::{Purpose, Seed};

pub(super) fn noise(n: usize, tag: u64) -> Vec<f32> {
    let mut out = vec![0.0; n];
    Seed(3).normal(Purpose::Data, tag, 0, &mut out);
    out
}

/// Value of a channel at a place that may lie outside, where it is zero.
fn at(image: &Image, y: isize, x: isize, c: usize) -> f64 {
    let inside = |v: isize, extent: usize| usize::try_from(v).ok().filter(|&v| v < extent);
    match (inside(y, image.extents[0]), inside(x, image.extents[1])) {
        (Some(y), Some(x)) => {
            f64::from(image.values[(y * image.extents[1] + x) * image.channels + c])
        }
        _ => 0.0,
    }
}

/// Outputs `[positions, outputs]` of a convolution with weights `[outputs, inputs | 1, height, width]`.
pub(super) fn direct(
    image: &Image,
    weights: &[f32],
    walk: Walk,
    outputs: usize,
    depthwise: bool,
) -> Vec<f64> {
    let [kh, kw] = walk.kernel;
    let spans: Vec<(usize, usize)> = (0..2)
        .map(|axis| {
            let (extent, kernel) = (image.extents[axis], walk.kernel[axis]);
            match walk.padding {
                Padding::Zeros(zeros) => {
                    ((extent + 2 * zeros[axis] - kernel) / walk.stride + 1, zeros[axis])
                }
                Padding::Same => {
                    let n = extent.div_ceil(walk.stride);
                    (n, ((n - 1) * walk.stride + kernel).saturating_sub(extent) / 2)
                }
            }
        })
        .collect();
    let inputs = if depthwise { 1 } else { image.channels };
    let mut sums = Vec::new();
    for oy in 0..spans[0].0 {
        for ox in 0..spans[1].0 {
            for o in 0..outputs {
                let mut sum = 0.0;
                for (i, weight) in
                    weights[o * inputs * kh * kw..][..inputs * kh * kw].iter().enumerate()
                {
                    let (c, ky, kx) = (i / (kh * kw), i / kw % kh, i % kw);
                    let y = (oy * walk.stride + ky) as isize - spans[0].1 as isize;
                    let x = (ox * walk.stride + kx) as isize - spans[1].1 as isize;
                    sum += f64::from(*weight) * at(image, y, x, if depthwise { o } else { c });
                }
                sums.push(sum);
            }
        }
    }
    sums
}
