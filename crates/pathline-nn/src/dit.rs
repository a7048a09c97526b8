//! A diffusion transformer on patches of an image, conditioned on time and class (DiT, SiT).
//!
//! `x` is cut into squares of `patch` x `patch`, each a row; rows get the sum of a linear map of their
//! values and a fixed table of positions. The condition of a sample is
//! `c = MLP(cosines and sines of t) + table[class]`. Each block is
//! `x += gate_1 attention(modulate_1(x))`, then `x += gate_2 MLP(modulate_2(x))`, with
//! `modulate(x) = layernorm(x) (1 + scale) + shift` and all six of a block's shifts, scales and gates
//! from one linear map of `silu(c)`. A last modulated linear map gives the squares of the velocity.
//!
//! Structure, names, order of values and initialisation are those of SiT, so its checkpoints load by
//! name. Velocities point from noise to data on Pathline's clock, as SiT's do.
//!
//! [`SitSize`] has the published sizes.
//!
//! # References
//! Peebles and Xie (2023), "Scalable diffusion models with transformers", arXiv:2212.09748, section 3;
//! Ma et al. (2024), "SiT", arXiv:2401.08740.

mod size;
mod structure;

use std::borrow::Cow;
use std::sync::Arc;

use pathline::field::{Conditions, check_pullback};
use pathline::{At, Error, Rows, RowsMut, Seed, Shape};

use crate::graph::Graph;
use crate::loss;
use crate::network::{Network, NetworkConfig, TrainingBatch, check_classes, check_forward};
use crate::parameters::{Parameters, Tensors};
use crate::scratch::Scratch;
use crate::tensors;

pub use size::SitSize;

/// Largest difference from the computed positions that a checkpoint's table may have.
const POSITIONS_AGREE: f32 = 1e-4;
/// The name of a checkpoint's table of positions, which is computed here.
const POSITIONS: &str = "pos_embed";

/// What a [`Dit`] is apart from its parameters.
///
/// # Examples
/// ```
/// use pathline::Shape;
/// use pathline_nn::DitConfig;
/// let shape = Shape::new([1, 28, 28])?;
/// let config = DitConfig { patch: 4, width: 128, depth: 6, heads: 4, ..DitConfig::new(shape, 10) };
/// assert_eq!(config.values()?, 1_869_072);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DitConfig {
    /// The shape of one state, `[channels, height, width]`.
    pub shape: Shape,
    /// Side of a square; divides height and width.
    pub patch: usize,
    /// Width of a row; a multiple of 4 and of `heads`.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Width of a block's MLP over that of a row.
    #[serde(default = "mlp_ratio")]
    pub mlp_ratio: usize,
    /// Classes that the network can be told; 0 for an unconditional one.
    pub classes: usize,
    /// Whether the output has as many channels again, which are ignored (SiT's published networks).
    #[serde(default)]
    pub learned_variance: bool,
}

fn mlp_ratio() -> usize {
    4
}

impl DitConfig {
    /// A small network for images of this shape: patch 4, width 128, depth 6, 4 heads.
    #[must_use]
    pub fn new(shape: Shape, classes: usize) -> Self {
        let mlp_ratio = mlp_ratio();
        let learned_variance = false;
        Self {
            shape,
            patch: 4,
            width: 128,
            depth: 6,
            heads: 4,
            mlp_ratio,
            classes,
            learned_variance,
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
}

/// A diffusion transformer; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Dit, DitConfig, Network};
/// let shape = Shape::new([1, 8, 8])?;
/// let config = DitConfig { width: 32, depth: 2, ..DitConfig::new(shape, 10) };
/// let dit = Dit::new(&config, Seed(1))?;
/// let name = "blocks.1.attn.qkv.weight";
/// assert_eq!(dit.parameters().get(name).map(|w| w.shape), Some(&[96, 32][..]));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dit {
    config: DitConfig,
    parameters: Parameters,
    graph: Arc<Graph>,
}

impl Dit {
    /// A network with fresh parameters, as SiT begins: linear maps uniform in
    /// `±sqrt(6 / (inputs + outputs))`, time and label embeddings normal of deviation 0.02, biases,
    /// modulations and the last layer zero, so that the network begins as zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a config that no network can have.
    pub fn new(config: &DitConfig, seed: Seed) -> Result<Self, Error> {
        Self::from_config(config, &structure::fresh(config, seed)?)
    }

    /// The network of a config, with these parameters. A checkpoint's `pos_embed` is compared with the
    /// positions computed here.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, too many, or a
    /// table of other positions; [`Error::Invalid`] for an impossible config.
    pub fn from_config(config: &DitConfig, tensors: &Tensors) -> Result<Self, Error> {
        let shapes = structure::shapes(config)?;
        let mut tensors = Cow::Borrowed(tensors);
        if let Some((_, found)) = tensors.get(POSITIONS) {
            let wanted = structure::squares(config)?.saturating_mul(config.width);
            let computed =
                if found.len() == wanted { structure::positions(config)? } else { Vec::new() };
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= POSITIONS_AGREE;
            if found.len() != computed.len() || !found.iter().zip(&computed).all(near) {
                let problem = "not the sines and cosines of this image size and patch; give the \
                               shape of the states that the network was trained on";
                return Err(tensors::error(POSITIONS, problem));
            }
            tensors.to_mut().remove(POSITIONS);
        }
        tensors::check_all(&shapes, &tensors)?;
        let parameters = Parameters::from_tensors(&tensors)?;
        let graph = Arc::new(structure::graph(config, &parameters)?);
        Ok(Self { config: config.clone(), parameters, graph })
    }

    /// The network that a checkpoint's tensors hold, for states of `shape`; without one `[channels, side,
    /// side]` with the side given by `pos_embed`. The number of heads cannot be read from tensors: give it, or leave it
    /// to the [published sizes](SitSize).
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, wrong or too many.
    pub fn from_tensors(
        tensors: &Tensors,
        heads: Option<usize>,
        shape: Option<&Shape>,
    ) -> Result<Self, Error> {
        Self::from_config(&structure::config_of(tensors, heads, shape)?, tensors)
    }
}

impl Network for Dit {
    fn shape(&self) -> &Shape {
        &self.config.shape
    }

    fn config(&self) -> NetworkConfig {
        NetworkConfig::Dit(self.config.clone())
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn classes(&self) -> usize {
        self.config.classes
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
        check_classes(self.config.classes, conditions)?;
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
        check_classes(self.config.classes, conditions)?;
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
        check_classes(self.config.classes, batch.conditions)?;
        let counts = (self.parameters.len(), into.len());
        loss::check(batch, self.config.shape.elements(), counts)?;
        Ok(loss::of_graph(&self.graph, self.parameters.as_slice(), batch, (into, scratch)))
    }
}
