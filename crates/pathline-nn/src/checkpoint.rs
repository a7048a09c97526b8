//! A network as the bytes of one file, config and parameters together.

use pathline::Error;

use crate::network::{Network, NetworkConfig};
use crate::output::Output;
use crate::parameters::Parameters;
use crate::tensors;

/// The key of the config that says what the network predicts; without it, the velocity.
const OUTPUT: &str = "output";

/// A network as the bytes of a safetensors file. The same network always gives the same bytes.
///
/// # Errors
/// [`Error::Spec`] when the file cannot be built.
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Activation, Mlp, MlpConfig, Network, network_from_bytes, network_to_bytes};
/// let (shape, hidden) = (Shape::vector(2), vec![8]);
/// let config = MlpConfig { shape, hidden, activation: Activation::Selu };
/// let mlp = Mlp::new(&config, Seed(1))?;
/// let same = network_from_bytes(&network_to_bytes(&mlp)?)?;
/// assert_eq!(same.parameters(), mlp.parameters());
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn network_to_bytes(network: &dyn Network) -> Result<Vec<u8>, Error> {
    model_to_bytes(network, Output::default())
}

/// A network and what it predicts as the bytes of a safetensors file. For a velocity it is the file of
/// [`network_to_bytes`].
///
/// # Errors
/// [`Error::Spec`] when the file cannot be built.
pub fn model_to_bytes(network: &dyn Network, output: Output) -> Result<Vec<u8>, Error> {
    model_to_bytes_as(network, output, Precision::Single)
}

/// How the parameters of a network lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Four bytes each, as in memory.
    #[default]
    Single,
    /// Two bytes each (IEEE half precision): half the file, 11 bits of each number (fewer below `6e-5`, and
    /// none below `3e-8`). They are read back as single-precision numbers.
    Half,
}

/// [`model_to_bytes`] in a precision of choice.
///
/// # Errors
/// [`Error::Spec`] naming the tensor with a value too large for it.
///
/// # Examples
/// ```
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Mlp, MlpConfig, Activation, Output, Precision, model_from_bytes, model_to_bytes_as};
/// let config = MlpConfig { shape: Shape::vector(2), hidden: vec![8], activation: Activation::Selu };
/// let mlp = Mlp::new(&config, Seed(1))?;
/// let half = model_to_bytes_as(&mlp, Output::default(), Precision::Half)?;
/// let (back, _) = model_from_bytes(&half)?;
/// // What went through half precision once goes through it unchanged.
/// assert_eq!(model_to_bytes_as(&*back, Output::default(), Precision::Half)?, half);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn model_to_bytes_as(
    network: &dyn Network,
    output: Output,
    precision: Precision,
) -> Result<Vec<u8>, Error> {
    let mut config = serde_json::to_value(network.config()).map_err(tensors::file_error)?;
    if let (false, Some(config)) = (output.is_velocity(), config.as_object_mut()) {
        let output = serde_json::to_value(output).map_err(tensors::file_error)?;
        config.insert(OUTPUT.to_owned(), output);
    }
    match precision {
        Precision::Single => network.parameters().to_safetensors(&config),
        Precision::Half => tensors::encode_half(&network.parameters().to_tensors(), &config),
    }
}

/// The velocity network that [`network_to_bytes`] wrote.
///
/// # Errors
/// [`Error::Spec`] naming the tensor or the part of the file that is wrong, and for a network that
/// predicts something else: [`model_from_bytes`] reads that.
pub fn network_from_bytes(bytes: &[u8]) -> Result<Box<dyn Network>, Error> {
    let (network, output) = model_from_bytes(bytes)?;
    if output.is_velocity() {
        return Ok(network);
    }
    let predicted = format!("{:?}", output.prediction).to_lowercase();
    Err(tensors::file_error(format!(
        "the network predicts the {predicted}, not the velocity: read it with what it predicts"
    )))
}

/// The network that [`model_to_bytes`] or [`network_to_bytes`] wrote, and what it predicts.
///
/// # Errors
/// [`Error::Spec`] naming the tensor or the part of the file that is wrong; [`Error::Invalid`] for a
/// limit out of its range.
///
/// # Examples
/// ```
/// use pathline::path::Prediction;
/// use pathline::{Seed, Shape};
/// use pathline_nn::{Activation, Mlp, MlpConfig, Output, model_from_bytes, model_to_bytes};
/// let (shape, hidden) = (Shape::vector(2), vec![8]);
/// let mlp = Mlp::new(&MlpConfig { shape, hidden, activation: Activation::Selu }, Seed(1))?;
/// let output = Output { prediction: Prediction::Target, limit: 0.05 };
/// let (_, same) = model_from_bytes(&model_to_bytes(&mlp, output)?)?;
/// assert_eq!(same, output);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn model_from_bytes(bytes: &[u8]) -> Result<(Box<dyn Network>, Output), Error> {
    let (parameters, mut config) = Parameters::from_safetensors(bytes)?;
    let wrong = |e| tensors::file_error(format!("not a network: {e}"));
    let output = config.as_object_mut().and_then(|config| config.remove(OUTPUT));
    let output: Option<Output> = output.map(serde_json::from_value).transpose().map_err(wrong)?;
    let output = output.unwrap_or_default();
    output.check()?;
    let config: NetworkConfig = serde_json::from_value(config).map_err(wrong)?;
    Ok((config.build(&parameters)?, output))
}
