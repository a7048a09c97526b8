//! Euler's method: `x' = x + dt u(t, x)`. Order 1, one evaluation a step.
//!
//! On the straight schedule this is DDIM and the flow samplers named "euler" of other projects.
//! With the exact empirical field its last step lands on the posterior mean, an atom of the data.
//!
//! # References
//! Euler (1768), *Institutionum calculi integralis*, vol. 1, section 650.
//!
//! # Not to be confused with
//! "Euler ancestral", which adds noise, and Euler-Maruyama, which solves stochastic equations.

use super::{ExplicitRungeKutta, Tableau};
use crate::gain::GainRule;

/// Euler's method.
pub static EULER: ExplicitRungeKutta = ExplicitRungeKutta {
    name: "euler",
    order: 1,
    tableau: Tableau { c: &[0.0], a: &[&[]], b: &[1.0], b_embedded: None },
    published_gain_rule: GainRule::Field,
};
