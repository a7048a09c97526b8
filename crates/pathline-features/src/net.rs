//! A network that is recognised by the names of its weights.

use pathline::{Batch, Error};

use crate::efficientnet_lite0::EfficientNetLite0;
use crate::inception::Inception;
use crate::resize::Resizing;
use crate::tensors::Tensors;

/// A pretrained network whose features distances of distributions are measured in.
///
/// # Examples
/// ```
/// use pathline_features::{FeatureNet, Tensors};
/// let error = FeatureNet::from_tensors(&Tensors::new()).map(|net| net.name().to_owned()).unwrap_err();
/// assert!(error.to_string().contains("EfficientNet-Lite0"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FeatureNet {
    /// Recognised by `_conv_stem.weight`.
    EfficientNetLite0(EfficientNetLite0),
    /// Recognised by `Conv2d_1a_3x3.conv.weight`.
    Inception(Inception),
}

impl FeatureNet {
    /// The network that these weights belong to.
    ///
    /// # Errors
    /// [`Error::Spec`] when no known network has weights of these names, or naming the tensor that is
    /// missing, of another shape or not finite.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, Error> {
        if tensors.contains_key("_conv_stem.weight") {
            return EfficientNetLite0::from_tensors(tensors).map(Self::EfficientNetLite0);
        }
        if tensors.contains_key("Conv2d_1a_3x3.conv.weight") {
            return Inception::from_tensors(tensors).map(Self::Inception);
        }
        let problem = if tensors.contains_key("lin0.model.1.weight") {
            "these are weights of a perceptual distance, which compares pairs of images and has no features: \
             give a network"
        } else {
            "not the weights of a known network: give those of EfficientNet-Lite0 \
             (efficientnet-lite0-57934424.pth) or of the FID Inception-v3 \
             (pt_inception-2015-12-05-6726825d.pth)"
        };
        Err(Error::Spec { place: "feature network".to_owned(), problem: problem.to_owned() })
    }

    /// The same network, with images brought to its size in another way.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a network that is defined with one way only: all but the Inception.
    pub fn with_resizing(self, resizing: Resizing) -> Result<Self, Error> {
        match self {
            Self::Inception(net) => Ok(Self::Inception(net.with_resizing(resizing))),
            Self::EfficientNetLite0(_) => {
                let remedy = "only the Inception is used with several; leave it out";
                Err(Error::invalid("resizing for EfficientNet-Lite0", resizing, remedy))
            }
        }
    }

    /// How it was chosen that images are brought to its size, where there is a choice.
    #[must_use]
    pub fn resizing(&self) -> Option<Resizing> {
        match self {
            Self::Inception(net) => Some(net.resizing()),
            Self::EfficientNetLite0(_) => None,
        }
    }

    /// What distances of its features are called by, as in `FD(EfficientNet-Lite0)`. Only the second,
    /// `Inception-v3 (FID)`, gives FID.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::EfficientNetLite0(_) => "EfficientNet-Lite0",
            Self::Inception(_) => "Inception-v3 (FID)",
        }
    }

    /// How many features an image has.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::EfficientNetLite0(_) => EfficientNetLite0::FEATURES,
            Self::Inception(_) => Inception::FEATURES,
        }
    }

    /// Features `[width]` of images `[1 | 3, h, w]` in `[-1, 1]`, prepared as the network wants them: see
    /// [`EfficientNetLite0::features`] and [`Inception::features`]. The same bytes in any batch, for any
    /// number of threads.
    ///
    /// # Errors
    /// [`Error::Invalid`] for images of another shape, or that hold values that are not finite.
    pub fn features(&self, images: &Batch) -> Result<Batch, Error> {
        match self {
            Self::EfficientNetLite0(net) => net.features(images),
            Self::Inception(net) => net.features(images),
        }
    }
}
