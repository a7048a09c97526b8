//! `convert`: a checkpoint of another program, or of this one, as a Pathline checkpoint.

use std::path::Path;

use pathline_nn::{NetworkConfig, Precision, model_to_bytes_as};

use crate::checkpoint::{Hints, read_network_with};
use crate::error::Error;

/// What a conversion made.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// What the network is.
    pub network: NetworkConfig,
    /// How many parameters it has.
    pub parameters: usize,
    /// The new file.
    pub bytes: Vec<u8>,
}

/// The network of the file `from` as the bytes of a Pathline checkpoint.
///
/// # Errors
/// [`Error::Data`] if the file cannot be read; [`Error::Usage`] if it holds no network that is known;
/// [`Error::Library`] if `precision` cannot hold its parameters.
pub fn convert(from: &Path, hints: &Hints, precision: Precision) -> Result<Converted, Error> {
    let (network, output) = read_network_with(from, hints)?;
    let bytes = model_to_bytes_as(&*network, output, precision)?;
    let parameters = network.parameters().len();
    Ok(Converted { network: network.config(), parameters, bytes })
}
