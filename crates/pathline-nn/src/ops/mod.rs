//! Fused operations: one file each, with forward, backward, a plain reference and a gradient check.

pub(crate) mod activation;
mod exponential;
pub(crate) mod linear;
