//! Which network is trained, as data: what can be said of it before the data are known.

use pathline::{Seed, Shape};
use pathline_nn::{Activation, Dit, DitConfig, Mlp, MlpConfig, Network, UNet, UNetConfig};

use crate::error::Error;

/// A network as a part of a spec; the data say its shape and how many classes there are.
///
/// # Examples
/// ```
/// use pathline::spec::from_json;
/// use pathline_study::NetworkSpec;
/// let spec: NetworkSpec = from_json("network", r#"{"kind": "mlp", "hidden": [64, 64]}"#)?;
/// let NetworkSpec::Mlp(mlp) = &spec else { return Ok(()) };
/// assert_eq!(mlp.hidden, [64, 64]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NetworkSpec {
    /// A diffusion transformer, told the classes of the data.
    Dit(DitSpec),
    /// A convolutional U-Net, told the classes of the data.
    Unet(UnetSpec),
    /// A multilayer perceptron. It takes no class, whatever the data have.
    Mlp(MlpSpec),
}

impl Default for NetworkSpec {
    fn default() -> Self {
        Self::Mlp(MlpSpec::default())
    }
}

/// The settings of a diffusion transformer for images; see [`DitConfig`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DitSpec {
    /// Side of the squares that an image is cut into; 4.
    pub patch: usize,
    /// Width of a row; 128.
    pub width: usize,
    /// Blocks; 6.
    pub depth: usize,
    /// Heads of attention; 4.
    pub heads: usize,
}

impl Default for DitSpec {
    fn default() -> Self {
        Self { patch: 4, width: 128, depth: 6, heads: 4 }
    }
}

/// The settings of a U-Net for images; see [`UNetConfig`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnetSpec {
    /// Channels that the multipliers multiply, a multiple of 32; 32.
    pub model_channels: usize,
    /// For each level its channels over `model_channels`; 1, 2, 2.
    pub channel_mult: Vec<usize>,
    /// Residual blocks of a level on the way down; 1.
    pub res_blocks: usize,
    /// Factors by which images are smaller than the data where there is attention; none but the middle.
    pub attention: Vec<usize>,
    /// Heads of attention; 1.
    pub heads: usize,
}

impl Default for UnetSpec {
    fn default() -> Self {
        let attention = Vec::new();
        Self { model_channels: 32, channel_mult: vec![1, 2, 2], res_blocks: 1, attention, heads: 1 }
    }
}

/// The settings of a multilayer perceptron.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpSpec {
    /// Widths of the hidden layers; three of 128.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer; SiLU.
    pub activation: Activation,
}

impl Default for MlpSpec {
    fn default() -> Self {
        Self { hidden: vec![128; 3], activation: Activation::Silu }
    }
}

impl NetworkSpec {
    /// A fresh network for states of this shape with this many classes (0 for none).
    ///
    /// # Errors
    /// [`Error::Library`] for settings that make no network of that shape.
    pub fn build(
        &self,
        shape: &Shape,
        classes: usize,
        seed: Seed,
    ) -> Result<Box<dyn Network>, Error> {
        match self {
            Self::Dit(DitSpec { patch, width, depth, heads }) => {
                let config = DitConfig {
                    patch: *patch,
                    width: *width,
                    depth: *depth,
                    heads: *heads,
                    ..DitConfig::new(shape.clone(), classes)
                };
                Ok(Box::new(Dit::new(&config, seed)?))
            }
            Self::Unet(UnetSpec { model_channels, channel_mult, res_blocks, attention, heads }) => {
                let config = UNetConfig {
                    model_channels: *model_channels,
                    channel_mult: channel_mult.clone(),
                    res_blocks: *res_blocks,
                    attention: attention.clone(),
                    heads: *heads,
                    classes: (classes > 0).then_some(classes),
                    ..UNetConfig::new(shape.clone())
                };
                Ok(Box::new(UNet::new(&config, seed)?))
            }
            Self::Mlp(MlpSpec { hidden, activation }) => {
                let (shape, hidden) = (shape.clone(), hidden.clone());
                let config = MlpConfig { shape, hidden, activation: *activation };
                Ok(Box::new(Mlp::new(&config, seed)?))
            }
        }
    }
}
