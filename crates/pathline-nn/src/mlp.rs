//! A multilayer perceptron on `[x, t]`: `h_0 = [x, t]`, `h_{l+1} = a(W_l h_l + b_l)`, and a last layer
//! without activation that gives the velocity.
//!
//! Layout and names are those of the networks in torchcfm: time is the last input, and layer `l` is
//! `net.{2l}` of a sequence whose odd places are activations.
//!
//! # References
//! Tong et al. (2024), "Improving and generalizing flow-based generative models with minibatch
//! optimal transport", arXiv:2302.00482, appendix on two-dimensional experiments.

mod backward;
mod forward;

use std::ops::Range;

use pathline::field::{Conditions, check_pullback};
use pathline::{At, Error, Purpose, Rows, RowsMut, Seed, Shape};

use crate::network::{Network, NetworkConfig, TrainingBatch};
use crate::ops::activation::Activation;
use crate::ops::linear::Linear;
use crate::parameters::{Parameters, Tensors};
use crate::scratch::Scratch;
use crate::tensors;
use pathline::kernels::ProductPrecision;

/// Most values that a perceptron may hold (8 GiB of them): beyond it, widths are taken for a mistake.
const MOST_VALUES: usize = 1 << 31;

/// What an [`Mlp`] is apart from its parameters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// The shape of one state; the network sees it flat.
    pub shape: Shape,
    /// Widths of the hidden layers, from input to output; empty for a linear field.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer.
    pub activation: Activation,
}

/// A multilayer perceptron `u_theta(t, x)`; see the [module](self).
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Activation, Mlp, MlpConfig, Network};
/// let hidden = vec![64, 64, 64];
/// let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
/// let mlp = Mlp::new(&config, Seed(1))?;
/// assert_eq!(mlp.parameters().get("net.0.weight").map(|w| w.shape), Some(&[64, 3][..]));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    config: MlpConfig,
    parameters: Parameters,
    layers: Vec<Layer>,
}

/// Where one layer's parameters lie in the arena.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    inputs: usize,
    outputs: usize,
    weight: Range<usize>,
    bias: Range<usize>,
}

fn weight_name(layer: usize) -> String {
    format!("net.{}.weight", 2 * layer)
}

fn bias_name(layer: usize) -> String {
    format!("net.{}.bias", 2 * layer)
}

impl MlpConfig {
    /// Inputs and outputs of every layer.
    fn extents(&self) -> Result<Vec<[usize; 2]>, Error> {
        let state = self.shape.elements();
        let mut extents = Vec::with_capacity(self.hidden.len() + 1);
        let (mut inputs, mut values) = (state.saturating_add(1), 0_usize);
        for &outputs in self.hidden.iter().chain([&state]) {
            values = values.saturating_add(inputs.saturating_add(1).saturating_mul(outputs));
            extents.push([inputs, outputs]);
            inputs = outputs;
        }
        if self.hidden.contains(&0) || values > MOST_VALUES {
            let widths = format!("{:?}", self.hidden);
            let remedy = "every width must be at least 1, and all parameters at most 2^31";
            return Err(Error::invalid("hidden widths of a perceptron", widths, remedy));
        }
        Ok(extents)
    }
}

impl Mlp {
    /// A network with fresh parameters: weights and biases uniform in `±1/sqrt(inputs)`, PyTorch's
    /// start for a linear layer. Layer `l` draws from the stream of sample `l`, weights at step 0
    /// and biases at step 1.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a width is zero or the network is absurdly large.
    pub fn new(config: &MlpConfig, seed: Seed) -> Result<Self, Error> {
        let mut tensors = Tensors::new();
        for (layer, [inputs, outputs]) in config.extents()?.into_iter().enumerate() {
            let bound = 1.0 / (inputs as f64).sqrt();
            let draw = |step: u64, n: usize| {
                let mut stream = seed.stream(Purpose::Parameters, layer as u64, step);
                (0..n).map(|_| ((2.0 * stream.uniform() - 1.0) * bound) as f32).collect()
            };
            let weight = (vec![outputs, inputs], draw(0, outputs * inputs));
            tensors.insert(weight_name(layer), weight);
            tensors.insert(bias_name(layer), (vec![outputs], draw(1, outputs)));
        }
        Self::from_config(config, &tensors)
    }

    /// The network that a checkpoint's tensors hold, with states of shape `[d]`; widths are read
    /// from the shapes of `net.0.weight`, `net.2.weight` and so on.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or too many.
    ///
    /// # Examples
    /// ```
    /// use pathline_nn::{Activation, Mlp, Network, Tensors};
    /// let mut tensors = Tensors::new();
    /// tensors.insert("net.0.weight".into(), (vec![2, 3], vec![0.0; 6]));
    /// tensors.insert("net.0.bias".into(), (vec![2], vec![1.0, 0.5]));
    /// let drift = Mlp::from_tensors(&tensors, Activation::Selu)?;
    /// assert_eq!(drift.shape().elements(), 2);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn from_tensors(tensors: &Tensors, activation: Activation) -> Result<Self, Error> {
        let mut widths = Vec::new();
        while let Some((shape, _)) = tensors.get(&weight_name(widths.len())) {
            let &[outputs, _] = shape.as_slice() else {
                let problem = format!("expected shape [outputs, inputs], found {shape:?}");
                return Err(tensors::error(&weight_name(widths.len()), problem));
            };
            widths.push(outputs);
        }
        let Some(state) = widths.pop() else {
            let names: Vec<&str> = tensors.keys().take(4).map(String::as_str).collect();
            let problem = format!(
                "missing: a perceptron's tensors are net.0.weight, net.0.bias, net.2.weight, ...; \
                 the first found here are {names:?}"
            );
            return Err(tensors::error(&weight_name(0), problem));
        };
        let shape = Shape::new([state])?;
        Self::from_config(&MlpConfig { shape, hidden: widths, activation }, tensors)
    }

    /// The network of a config, with these parameters.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, not finite, or too many;
    /// [`Error::Invalid`] for an impossible config.
    pub fn from_config(config: &MlpConfig, tensors: &Tensors) -> Result<Self, Error> {
        let extents = config.extents()?;
        let mut known = Vec::with_capacity(2 * extents.len());
        for (layer, &[inputs, outputs]) in extents.iter().enumerate() {
            known.push((weight_name(layer), vec![outputs, inputs]));
            known.push((bias_name(layer), vec![outputs]));
        }
        tensors::check_all(&known, tensors)?;
        let parameters = Parameters::from_tensors(tensors)?;
        let range = |name: &str| {
            parameters.range(name).ok_or_else(|| tensors::error(name, "missing from the network"))
        };
        let mut layers = Vec::with_capacity(extents.len());
        for (layer, [inputs, outputs]) in extents.into_iter().enumerate() {
            let (weight, bias) = (range(&weight_name(layer))?, range(&bias_name(layer))?);
            layers.push(Layer { inputs, outputs, weight, bias });
        }
        Ok(Self { config: config.clone(), parameters, layers })
    }

    /// Layer `l` with its parameters.
    fn linear(&self, l: usize, precision: ProductPrecision) -> Linear<'_> {
        let layer = &self.layers[l];
        let values = self.parameters.as_slice();
        Linear {
            inputs: layer.inputs,
            outputs: layer.outputs,
            weight: &values[layer.weight.clone()],
            bias: &values[layer.bias.clone()],
            activation: (l + 1 < self.layers.len()).then_some(self.config.activation),
            precision,
        }
    }

    /// Elements of a state.
    fn width(&self) -> usize {
        self.config.shape.elements()
    }
}

impl Network for Mlp {
    fn shape(&self) -> &Shape {
        &self.config.shape
    }

    fn config(&self) -> NetworkConfig {
        NetworkConfig::Mlp(self.config.clone())
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
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
        // Guidance over a network that knows no class would silently do nothing.
        if *conditions != Conditions::None {
            let remedy = "this perceptron was not told any class: use it without conditions";
            return Err(Error::invalid("condition of an MLP", format!("{conditions:?}"), remedy));
        }
        forward::run(self, at, out, scratch)
    }

    fn pullback(
        &self,
        at: &At<'_>,
        _: &Conditions,
        along: Rows<'_>,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Error> {
        check_pullback(&self.config.shape, at, along, &out)?;
        backward::pullback(self, at, along, out, scratch);
        Ok(true)
    }

    fn gradient(
        &self,
        batch: &TrainingBatch<'_>,
        into: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<f64, Error> {
        backward::run(self, batch, into, scratch)
    }
}
