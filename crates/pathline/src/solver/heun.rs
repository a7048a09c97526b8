//! Heun's method: `x' = x + dt/2 (u(t, x) + u(t + dt, x + dt u(t, x)))`. Order 2, two evaluations a
//! step, one of them at its end.
//!
//! Also called improved Euler, explicit trapezoid, `heun2` in torchdiffeq.
//!
//! # References
//! Heun (1900), "Neue Methoden zur approximativen Integration", Z. Math. Phys. 45. The gain's rule
//! (mean factor times mean velocity) is that of the authors of kinetic trajectory shaping.
//!
//! # Not to be confused with
//! The midpoint rule, and Heun's third-order method (`heun3`).

use super::{ExplicitRungeKutta, Tableau};
use crate::gain::GainRule;

/// Heun's method of order 2.
pub static HEUN: ExplicitRungeKutta = ExplicitRungeKutta {
    name: "heun",
    order: 2,
    tableau: Tableau { c: &[0.0, 1.0], a: &[&[], &[1.0]], b: &[0.5, 0.5], b_embedded: None },
    published_gain_rule: GainRule::Increment,
};
