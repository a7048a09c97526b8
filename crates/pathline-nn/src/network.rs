//! What a velocity network is: parameters, a forward pass, and the gradient of its training loss.

use pathline::field::Conditions;
use pathline::{At, Error, Rows, RowsMut, Shape, Times};

use crate::dit::{Dit, DitConfig};
use crate::mlp::{Mlp, MlpConfig};
use crate::parameters::Parameters;
use crate::scratch::Scratch;
use crate::unet::{UNet, UNetConfig};

/// A network `u_theta(t, x)` that gives a velocity.
///
/// Forward must give each row the same bytes whatever other rows are in the call, and gradient the
/// same bytes for any number of threads: both cut rows into fixed blocks.
pub trait Network: Send + Sync {
    /// The shape of one state, and so of one velocity.
    fn shape(&self) -> &Shape;

    /// What the network is apart from its parameters.
    fn config(&self) -> NetworkConfig;

    /// Its parameters.
    fn parameters(&self) -> &Parameters;

    /// How many classes the network can be told, `0..classes`; 0 for a network that knows none. One
    /// past the last is the null class, which stands for "any of them".
    fn classes(&self) -> usize {
        0
    }

    /// The values of its parameters, writable; names and shapes stay.
    fn parameter_values_mut(&mut self) -> &mut [f32];

    /// A copy with its own parameters.
    fn duplicate(&self) -> Box<dyn Network>;

    /// Writes `u_theta(t, x)` for every row of `at.x` into the same row of `out`.
    ///
    /// # Errors
    /// [`Error::Count`] when widths or row counts disagree.
    fn forward(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Error>;

    /// Writes `J^T w` for every row `w` of `along` into the same row of `out`, with the Jacobian `J` of
    /// [`forward`](Self::forward)'s output by the state: a vector-Jacobian product (VJP). Says whether the network
    /// can; the default cannot, and writes nothing. A row has the same bytes whatever other rows are in the call.
    /// Takes what a training step of one row takes, and as much memory as all parameters for each thread. In `bf16`
    /// rounding counts as no change, and what goes back is rounded as well.
    ///
    /// # Errors
    /// [`Error::Count`] when widths or row counts disagree.
    fn pullback(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        along: Rows<'_>,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Error> {
        let _ = (at, conditions, along, out, scratch);
        Ok(false)
    }

    /// The loss of the batch (the mean squared error, unless the batch says otherwise) and its
    /// gradient by every parameter, written over `into` (as long as the parameter arena).
    ///
    /// # Errors
    /// [`Error::Count`] when widths, row counts or arena lengths disagree, or there is no row.
    fn gradient(
        &self,
        batch: &TrainingBatch<'_>,
        into: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<f64, Error>;
}

/// Rows to learn from: where the network is evaluated, what it should say there, and what an error
/// costs.
///
/// With outputs `o_i` and wanted outputs `y_i` of `d` elements each, the loss of `n` rows is
///
/// ```text
/// L = 1/(n d) sum_i ( w_i |o_i - y_i|^2 + m_i (|o_i| - |y_i|)^2 ),
/// ```
///
/// with `w_i = 1` and `m_i = 0` unless they are given.
///
/// # Examples
/// ```
/// use pathline::field::Conditions;
/// use pathline::{At, Batch, Samples, Shape, Times};
/// use pathline_nn::TrainingBatch;
/// let x = Batch::zeros(2, Shape::vector(3));
/// let at = At::new(Samples::first(2), Times::Shared(0.5), x.rows())?;
/// let batch = TrainingBatch::new(at, &Conditions::None, x.rows());
/// assert!(batch.weights.is_none());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrainingBatch<'a> {
    /// Sample indices, times and states.
    pub at: At<'a>,
    /// The class of each sample, looked up by its index.
    pub conditions: &'a Conditions,
    /// The wanted output of each row: a velocity, unless the network is to predict something else.
    pub target: Rows<'a>,
    /// Factor `w_i` on each row's squared error.
    pub weights: Option<&'a [f64]>,
    /// Factor `m_i` on each row's squared difference of norms.
    pub magnitudes: Option<&'a [f64]>,
}

impl<'a> TrainingBatch<'a> {
    /// Rows whose loss is the mean squared error.
    #[must_use]
    pub fn new(at: At<'a>, conditions: &'a Conditions, target: Rows<'a>) -> Self {
        Self { at, conditions, target, weights: None, magnitudes: None }
    }
}

/// What a network is apart from its parameters, as stored in checkpoints.
///
/// # Examples
/// ```
/// use pathline_nn::NetworkConfig;
/// let text = r#"{"kind": "mlp", "shape": [2], "hidden": [64, 64], "activation": "selu"}"#;
/// let NetworkConfig::Mlp(mlp) = serde_json::from_str(text)? else { return Ok(()) };
/// assert_eq!(mlp.hidden, [64, 64]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NetworkConfig {
    /// A diffusion transformer.
    Dit(DitConfig),
    /// A multilayer perceptron.
    Mlp(MlpConfig),
    /// A convolutional U-Net.
    Unet(UNetConfig),
}

impl NetworkConfig {
    /// The network with these parameters.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor that is missing, of another shape, or not of this network.
    pub fn build(&self, parameters: &Parameters) -> Result<Box<dyn Network>, Error> {
        match self {
            Self::Dit(config) => Ok(Box::new(Dit::from_config(config, &parameters.to_tensors())?)),
            Self::Mlp(config) => Ok(Box::new(Mlp::from_config(config, &parameters.to_tensors())?)),
            Self::Unet(config) => {
                Ok(Box::new(UNet::from_config(config, &parameters.to_tensors())?))
            }
        }
    }
}

/// Fails unless states are `width` long and each row has its time and index.
pub(crate) fn check_call(width: usize, at: &At<'_>) -> Result<(), Error> {
    Error::check_count("elements of a state", width, at.x.width())?;
    Error::check_count("sample indices", at.x.len(), at.samples.len())?;
    match at.t {
        Times::Each(times) => Error::check_count("times", at.x.len(), times.len()),
        Times::Shared(_) => Ok(()),
    }
}

/// Fails unless also `out` has a row of that width for each state.
pub(crate) fn check_forward(width: usize, at: &At<'_>, out: &RowsMut<'_>) -> Result<(), Error> {
    check_call(width, at)?;
    Error::check_count("elements of a velocity", width, out.width())?;
    Error::check_count("velocity rows", at.x.len(), out.len())
}

/// Fails unless every condition is a class of the network, or the null label one past the last.
pub(crate) fn check_classes(classes: usize, conditions: &Conditions) -> Result<(), Error> {
    let all = match conditions {
        Conditions::None => &[][..],
        Conditions::Shared(class) => std::slice::from_ref(class),
        Conditions::Cycle(all) => all,
    };
    match all.iter().find(|&&class| class as usize > classes) {
        None => Ok(()),
        Some(class) => {
            let remedy = format!("the network has {classes} classes, from 0; {classes} means none");
            Err(Error::invalid("class", class, remedy))
        }
    }
}
