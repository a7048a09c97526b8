//! EfficientNet-Lite0, a classifier of ImageNet's 1000 classes that is small enough for a processor.
//!
//! A 3x3 stem, sixteen inverted residuals `x + project(depthwise(expand(x)))` without squeeze-and-excitation,
//! a 1x1 head, and the mean over positions: 1280 features. Everything is followed by ReLU6 but the
//! projections; padding is TensorFlow's.
//!
//! # References
//! Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1; its
//! "Lite" variants (2020): no squeeze-and-excitation, ReLU6, stem and head of fixed width.
//!
//! # Not to be confused with
//! EfficientNet-B0, which has squeeze-and-excitation and swish: other weights, other features.

use pathline::kernels::{Layout, rows_times};
use pathline::{Batch, Error, Shape};

use crate::convolution::{Activation, Convolution, Padding, Walk};
use crate::depthwise::Depthwise;
use crate::image::{Image, features_of_each, level};
use crate::pooling::means;
use crate::resize::{Resizing, planes};
use crate::tensors::{Tensors, get};

/// Height and width of the images that the network sees.
const SIDE: usize = 224;
const CLASSES: usize = 1000;

/// Repetitions, kernel, stride, expansion and channels of each stage.
const STAGES: [[usize; 5]; 7] = [
    [1, 3, 1, 1, 16],
    [2, 3, 2, 6, 24],
    [2, 5, 2, 6, 40],
    [3, 3, 2, 6, 80],
    [3, 5, 1, 6, 112],
    [4, 5, 2, 6, 192],
    [1, 3, 1, 6, 320],
];

/// An inverted residual.
#[derive(Debug, Clone)]
struct Block {
    expand: Option<Convolution>,
    depthwise: Depthwise,
    project: Convolution,
    residual: bool,
}

/// EfficientNet-Lite0 with its weights.
///
/// # Examples
/// ```no_run
/// use pathline::{Batch, Shape};
/// use pathline_features::{EfficientNetLite0, Tensors};
/// let tensors = Tensors::new(); // read from a checkpoint
/// let net = EfficientNetLite0::from_tensors(&tensors)?;
/// let images = Batch::zeros(2, Shape::new([1, 28, 28])?);
/// let features = net.features(&images)?; // [2, 1280]
/// let logits = net.logits(&features)?; // [2, 1000]
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EfficientNetLite0 {
    stem: Convolution,
    blocks: Vec<Block>,
    head: Convolution,
    /// `[1000, 1280]`.
    classes: Vec<f32>,
    bias: Vec<f32>,
}

fn same(kernel: usize, stride: usize) -> Walk {
    Walk::square(kernel, stride, Padding::Same)
}

impl EfficientNetLite0 {
    /// How many features an image has.
    pub const FEATURES: usize = 1280;

    /// The network with these weights, under the names of `efficientnet_pytorch` (`_conv_stem.weight`,
    /// `_blocks.0._bn1.running_var`, ...); others are left alone.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape or not finite.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, Error> {
        let relu6 = Activation::Relu6;
        let names = ["_conv_stem", "_bn0"];
        let stem = Convolution::normalised(tensors, names, [3, 32], same(3, 2), relu6)?;
        let mut blocks = Vec::new();
        let mut inputs = 32;
        for [repetitions, kernel, stride, expansion, outputs] in STAGES {
            for i in 0..repetitions {
                let walk = same(kernel, if i == 0 { stride } else { 1 });
                let name = format!("_blocks.{}", blocks.len());
                blocks.push(Block::new(tensors, &name, [inputs, expansion, outputs], walk)?);
                inputs = outputs;
            }
        }
        let (names, wide) = (["_conv_head", "_bn1"], Self::FEATURES);
        let head = Convolution::normalised(tensors, names, [inputs, wide], same(1, 1), relu6)?;
        let classes = get(tensors, "_fc.weight", &[CLASSES, wide])?.to_vec();
        let bias = get(tensors, "_fc.bias", &[CLASSES])?.to_vec();
        Ok(Self { stem, blocks, head, classes, bias })
    }

    /// Features `[1280]` of images `[1 | 3, h, w]` in `[-1, 1]`.
    ///
    /// Values become grey levels as in a file of 8 bits (clamped and rounded), are resized to 224 x 224
    /// ([`Resizing::HalfPixelBilinear`]), repeated to three channels where they are grey, and enter the
    /// network as `(level - 127) / 128`. An image's features have the same bytes in any batch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for images of another shape, or that hold values that are not finite.
    pub fn features(&self, images: &Batch) -> Result<Batch, Error> {
        features_of_each(images, Self::FEATURES, |row, size| self.image(row, size))
    }

    /// Scores of ImageNet's classes, `[1000]`, from features: their softmax is the classes' probabilities.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the features are rows of 1280.
    pub fn logits(&self, features: &Batch) -> Result<Batch, Error> {
        let wide = Shape::vector(Self::FEATURES);
        Error::check_shape("features", &wide, features.shape())?;
        let mut logits = Batch::zeros(features.len(), Shape::vector(CLASSES));
        let (rows, out) = (features.as_slice(), logits.as_mut_slice());
        rows_times(rows, Self::FEATURES, &self.classes, Layout::Transposed, CLASSES, out);
        for row in out.chunks_exact_mut(CLASSES) {
            row.iter_mut().zip(&self.bias).for_each(|(x, bias)| *x += bias);
        }
        Ok(logits)
    }

    fn image(&self, row: &[f32], size: [usize; 2]) -> Vec<f32> {
        let levels: Vec<f32> = row.iter().map(|&x| level(x)).collect();
        let levels = planes(&levels, size, [SIDE; 2], Resizing::HalfPixelBilinear);
        let image = Image::from_planes(&levels, [SIDE; 2], |_, level| (level - 127.0) / 128.0);
        let mut x = self.stem.apply(&image);
        for block in &self.blocks {
            x = block.apply(&x);
        }
        means(&self.head.apply(&x))
    }
}

impl Block {
    fn new(
        tensors: &Tensors,
        name: &str,
        [inputs, expansion, outputs]: [usize; 3],
        walk: Walk,
    ) -> Result<Self, Error> {
        let wide = inputs * expansion;
        let full = |part: [&str; 2], channels, activation| {
            let [map, norm] = part.map(|part| format!("{name}.{part}"));
            Convolution::normalised(tensors, [&map, &norm], channels, same(1, 1), activation)
        };
        let expand = if expansion > 1 {
            Some(full(["_expand_conv", "_bn0"], [inputs, wide], Activation::Relu6)?)
        } else {
            None
        };
        let [map, norm] = ["_depthwise_conv", "_bn1"].map(|part| format!("{name}.{part}"));
        let names = [map.as_str(), norm.as_str()];
        let depthwise = Depthwise::normalised(tensors, names, wide, walk, Activation::Relu6)?;
        let project = full(["_project_conv", "_bn2"], [wide, outputs], Activation::None)?;
        let residual = walk.stride == 1 && inputs == outputs;
        Ok(Self { expand, depthwise, project, residual })
    }

    fn apply(&self, x: &Image) -> Image {
        let wide = match &self.expand {
            Some(expand) => self.depthwise.apply(&expand.apply(x)),
            None => self.depthwise.apply(x),
        };
        let mut out = self.project.apply(&wide);
        if self.residual {
            out.values.iter_mut().zip(&x.values).for_each(|(out, x)| *out += x);
        }
        out
    }
}
