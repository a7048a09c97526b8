//! The classic Runge-Kutta method: weights `1/6, 1/3, 1/3, 1/6` at `0, 1/2, 1/2, 1`. Order 4, four
//! evaluations a step.
//!
//! # References
//! Kutta (1901), "Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen",
//! Z. Math. Phys. 46.
//!
//! # Not to be confused with
//! The 3/8 rule, which torchdiffeq calls `rk4`.

use super::{ExplicitRungeKutta, Tableau};
use crate::gain::GainRule;

/// The classic fourth-order Runge-Kutta method.
pub static RK4: ExplicitRungeKutta = ExplicitRungeKutta {
    name: "rk4",
    order: 4,
    tableau: Tableau {
        c: &[0.0, 0.5, 0.5, 1.0],
        a: &[&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
        b: &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
        b_embedded: None,
    },
    published_gain_rule: GainRule::Field,
};
