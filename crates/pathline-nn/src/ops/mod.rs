//! Fused operations: one file each, with forward, backward, a plain reference and a gradient check.

pub(crate) mod activate;
pub(crate) mod activation;
pub(crate) mod add_table;
pub(crate) mod attention;
pub(crate) mod dense;
mod exponential;
pub(crate) mod gate;
pub(crate) mod label_embedding;
mod lanes;
pub(crate) mod linear;
pub(crate) mod modulate;
pub(crate) mod permute;
pub(crate) mod time_embedding;
