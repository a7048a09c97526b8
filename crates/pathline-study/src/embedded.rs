//! The trained networks that come with Pathline: a model of Fashion-MNIST and the judge of its images.
//!
//! The model is the one of `configs/fashion-mnist.json` (`assets/README.md` has commands, hashes and
//! numbers); both are stored in half precision.

use std::sync::Arc;

use pathline_nn::{Classifier, Network, network_from_bytes};

use crate::error::Error;

const MODEL: &[u8] = include_bytes!("../assets/fashion-mnist-unet.safetensors");
const TRANSFORMER: &[u8] = include_bytes!("../assets/fashion-mnist-dit.safetensors");
const JUDGE: &[u8] = include_bytes!("../assets/fashion-mnist-judge.safetensors");

/// The class-conditional model of 28 x 28 Fashion-MNIST images in `[-1, 1]`.
///
/// # Errors
/// [`Error::Library`]; never for the file this crate comes with.
///
/// # Examples
/// ```
/// let model = pathline_study::embedded_model()?;
/// assert_eq!((model.shape().extents(), model.classes()), (&[1, 28, 28][..], 10));
/// # Ok::<(), pathline_study::Error>(())
/// ```
pub fn embedded_model() -> Result<Arc<dyn Network>, Error> {
    Ok(Arc::from(network_from_bytes(MODEL)?))
}

/// A diffusion transformer of the same images: claims are measured on both networks.
///
/// # Errors
/// [`Error::Library`]; never for the file this crate comes with.
pub(crate) fn embedded_transformer() -> Result<Arc<dyn Network>, Error> {
    Ok(Arc::from(network_from_bytes(TRANSFORMER)?))
}

/// The classifier that says which class an image shows, and whose features images are compared in.
///
/// # Errors
/// [`Error::Library`]; never for the file this crate comes with.
pub fn embedded_judge() -> Result<Classifier, Error> {
    Ok(Classifier::from_bytes(JUDGE)?)
}
