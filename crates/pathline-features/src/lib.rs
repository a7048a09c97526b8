//! Pretrained image networks for Pathline, run for their features.
//!
//! Inference only, on the processor, without a framework. Weights are the user's: no network is bundled,
//! and none is fetched. A [`FeatureNet`] is recognised by the names of its tensors and gives the features
//! that Frechet distances and KID are measured in; [`StLpips`] is a perceptual distance of pairs.
//! Results have the same bytes for any batch split and number of threads.
//!
//! | network | features | weights |
//! |---|---|---|
//! | [`EfficientNetLite0`] | 1280 | `efficientnet-lite0-57934424.pth` |
//! | [`Inception`] | 2048 | `pt_inception-2015-12-05-6726825d.pth` |
//! | [`StLpips`] | distances of pairs | `alex_shift_tolerant.pth`, `vgg_shift_tolerant.pth` |
//!
//! A distance is named by its network: only the Inception's is FID.

mod blur;
mod convolution;
mod depthwise;
mod efficientnet_lite0;
mod graph;
mod image;
mod inception;
mod net;
mod pooling;
mod resize;
mod st_lpips;
#[cfg(test)]
mod sums;
mod tensors;

pub use efficientnet_lite0::EfficientNetLite0;
pub use inception::Inception;
pub use net::FeatureNet;
pub use resize::{Resizing, resize};
pub use st_lpips::StLpips;
pub use tensors::Tensors;
