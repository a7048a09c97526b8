//! A network as the bytes of one file, config and parameters together.

use pathline::Error;

use crate::network::{Network, NetworkConfig};
use crate::parameters::Parameters;
use crate::tensors;

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
    let config = serde_json::to_value(network.config()).map_err(tensors::file_error)?;
    network.parameters().to_safetensors(&config)
}

/// The network that [`network_to_bytes`] wrote.
///
/// # Errors
/// [`Error::Spec`] naming the tensor or the part of the file that is wrong.
pub fn network_from_bytes(bytes: &[u8]) -> Result<Box<dyn Network>, Error> {
    let (parameters, config) = Parameters::from_safetensors(bytes)?;
    let config: NetworkConfig = serde_json::from_value(config)
        .map_err(|e| tensors::file_error(format!("not a network: {e}")))?;
    config.build(&parameters)
}
