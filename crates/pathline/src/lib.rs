//! Flow-matching generative models: sample them, **measure every trajectory**, and **correct
//! sampling without retraining**.
//!
//! Time runs from the source (noise, `t = 0`) to the target (data, `t = 1`), with
//! `x_t = alpha_t x_1 + sigma_t x_0`. States are `f32`; times, scalars and sums are `f64`. This crate
//! reads no file, prints nothing and asks no clock.

pub mod batch;
pub mod error;
pub mod field;
pub mod kernels;
pub mod path;
pub mod schedule;
pub mod seed;

pub use batch::{At, Batch, Rows, RowsMut, Samples, Shape, Times};
pub use error::Error;
pub use field::VelocityField;
pub use seed::{Purpose, Seed};
