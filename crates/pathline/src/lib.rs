//! Flow-matching generative models: sample them, **measure every trajectory**, and **correct
//! sampling without retraining**.
//!
//! Time runs from the source (noise, `t = 0`) to the target (data, `t = 1`), with
//! `x_t = alpha_t x_1 + sigma_t x_0`. States are `f32`; times, scalars and sums are `f64`. This crate
//! reads no file, prints nothing and asks no clock.

pub mod batch;
pub mod error;
pub mod field;
pub mod gain;
pub mod integrate;
pub mod kernels;
pub mod observer;
pub mod schedule;
pub mod seed;
pub mod solver;
pub mod time_grid;
pub mod trajectory;

pub use batch::{At, Batch, Rows, RowsMut, Samples, Shape, Times};
pub use error::Error;
pub use field::VelocityField;
pub use integrate::{Adaptive, Run, Source, Stepping, integrate, sample};
pub use observer::Observer;
pub use seed::{Purpose, Seed};
pub use time_grid::TimeGrid;
pub use trajectory::{Outcome, Save, Trajectory};
