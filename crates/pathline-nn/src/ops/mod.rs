//! Fused operations: one file each, with forward, backward, a plain reference and a gradient check.

pub(crate) mod activation;
#[cfg(test)]
mod check;
pub(crate) mod convolution;
mod exponential;
pub(crate) mod image;
pub(crate) mod linear;
