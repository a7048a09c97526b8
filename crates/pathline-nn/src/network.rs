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

    /// The mean squared error of the batch, `L = 1/(n d) sum |u_theta(t_i, x_i) - v_i|^2`, and its
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

/// Rows to learn from: where the field is evaluated, and what it should say there.
#[derive(Debug, Clone)]
pub struct TrainingBatch<'a> {
    /// Sample indices, times and states.
    pub at: At<'a>,
    /// The class of each sample, looked up by its index.
    pub conditions: &'a Conditions,
    /// The wanted velocity of each row.
    pub target: Rows<'a>,
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
