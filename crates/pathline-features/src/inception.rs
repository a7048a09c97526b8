//! The Inception-v3 that FID is defined by: the graph of 2015, with weights ported from TensorFlow.
//!
//! It differs from torchvision's network of the same parameters' names and shapes (but for its 1008
//! classes): average pools count no padding, and the last block pools by the largest value. Features are
//! the mean over the last 8 x 8 positions, 2048 numbers.
//!
//! # References
//! Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015), figures 5 to 7.
//! Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium" (2017):
//! the distance.
//!
//! # Not to be confused with
//! torchvision's `inception_v3` or Keras's `InceptionV3`: a Frechet distance of their features is not FID.

use pathline::{Batch, Error};

use crate::convolution::{Activation, Convolution, Padding, Walk};
use crate::graph::Node;
use crate::image::{Image, features_of_each, level};
use crate::pooling::{Pool, means, window};
use crate::resize::{Resizing, planes};
use crate::tensors::Tensors;

/// Height and width of the images that the network sees.
const SIDE: usize = 299;

/// The FID Inception-v3 with its weights.
///
/// # Examples
/// ```no_run
/// use pathline::{Batch, Shape};
/// use pathline_features::{Inception, Resizing, Tensors};
/// let tensors = Tensors::new(); // read from pt_inception-2015-12-05-6726825d.pth
/// let net = Inception::from_tensors(&tensors)?.with_resizing(Resizing::HalfPixelBilinear);
/// let images = Batch::zeros(2, Shape::new([3, 32, 32])?);
/// let features = net.features(&images)?; // [2, 2048]
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Inception {
    graph: Node,
    resizing: Resizing,
}

impl Inception {
    /// How many features an image has.
    pub const FEATURES: usize = 2048;

    /// The network with these weights, under torchvision's names (`Conv2d_1a_3x3.conv.weight`,
    /// `Mixed_5b.branch1x1.bn.running_var`, ...), as in pytorch-fid's `pt_inception-2015-12-05-6726825d.pth`;
    /// others are left alone.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape or not finite, or that shows
    /// the weights to be torchvision's own.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, Error> {
        refuse_torchvision(tensors)?;
        Ok(Self { graph: network(tensors)?, resizing: Resizing::default() })
    }

    /// The same network, with images brought to its size in this way (default: antialiased bicubic).
    ///
    /// Scores depend on it: compare with numbers that were measured in the same way.
    #[must_use]
    pub fn with_resizing(self, resizing: Resizing) -> Self {
        Self { resizing, ..self }
    }

    /// How images are brought to the network's size.
    #[must_use]
    pub fn resizing(&self) -> Resizing {
        self.resizing
    }

    /// Features `[2048]` of images `[1 | 3, h, w]` in `[-1, 1]`.
    ///
    /// Values become grey levels `l` as in a file of 8 bits (clamped and rounded), grey ones in three equal
    /// channels. They are resized to 299 x 299 and enter the network as the programs do that resize in this way:
    ///
    /// | resizing | then | as |
    /// |---|---|---|
    /// | [`Resizing::AntialiasedBicubic`] | clamped to 0..255, `(l - 128) / 128` | clean-fid, mode `clean` |
    /// | [`Resizing::HalfPixelBilinear`] | `2 l / 255 - 1` | pytorch-fid |
    /// | [`Resizing::CornerBilinear`] | `(l - 128) / 128` | the first FID in TensorFlow |
    ///
    /// An image's features have the same bytes in any batch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for images of another shape, or that hold values that are not finite.
    pub fn features(&self, images: &Batch) -> Result<Batch, Error> {
        features_of_each(images, Self::FEATURES, |row, size| self.image(row, size))
    }

    fn image(&self, row: &[f32], size: [usize; 2]) -> Vec<f32> {
        let levels: Vec<f32> = row.iter().map(|&x| level(x)).collect();
        let levels = planes(&levels, size, [SIDE; 2], self.resizing);
        let enter = |_, level: f32| match self.resizing {
            Resizing::AntialiasedBicubic => (level.clamp(0.0, 255.0) - 128.0) / 128.0,
            Resizing::HalfPixelBilinear => 2.0 * (level / 255.0) - 1.0,
            Resizing::CornerBilinear => (level - 128.0) / 128.0,
        };
        means(&self.graph.apply(&Image::from_planes(&levels, [SIDE; 2], enter)))
    }
}

/// Fails where the classifier, which is not used, is torchvision's.
fn refuse_torchvision(tensors: &Tensors) -> Result<(), Error> {
    let other = match tensors.get("fc.bias") {
        Some((shape, _)) if shape != &[1008] => Some("fc.bias"),
        _ => tensors.keys().find(|name| name.starts_with("AuxLogits.")).map(String::as_str),
    };
    let Some(name) = other else { return Ok(()) };
    let problem = "this is another Inception-v3 than the one FID is defined by (1008 classes, no auxiliary \
                   classifier): give pt_inception-2015-12-05-6726825d.pth";
    Err(Error::Spec { place: format!("tensor `{name}`"), problem: problem.to_owned() })
}

/// Builds the convolutions of one block.
struct Block<'a> {
    tensors: &'a Tensors,
    name: &'a str,
}

impl Block<'_> {
    fn convolution(&self, part: &str, channels: [usize; 2], walk: Walk) -> Result<Node, Error> {
        let whole =
            if self.name.is_empty() { part.to_owned() } else { format!("{}.{part}", self.name) };
        let names = [&*format!("{whole}.conv"), &*format!("{whole}.bn")];
        let activation = Activation::Relu;
        Convolution::normalised(self.tensors, names, channels, walk, activation).map(Node::Convolve)
    }

    /// At stride 1, padded to keep the size.
    fn same(&self, part: &str, channels: [usize; 2], kernel: [usize; 2]) -> Result<Node, Error> {
        let padding = Padding::Zeros(kernel.map(|k| k / 2));
        self.convolution(part, channels, Walk { kernel, stride: 1, padding })
    }

    /// 3x3, without padding.
    fn valid(&self, part: &str, channels: [usize; 2], stride: usize) -> Result<Node, Error> {
        self.convolution(part, channels, window(3, stride, 0))
    }

    /// A 1x1 convolution of a pooled image.
    fn pooled(&self, pool: Pool, channels: [usize; 2]) -> Result<Node, Error> {
        let map = self.same("branch_pool", channels, [1, 1])?;
        Ok(Node::Chain(vec![Node::Pool(pool, window(3, 1, 1)), map]))
    }

    /// 35 x 35: 1x1, 5x5, two 3x3, pool.
    fn a(&self, inputs: usize, pooled: usize) -> Result<Node, Error> {
        Ok(Node::Fork(vec![
            self.same("branch1x1", [inputs, 64], [1, 1])?,
            Node::Chain(vec![
                self.same("branch5x5_1", [inputs, 48], [1, 1])?,
                self.same("branch5x5_2", [48, 64], [5, 5])?,
            ]),
            Node::Chain(vec![
                self.same("branch3x3dbl_1", [inputs, 64], [1, 1])?,
                self.same("branch3x3dbl_2", [64, 96], [3, 3])?,
                self.same("branch3x3dbl_3", [96, 96], [3, 3])?,
            ]),
            self.pooled(Pool::Mean, [inputs, pooled])?,
        ]))
    }

    /// To 17 x 17.
    fn b(&self, inputs: usize) -> Result<Node, Error> {
        Ok(Node::Fork(vec![
            self.valid("branch3x3", [inputs, 384], 2)?,
            Node::Chain(vec![
                self.same("branch3x3dbl_1", [inputs, 64], [1, 1])?,
                self.same("branch3x3dbl_2", [64, 96], [3, 3])?,
                self.valid("branch3x3dbl_3", [96, 96], 2)?,
            ]),
            Node::Pool(Pool::Max, window(3, 2, 0)),
        ]))
    }

    /// 17 x 17: 1x1, 7x7 as rows and columns once and twice, pool.
    fn c(&self, inner: usize) -> Result<Node, Error> {
        let inputs = 768;
        Ok(Node::Fork(vec![
            self.same("branch1x1", [inputs, 192], [1, 1])?,
            Node::Chain(vec![
                self.same("branch7x7_1", [inputs, inner], [1, 1])?,
                self.same("branch7x7_2", [inner, inner], [1, 7])?,
                self.same("branch7x7_3", [inner, 192], [7, 1])?,
            ]),
            Node::Chain(vec![
                self.same("branch7x7dbl_1", [inputs, inner], [1, 1])?,
                self.same("branch7x7dbl_2", [inner, inner], [7, 1])?,
                self.same("branch7x7dbl_3", [inner, inner], [1, 7])?,
                self.same("branch7x7dbl_4", [inner, inner], [7, 1])?,
                self.same("branch7x7dbl_5", [inner, 192], [1, 7])?,
            ]),
            self.pooled(Pool::Mean, [inputs, 192])?,
        ]))
    }

    /// To 8 x 8.
    fn d(&self) -> Result<Node, Error> {
        let inputs = 768;
        Ok(Node::Fork(vec![
            Node::Chain(vec![
                self.same("branch3x3_1", [inputs, 192], [1, 1])?,
                self.valid("branch3x3_2", [192, 320], 2)?,
            ]),
            Node::Chain(vec![
                self.same("branch7x7x3_1", [inputs, 192], [1, 1])?,
                self.same("branch7x7x3_2", [192, 192], [1, 7])?,
                self.same("branch7x7x3_3", [192, 192], [7, 1])?,
                self.valid("branch7x7x3_4", [192, 192], 2)?,
            ]),
            Node::Pool(Pool::Max, window(3, 2, 0)),
        ]))
    }

    /// 8 x 8: 1x1, 3x3 split into a row and a column, the same after another 3x3, pool.
    fn e(&self, inputs: usize, pool: Pool) -> Result<Node, Error> {
        let split = |parts: [&str; 2]| -> Result<Node, Error> {
            let row = self.same(parts[0], [384, 384], [1, 3])?;
            Ok(Node::Fork(vec![row, self.same(parts[1], [384, 384], [3, 1])?]))
        };
        Ok(Node::Fork(vec![
            self.same("branch1x1", [inputs, 320], [1, 1])?,
            Node::Chain(vec![
                self.same("branch3x3_1", [inputs, 384], [1, 1])?,
                split(["branch3x3_2a", "branch3x3_2b"])?,
            ]),
            Node::Chain(vec![
                self.same("branch3x3dbl_1", [inputs, 448], [1, 1])?,
                self.same("branch3x3dbl_2", [448, 384], [3, 3])?,
                split(["branch3x3dbl_3a", "branch3x3dbl_3b"])?,
            ]),
            self.pooled(pool, [inputs, 192])?,
        ]))
    }
}

fn network(tensors: &Tensors) -> Result<Node, Error> {
    let block = |name| Block { tensors, name };
    let stem = block("");
    let halve = || Node::Pool(Pool::Max, window(3, 2, 0));
    Ok(Node::Chain(vec![
        stem.valid("Conv2d_1a_3x3", [3, 32], 2)?,
        stem.valid("Conv2d_2a_3x3", [32, 32], 1)?,
        stem.same("Conv2d_2b_3x3", [32, 64], [3, 3])?,
        halve(),
        stem.same("Conv2d_3b_1x1", [64, 80], [1, 1])?,
        stem.valid("Conv2d_4a_3x3", [80, 192], 1)?,
        halve(),
        block("Mixed_5b").a(192, 32)?,
        block("Mixed_5c").a(256, 64)?,
        block("Mixed_5d").a(288, 64)?,
        block("Mixed_6a").b(288)?,
        block("Mixed_6b").c(128)?,
        block("Mixed_6c").c(160)?,
        block("Mixed_6d").c(160)?,
        block("Mixed_6e").c(192)?,
        block("Mixed_7a").d()?,
        block("Mixed_7b").e(1280, Pool::Mean)?,
        block("Mixed_7c").e(2048, Pool::Max)?,
    ]))
}
