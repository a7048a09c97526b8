//! Flow-matching generative models: sample them, **measure every trajectory**, and **correct
//! sampling without retraining**.
//!
//! Time runs from the source (noise, `t = 0`) to the target (data, `t = 1`), with
//! `x_t = alpha_t x_1 + sigma_t x_0`. States are `f32`; times, scalars and sums are `f64`. This crate
//! reads no file, prints nothing and asks no clock.
//!
//! The modules follow the theory: a [`schedule`] and a [`path`] join source and target, a [`coupling`]
//! says which goes with which, a [`field`] is the velocity that results, a [`time_grid`] and a
//! [`solver`] follow it, a [`gain`] corrects it on the way, an [`observer`] watches, and
//! [`diagnostics`] say what happened.
//!
//! # Examples
//! A perfect field of eight Gaussians, followed by Heun's method, with the energy of every sample:
//! ```
//! use std::sync::Arc;
//! use pathline::diagnostics::KineticEnergy;
//! use pathline::field::GaussianMixture;
//! use pathline::schedule::CondOt;
//! use pathline::solver::HEUN;
//! use pathline::{Run, Seed, Source, TimeGrid, sample};
//!
//! let field = GaussianMixture::ring(8, 4.0, 0.2)?.along(Arc::new(CondOt));
//! let run = Run::on(TimeGrid::uniform(50)?, &HEUN);
//! let mut energy = KineticEnergy::new();
//! let trajectory = sample(&field, &Source::new(Seed(0), 512), &run, &mut energy)?;
//! assert_eq!(trajectory.end.len(), 512);
//! assert!(energy.samples().iter().all(|e| e.chord <= e.quadrature));
//! # Ok::<(), pathline::Error>(())
//! ```

pub mod batch;
pub mod clock;
pub mod coupling;
pub mod diagnostics;
pub mod error;
pub mod field;
pub mod gain;
pub mod integrate;
pub mod kernels;
pub mod neighbours;
pub mod observer;
pub mod path;
pub mod quality;
pub mod recording;
pub mod schedule;
pub mod seed;
pub mod solver;
pub mod spec;
pub mod statistics;
pub mod time_grid;
pub mod trajectory;

pub use batch::{At, Batch, Rows, RowsMut, Samples, Shape, Times};
pub use clock::Clock;
pub use error::Error;
pub use field::VelocityField;
pub use integrate::{Adaptive, Run, Source, Stepping, integrate, sample};
pub use observer::Observer;
pub use seed::{Purpose, Seed};
pub use time_grid::TimeGrid;
pub use trajectory::{Outcome, Save, Trajectory};

/// Compiles and runs the README's program.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
