//! Velocity networks for Pathline and their training, on the CPU and without a framework.
//!
//! A [`Network`] keeps its parameters in one arena ([`Parameters`]) and knows how to go forward and
//! how to give the gradient of its training loss. [`NetworkField`] makes it a
//! [`VelocityField`](pathline::VelocityField); [`train()`] fits it to a point set, at times
//! drawn by a [`Clock`]. Results have the
//! same bytes for any number of threads, and training that was stopped and loaded again ends where it
//! would have ended.

mod checkpoint;
pub mod classifier;
pub mod dit;
pub mod draw;
mod examples;
pub mod field;
mod graph;
pub mod held_out;
mod layers;
mod loss;
pub mod magnitude;
pub mod mlp;
pub mod network;
mod objective;
mod ops;
pub mod optimiser;
pub mod output;
pub mod parameters;
pub mod rate;
mod scratch;
pub mod state;
mod tensors;
pub mod train;
pub mod unet;
pub mod weighting;

pub use checkpoint::{
    Precision, model_from_bytes, model_to_bytes, model_to_bytes_as, network_from_bytes,
    network_to_bytes,
};
pub use classifier::{
    Classified, Classifier, ClassifierConfig, ClassifierProgress, ClassifierTraining,
    train_classifier,
};
pub use dit::{Dit, DitConfig, SitSize};
pub use draw::{Drawn, FlowData, Pairing, Source};
pub use field::NetworkField;
pub use held_out::{BinLoss, HeldOut, held_out_loss, held_out_loss_given_labels};
pub use magnitude::{Magnitude, Norms};
pub use mlp::{Mlp, MlpConfig};
pub use network::{Network, NetworkConfig, TrainingBatch};
pub use ops::activation::Activation;
pub use optimiser::{AdamW, Applied, Memory, Slot};
pub use output::Output;
pub use parameters::{Parameter, Parameters, Tensors};
pub use pathline::Clock;
pub use rate::{Decay, LearningRate};
pub use scratch::Scratch;
pub use state::TrainingState;
pub use train::{FlowTraining, Progress, train};
pub use unet::{UNet, UNetConfig};
pub use weighting::Weighting;
