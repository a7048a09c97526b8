//! Dormand and Prince's pair of orders 5 and 4, advancing with the fifth. Seven stages, the last of
//! which is the first of the next step: six evaluations a step. Fixed or adaptive.
//!
//! Also called RK45 (SciPy), `ode45` (MATLAB), `dopri5` (torchdiffeq).
//!
//! # References
//! Dormand and Prince (1980), "A family of embedded Runge-Kutta formulae", J. Comput. Appl. Math. 6,
//! table 2.
//!
//! # Not to be confused with
//! Fehlberg's pair (RKF45), which advances with the fourth order.

use super::{ExplicitRungeKutta, Tableau};
use crate::gain::GainRule;

const A: &[&[f64]] = &[
    &[],
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];

/// Dormand and Prince's fifth-order method with its embedded fourth-order error estimate.
pub static DOPRI5: ExplicitRungeKutta = ExplicitRungeKutta {
    name: "dopri5",
    order: 5,
    tableau: Tableau {
        c: &[0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0],
        a: A,
        b: &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0, 0.0],
        b_embedded: Some(&[
            5179.0 / 57600.0,
            0.0,
            7571.0 / 16695.0,
            393.0 / 640.0,
            -92097.0 / 339_200.0,
            187.0 / 2100.0,
            1.0 / 40.0,
        ]),
    },
    published_gain_rule: GainRule::Field,
};
