//! Fused operations: one file each, with forward, backward, a plain reference and a gradient check.

pub(crate) mod activate;
pub(crate) mod activation;
pub(crate) mod add_table;
pub(crate) mod attention;
#[cfg(test)]
mod check;
pub(crate) mod concatenate;
pub(crate) mod convolution;
pub(crate) mod dense;
mod exponential;
pub(crate) mod gate;
pub(crate) mod group_norm;
pub(crate) mod image;
pub(crate) mod label_embedding;
mod lane;
mod lanes;
pub(crate) mod linear;
pub(crate) mod modulate;
pub(crate) mod permute;
pub(crate) mod resample;
pub(crate) mod sum;
pub(crate) mod time_embedding;
