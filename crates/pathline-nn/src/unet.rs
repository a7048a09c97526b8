//! A convolutional U-Net, conditioned on time and, where wanted, class (torchcfm's `UNetModel`).
//!
//! A 3x3 convolution lifts the image to `model_channels * channel_mult[0]` channels. The way down has
//! one level for each entry of `channel_mult`: `res_blocks` residual blocks, each
//! `h = conv(silu(norm(x)))`, then `x' + conv(silu(norm(h + linear(silu(e)))))` with `x'` being `x` or a
//! 1x1 convolution of it, and between levels a convolution of stride 2. The middle is a residual block,
//! attention and another. The way up mirrors the way down with one residual block more at each level;
//! each block is given what the block opposite made beside what came before it. `e` is
//! `linear(silu(linear(cosines and sines of t))) + table[class]`; norms have 32 groups.
//!
//! Structure, names, shapes and initialisation are those of torchcfm's `UNetModel` with its defaults
//! (learned resampling, no scale-shift norm, heads before queries, keys and values), so its state
//! dictionaries load by name. Dropout is left out: the network is the one of evaluation.
//!
//! # A level of 32 channels is told nothing
//! The embedding `e` is added before a norm of 32 groups. With 32 channels a group is one channel, whose
//! mean the norm takes away, and with it `e`: such a level knows neither time nor class but through what
//! wider levels hand up to it. So it is in torchcfm (its `num_channels=32` example lives off the levels of
//! 64). [`UNet::new`] refuses a network all of whose levels are so.
//!
//! # The null label
//! torchcfm's network has one row a class and is never told "no class". Guidance needs a row for it, so
//! a network of `classes` classes made here has one row more, the last, and samples without a class
//! get it. A checkpoint without that row loads with `null_label: false`: every sample then needs a
//! class, and evaluation without one is refused.
//!
//! # References
//! Ronneberger, Fischer and Brox (2015), "U-Net", arXiv:1505.04597; Ho, Jain and Abbeel (2020),
//! arXiv:2006.11239, appendix B; Dhariwal and Nichol (2021), arXiv:2105.05233, section 3; Tong et al.
//! (2024), arXiv:2302.00482, appendix on images.

mod checkpoint;
mod layout;
mod structure;

use std::sync::Arc;

use pathline::field::{Conditions, check_pullback};
use pathline::{At, Error, Rows, RowsMut, Seed, Shape};

use crate::graph::Graph;
use crate::loss;
use crate::network::{Network, NetworkConfig, TrainingBatch, check_classes, check_forward};
use crate::parameters::{Parameters, Tensors};
use crate::scratch::Scratch;
use crate::tensors;

/// What a [`UNet`] is apart from its parameters.
///
/// # Examples
/// ```
/// use pathline::Shape;
/// use pathline_nn::UNetConfig;
/// let config = UNetConfig { classes: Some(10), ..UNetConfig::new(Shape::new([1, 28, 28])?) };
/// assert_eq!(config.values()?, 1_063_905);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// The shape of one state, `[channels, height, width]`; height and width are multiples of
    /// `2^(levels - 1)`.
    pub shape: Shape,
    /// Channels that the multipliers multiply; a multiple of 32.
    pub model_channels: usize,
    /// For each level, from the largest image to the smallest, its channels over `model_channels`.
    pub channel_mult: Vec<usize>,
    /// Residual blocks of a level on the way down.
    pub res_blocks: usize,
    /// The factors by which images are smaller than the state (1, 2, 4, ...) at which every residual
    /// block is followed by attention. The middle always has attention.
    #[serde(default)]
    pub attention: Vec<usize>,
    /// Heads of attention, unless `head_width` is given.
    #[serde(default = "one")]
    pub heads: usize,
    /// Channels of a head: then a level has its channels over this many heads.
    #[serde(default)]
    pub head_width: Option<usize>,
    /// Classes that the network can be told; `None` for an unconditional network.
    #[serde(default)]
    pub classes: Option<usize>,
    /// Whether the table of classes has a row more, for samples without a class.
    #[serde(default = "yes")]
    pub null_label: bool,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl UNetConfig {
    /// A small unconditional network for images of this shape: 32 channels times 1, 2 and 2, one
    /// residual block a level, attention in the middle only.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            model_channels: 32,
            channel_mult: vec![1, 2, 2],
            res_blocks: 1,
            attention: Vec::new(),
            heads: one(),
            head_width: None,
            classes: None,
            null_label: yes(),
        }
    }

    /// Number of parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a config that no network can have.
    pub fn values(&self) -> Result<usize, Error> {
        let shapes = structure::shapes(self)?;
        Ok(shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum())
    }

    /// Heads of attention between pixels of `width` channels.
    fn heads_of(&self, width: usize) -> usize {
        self.head_width.map_or(self.heads, |head| width / head.max(1))
    }

    /// Rows of the table of classes, if there is one.
    fn labels(&self) -> Option<usize> {
        self.classes.map(|classes| classes + usize::from(self.null_label))
    }
}

/// A U-Net; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Network, UNet, UNetConfig};
/// let unet = UNet::new(&UNetConfig::new(Shape::new([3, 8, 8])?), Seed(1))?;
/// let name = "input_blocks.0.0.weight";
/// assert_eq!(unet.parameters().get(name).map(|w| w.shape), Some(&[32, 3, 3, 3][..]));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct UNet {
    config: UNetConfig,
    parameters: Parameters,
    graph: Arc<Graph>,
}

impl UNet {
    /// A network with fresh parameters, as torchcfm's begins: weights and biases uniform in
    /// `±1/sqrt(inputs)`, class rows standard normal, norms one and zero, and zero the second
    /// convolution of each residual block, the last map of each attention and the last layer, so that
    /// the network begins as zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a config that no network can have, and for one whose network could not be told
    /// the time (see the [module](self)).
    pub fn new(config: &UNetConfig, seed: Seed) -> Result<Self, Error> {
        let tensors = structure::fresh(config, seed)?;
        let deaf = |&mult: &usize| mult.saturating_mul(config.model_channels) == layout::GROUPS;
        if config.channel_mult.iter().all(deaf) {
            let remedy = "norms of 32 groups cancel time and class where there are 32 channels: give a \
                          level 64 or more";
            return Err(Error::invalid("U-Net", "32 channels on every level", remedy));
        }
        Self::from_config(config, &tensors)
    }

    /// The network of a config, with these parameters.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or too many;
    /// [`Error::Invalid`] for an impossible config.
    pub fn from_config(config: &UNetConfig, tensors: &Tensors) -> Result<Self, Error> {
        tensors::check_all(&structure::shapes(config)?, tensors)?;
        let parameters = Parameters::from_tensors(tensors)?;
        let graph = Arc::new(structure::graph(config, &parameters)?);
        Ok(Self { config: config.clone(), parameters, graph })
    }

    /// The network that a checkpoint's tensors hold, for states of `shape`. Widths, levels and places of
    /// attention are read from names and shapes; the number of heads cannot be. Every row of its table
    /// of classes is taken for a class.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, wrong or too many; [`Error::Invalid`] when the
    /// states or the heads do not fit.
    pub fn from_tensors(tensors: &Tensors, shape: &Shape, heads: usize) -> Result<Self, Error> {
        Self::from_config(&checkpoint::config_of(tensors, shape, heads)?, tensors)
    }

    /// Fails unless the network can be told these conditions.
    fn check_conditions(&self, conditions: &Conditions) -> Result<(), Error> {
        let UNetConfig { classes, null_label, .. } = self.config;
        let invalid = |remedy: &str| {
            Err(Error::invalid("condition of a U-Net", format!("{conditions:?}"), remedy))
        };
        let Some(classes) = classes else {
            return match conditions {
                Conditions::None => Ok(()),
                _ => invalid("this network was not told any class: use it without conditions"),
            };
        };
        check_classes(classes, conditions)?;
        let without =
            |found: &[u32]| found.is_empty() || found.iter().any(|&c| c as usize == classes);
        if !null_label && without(&conditions.classes()) {
            return invalid(
                "this network has no null label, so every sample needs a class, and guidance has \
                 nothing to compare with: train one with null_label and samples without a class",
            );
        }
        Ok(())
    }
}

impl Network for UNet {
    fn shape(&self) -> &Shape {
        &self.config.shape
    }

    fn config(&self) -> NetworkConfig {
        NetworkConfig::Unet(self.config.clone())
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn classes(&self) -> usize {
        self.config.classes.unwrap_or(0)
    }

    fn parameter_values_mut(&mut self) -> &mut [f32] {
        self.parameters.as_mut_slice()
    }

    fn duplicate(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }

    fn forward(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        check_forward(self.config.shape.elements(), at, &out)?;
        self.check_conditions(conditions)?;
        self.graph.forward(self.parameters.as_slice(), (at, conditions), out, scratch);
        Ok(())
    }

    fn pullback(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        along: Rows<'_>,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Error> {
        self.check_conditions(conditions)?;
        check_pullback(&self.config.shape, at, along, &out)?;
        self.graph.pullback(self.parameters.as_slice(), (at, conditions), along, out, scratch);
        Ok(true)
    }

    fn gradient(
        &self,
        batch: &TrainingBatch<'_>,
        into: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<f64, Error> {
        self.check_conditions(batch.conditions)?;
        let counts = (self.parameters.len(), into.len());
        loss::check(batch, self.config.shape.elements(), counts)?;
        Ok(loss::of_graph(&self.graph, self.parameters.as_slice(), batch, (into, scratch)))
    }
}
