//! How a gain enters each solver's step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline::diagnostics::KineticEnergy;
use pathline::field::FunctionField;
use pathline::gain::{Constant, Gain, GainRule, Kts, Landing, Launch, realised_mean};
use pathline::solver::{DOPRI5, EULER, HEUN, MIDPOINT, RK4, Solver};
use pathline::{Batch, Run, Shape, TimeGrid, VelocityField, integrate};

fn field() -> impl VelocityField {
    FunctionField::new(Shape::vector(1), "bend", |t, x, out| out[0] = (t as f32) - x[0] * x[0])
}

fn strong(rule: GainRule) -> Kts {
    Kts { launch_strength: 0.5, landing_strength: 0.04, rule, ..Kts::published() }
        .checked()
        .unwrap()
}

fn one_step(solver: &dyn Solver, gain: &dyn Gain, from: f64, to: f64) -> f64 {
    let grid = TimeGrid::custom(vec![from, to]).unwrap();
    let run = Run { gain: Some(gain), ..Run::on(grid, solver) };
    let start = Batch::from_vec(vec![0.3], Shape::vector(1)).unwrap();
    f64::from(integrate(&field(), start, 0..1, &run, &mut ()).unwrap().end.row(0)[0])
}

fn velocity(t: f64, x: f64) -> f64 {
    t - x * x
}

#[test]
fn heun_multiplies_mean_velocity_by_mean_factor_as_its_authors_do() {
    let (t, h, x) = (0.1, 0.5, 0.3_f32.into());
    let gain = strong(GainRule::Published);
    let (eta0, eta1) = (gain.at(t), gain.at(t + h));
    let v0 = velocity(t, x);
    let v1 = velocity(t + h, x + h * eta0 * v0);
    let published = x + h * 0.5 * (eta0 + eta1) * 0.5 * (v0 + v1);
    assert!((one_step(&HEUN, &gain, t, t + h) - published).abs() < 1e-6);
    let as_field = x + h * 0.5 * (eta0 * v0 + eta1 * v1);
    assert!((one_step(&HEUN, &strong(GainRule::Field), t, t + h) - as_field).abs() < 1e-6);
    assert!((published - as_field).abs() > 1e-4, "the test must tell the two apart");
}

#[test]
fn other_solvers_multiply_every_stage() {
    let (t, h, x): (f64, f64, f64) = (0.1, 0.5, 0.3_f32.into());
    let gain = strong(GainRule::Published);
    let v = |s: f64, y: f64| gain.at(s) * velocity(s, y);
    let k1 = v(t, x);
    assert!((one_step(&EULER, &gain, t, t + h) - (x + h * k1)).abs() < 1e-6);
    let middle = v(t + h / 2.0, x + h / 2.0 * k1);
    assert!((one_step(&MIDPOINT, &gain, t, t + h) - (x + h * middle)).abs() < 1e-6);
    let k3 = v(t + h / 2.0, x + h / 2.0 * middle);
    let k4 = v(t + h, x + h * k3);
    let classic = x + h / 6.0 * (k1 + 2.0 * middle + 2.0 * k3 + k4);
    assert!((one_step(&RK4, &gain, t, t + h) - classic).abs() < 1e-6);
}

#[test]
fn under_either_rule_a_constant_gain_is_a_constant_gain() {
    for solver in [&EULER, &MIDPOINT, &HEUN, &RK4, &DOPRI5] {
        let flat = |rule| Kts {
            launch: Launch::Constant,
            landing: Landing::Constant,
            launch_strength: 0.25,
            landing_strength: -0.25,
            rule,
            ..Kts::published()
        };
        let (a, b) = (flat(GainRule::Field), flat(GainRule::Increment));
        let wanted = one_step(solver, &Constant::new(1.25).unwrap(), 0.0, 1.0);
        for gain in [a, b] {
            assert!((one_step(solver, &gain, 0.0, 1.0) - wanted).abs() < 1e-6, "{}", solver.name);
        }
    }
}

#[test]
fn energy_is_kept_with_and_without_the_gain() {
    let wind = FunctionField::new(Shape::vector(1), "wind", |_, _, out| out[0] = 2.0);
    let grid = TimeGrid::uniform(10).unwrap();
    let gain = strong(GainRule::Published);
    let run = Run { gain: Some(&gain), ..Run::on(grid.clone(), &EULER) };
    let mut energy = KineticEnergy::split_at(0.6);
    let start = Batch::zeros(1, Shape::vector(1));
    let end = integrate(&wind, start, 0..1, &run, &mut energy).unwrap().end;
    let e = energy.samples()[0];
    let factors: Vec<f64> = grid.steps().map(|(t, _)| gain.at(t)).collect();
    let squares: f64 = factors.iter().map(|f| 0.2 * f * f).sum();
    assert!((e.left_raw - 2.0).abs() < 1e-12);
    assert!((e.left - squares).abs() < 1e-12);
    assert!((e.early + e.late - e.left).abs() < 1e-12);
    // A gain moves energy between the parts; without it six of ten equal steps are early.
    assert!((e.early_raw - 1.2).abs() < 1e-12 && (e.late_raw - 0.8).abs() < 1e-12, "{e:?}");
    assert!((e.early - 1.2).abs() > 1e-3);
    assert!((f64::from(end.row(0)[0]) - 2.0 * realised_mean(&gain, &grid)).abs() < 1e-6);
}

#[test]
fn a_constant_can_be_matched_to_any_gain() {
    let grid = TimeGrid::shifted(13, 3.0).unwrap();
    let gain = strong(GainRule::Published);
    let flat = Constant::matching(&gain, &grid).unwrap();
    assert!((realised_mean(&flat, &grid) - realised_mean(&gain, &grid)).abs() < 1e-12);
    assert!(Constant::new(-0.1).is_err() && Constant::new(f64::NAN).is_err());
}
