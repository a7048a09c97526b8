//! The explicit midpoint rule: `x' = x + dt u(t + dt/2, x + dt/2 u(t, x))`. Order 2, two
//! evaluations a step, none at the end of the step: it can run to `t = 1` on a field that is
//! singular there.
//!
//! # References
//! Runge (1895), "Ueber die numerische Aufloesung von Differentialgleichungen", Math. Ann. 46.
//!
//! # Not to be confused with
//! Heun's method, which averages the two ends of the step.

use super::{ExplicitRungeKutta, Tableau};
use crate::gain::GainRule;

/// The explicit midpoint rule.
pub static MIDPOINT: ExplicitRungeKutta = ExplicitRungeKutta {
    name: "midpoint",
    order: 2,
    tableau: Tableau { c: &[0.0, 0.5], a: &[&[], &[0.5]], b: &[0.0, 1.0], b_embedded: None },
    published_gain_rule: GainRule::Field,
};
