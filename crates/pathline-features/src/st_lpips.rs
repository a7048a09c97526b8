//! ST-LPIPS, a perceptual distance that a shift by a few pixels hardly changes.
//!
//! `d(a, b) = Σ_l mean_p Σ_c w_lc (â_lpc - b̂_lpc)^2` over five layers `l` of a trunk (AlexNet or VGG16 with
//! blurs in place of strides), where `â` is a layer's output divided by its length over channels.
//!
//! # References
//! Ghildyal, Liu, "Shift-Tolerant Perceptual Similarity Metric" (2022).
//! Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (2018), equation 1.
//!
//! # Not to be confused with
//! LPIPS: the same formula on trunks trained for ImageNet. The trunks here were trained for the distance
//! itself; the numbers are others.

use pathline::{Batch, Error};
use rayon::prelude::*;

use crate::convolution::{Activation, Convolution, Padding, Walk};
use crate::graph::Node;
use crate::image::{Image, check_finite, extents};
use crate::pooling::{Pool, window};
use crate::tensors::{Tensors, get};

/// Keeps lengths of zero from dividing.
const FLOOR: f64 = 1e-10;

/// ST-LPIPS with the weights of one trunk.
///
/// # Examples
/// ```no_run
/// use pathline::{Batch, Shape};
/// use pathline_features::{StLpips, Tensors};
/// let tensors = Tensors::new(); // read from alex_shift_tolerant.pth
/// let metric = StLpips::from_tensors(&tensors)?;
/// let images = Batch::zeros(2, Shape::new([3, 64, 64])?);
/// assert_eq!(metric.distances(&images, &images)?, [0.0, 0.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StLpips {
    name: &'static str,
    /// What is taken from each channel of an image, and what it is divided by.
    scaling: [[f32; 2]; 3],
    slices: Vec<Slice>,
}

/// Part of the trunk up to a layer that is compared, and the weight of each of its channels.
#[derive(Debug, Clone)]
struct Slice {
    node: Node,
    weights: Vec<f32>,
}

impl StLpips {
    /// The distance with these weights, those of `alex_shift_tolerant.pth` or `vgg_shift_tolerant.pth` of the
    /// package `stlpips-pytorch`; the trunk is recognised by its names.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or not the blur
    /// that the trunk has.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, Error> {
        let (name, nodes) = if tensors.contains_key("net.slice1.2.weight") {
            ("ST-LPIPS (vgg)", vgg(tensors)?)
        } else {
            ("ST-LPIPS (alex)", alex(tensors)?)
        };
        let part = |part: &str| get(tensors, &format!("scaling_layer.{part}"), &[1, 3, 1, 1]);
        let (shift, scale) = (part("shift")?, part("scale")?);
        let scaling = [0, 1, 2].map(|c| [shift[c], scale[c]]);
        let slices = nodes.into_iter().enumerate().map(|(i, (node, channels))| {
            let head = format!("lin{i}.model.1.weight");
            let weights = get(tensors, &head, &[1, channels, 1, 1])?.to_vec();
            Ok(Slice { node, weights })
        });
        Ok(Self { name, scaling, slices: slices.collect::<Result<_, Error>>()? })
    }

    /// What results are called by: `ST-LPIPS (alex)` or `ST-LPIPS (vgg)`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// The distance of each image of `a` from the one at its place in `b`; images `[1 | 3, h, w]` in `[-1, 1]`,
    /// at least 21 x 21 (alex) or 18 x 18 (vgg). Grey ones are repeated to three channels; nothing is rounded or resized.
    /// A distance has the same bytes in any batch.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Count`] when the batches differ; [`Error::Invalid`] for images of another
    /// shape or too small for the trunk, or that hold values that are not finite.
    pub fn distances(&self, a: &Batch, b: &Batch) -> Result<Vec<f64>, Error> {
        Error::check_shape("images to compare with", a.shape(), b.shape())?;
        Error::check_count("images to compare with", a.len(), b.len())?;
        let (_, size) = extents(a)?;
        let start = Some((size, 3));
        let fits = |at: Option<_>, slice: &Slice| at.and_then(|(e, c)| slice.node.outputs(e, c));
        if self.slices.iter().fold(start, fits).is_none() {
            let remedy = "this is too small for the trunk; resize the images";
            return Err(Error::invalid("shape of images", a.shape(), remedy));
        }
        check_finite(a)?;
        check_finite(b)?;
        let pairs: Vec<_> = a.rows().iter().zip(b.rows().iter()).collect();
        Ok(pairs.par_iter().map(|(a, b)| self.distance(a, b, size)).collect())
    }

    fn distance(&self, a: &[f32], b: &[f32], size: [usize; 2]) -> f64 {
        let scaled = |c: usize, x: f32| (x - self.scaling[c][0]) / self.scaling[c][1];
        let [mut a, mut b] = [a, b].map(|row| Image::from_planes(row, size, scaled));
        let mut sum = 0.0;
        for slice in &self.slices {
            [a, b] = [slice.node.apply(&a), slice.node.apply(&b)];
            sum += slice.compare(&a, &b);
        }
        sum
    }
}

impl Slice {
    /// Mean over positions of the weighted squared difference of unit vectors.
    fn compare(&self, a: &Image, b: &Image) -> f64 {
        let length =
            |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() + FLOOR;
        let positions = a.values.chunks_exact(a.channels).zip(b.values.chunks_exact(b.channels));
        let mut sum = 0.0;
        for (a, b) in positions {
            let [by_a, by_b] = [a, b].map(|v| 1.0 / length(v));
            for ((&a, &b), &weight) in a.iter().zip(b).zip(&self.weights) {
                sum += f64::from(weight) * (f64::from(a) * by_a - f64::from(b) * by_b).powi(2);
            }
        }
        sum / (a.extents[0] * a.extents[1]) as f64
    }
}

/// A blur, if the weights hold `[1 2 1] x [1 2 1] / 16` for every channel.
fn blur(
    tensors: &Tensors,
    name: &str,
    channels: usize,
    activation: Activation,
) -> Result<Node, Error> {
    let name = format!("{name}.filt");
    let weights = get(tensors, &name, &[channels, 1, 3, 3])?;
    let kernel = [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0];
    if weights.chunks(9).flat_map(|w| w.iter().zip(kernel)).all(|(&w, k)| 16.0 * w == k) {
        return Ok(Node::Blur(activation));
    }
    let problem = "expected the blur [1 2 1] x [1 2 1] / 16 for every channel".to_owned();
    Err(Error::Spec { place: format!("tensor `{name}`"), problem })
}

/// A convolution with bias and ReLU.
fn map(
    tensors: &Tensors,
    name: &str,
    channels: [usize; 2],
    [kernel, padding]: [usize; 2],
) -> Result<Node, Error> {
    let (walk, relu) = (window(kernel, 1, padding), Activation::Relu);
    Convolution::biased(tensors, name, channels, walk, relu).map(Node::Convolve)
}

/// AlexNet up to its fifth ReLU: parts of the trunk, and how many channels each ends with.
fn alex(tensors: &Tensors) -> Result<Vec<(Node, usize)>, Error> {
    let pool = || Node::Pool(Pool::Max, window(3, 1, 0));
    let walk = Walk::square(11, 1, Padding::Zeros([2, 2]));
    let first = Convolution::biased(tensors, "net.slice1.0", [3, 64], walk, Activation::None)?;
    let map = |name, channels, kernel| map(tensors, name, channels, kernel);
    let blur = |name, channels, activation| blur(tensors, name, channels, activation);
    let (none, relu) = (Activation::None, Activation::Relu);
    let parts = [
        (vec![Node::Convolve(first), blur("net.slice1.1", 64, relu)?], 64),
        (
            vec![pool(), blur("net.slice2.4", 64, none)?, map("net.slice2.5", [64, 192], [5, 2])?],
            192,
        ),
        (
            vec![
                pool(),
                blur("net.slice3.8", 192, none)?,
                map("net.slice3.9", [192, 384], [3, 1])?,
            ],
            384,
        ),
        (vec![map("net.slice4.11", [384, 256], [3, 1])?], 256),
        (vec![map("net.slice5.13", [256, 256], [3, 1])?], 256),
    ];
    Ok(parts.into_iter().map(|(nodes, channels)| (Node::Chain(nodes), channels)).collect())
}

/// VGG16 up to the last ReLU of each size.
fn vgg(tensors: &Tensors) -> Result<Vec<(Node, usize)>, Error> {
    let mut slices = Vec::new();
    // Counts every operation of the trunk, as the names do.
    let (mut index, mut inputs) = (0, 3);
    for (i, (maps, channels)) in
        [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].into_iter().enumerate()
    {
        let slice = format!("net.slice{}", i + 1);
        let mut nodes = Vec::new();
        if i > 0 {
            nodes.push(Node::Pool(Pool::Max, window(2, 1, 0)));
            let name = format!("{slice}.{}", index + 1);
            nodes.push(blur(tensors, &name, inputs, Activation::None)?);
            index += 2;
        }
        for _ in 0..maps {
            let name = format!("{slice}.{index}");
            nodes.push(map(tensors, &name, [inputs, channels], [3, 1])?);
            inputs = channels;
            index += 2;
        }
        slices.push((Node::Chain(nodes), channels));
    }
    Ok(slices)
}
