//! Runs cut in two: restarts from a saved state, and a gain's kink on and off the time grid.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::field::{EmpiricalField, FunctionField};
use pathline::gain::{Gain, GainRule, Kts};
use pathline::schedule::CondOt;
use pathline::solver::{DOPRI5, EULER, HEUN, LastEuler, MIDPOINT, RK4, Solver};
use pathline::{Batch, Run, Seed, Shape, Source, TimeGrid, integrate};

fn column(values: &[f32]) -> Batch {
    Batch::from_vec(values.to_vec(), Shape::vector(1)).unwrap()
}

#[test]
fn saving_a_state_and_starting_from_it_changes_no_byte() {
    // No hidden state: not in a field, not in a solver, not in what it remembers between steps.
    let data = Source::new(Seed(8), 300).noise(&Shape::vector(6));
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    let grid = TimeGrid::uniform(20).unwrap();
    let kts = Kts { launch_strength: 0.2, landing_strength: 0.02, ..Kts::published() };
    let heun = LastEuler { inner: &HEUN };
    let dopri = LastEuler { inner: &DOPRI5 };
    let solvers: [&dyn Solver; 5] = [&EULER, &MIDPOINT, &heun, &LastEuler { inner: &RK4 }, &dopri];
    let start = Source::new(Seed(9), 70).noise(&Shape::vector(6));
    for solver in solvers {
        for gain in [None, Some(&kts as &dyn Gain)] {
            let on = |times: &[f64]| {
                let grid = TimeGrid::custom(times.to_vec()).unwrap();
                Run { gain, ..Run::on(grid, solver) }
            };
            let whole =
                integrate(&field, start.clone(), 5..75, &on(grid.times()), &mut ()).unwrap();
            for s in [1, 10, 19] {
                let early = on(&grid.times()[..=s]);
                let saved = integrate(&field, start.clone(), 5..75, &early, &mut ()).unwrap().end;
                let rest = on(&grid.times()[s..]);
                let end = integrate(&field, saved, 5..75, &rest, &mut ()).unwrap().end;
                assert!(end == whole.end, "{} at {s}", solver.name());
            }
        }
    }
}

/// The error of one run of `x' = eta(t) lambda(t) x`, exactly `x = exp(int eta lambda)`.
fn gain_error(solver: &dyn Solver, kts: &Kts, grid: TimeGrid) -> f64 {
    let field = FunctionField::new(Shape::vector(1), "growth", |t, x: &[f32], out: &mut [f32]| {
        out[0] = ((1.0 + t) * f64::from(x[0])) as f32;
    });
    // Midpoint rule on either side of the kink.
    let n = 100_000;
    let part = |a: f64, b: f64| -> f64 {
        let at = |i: u32| a + (b - a) * (f64::from(i) + 0.5) / f64::from(n);
        (0..n).map(|i| kts.at(at(i)) * (1.0 + at(i))).sum::<f64>() * (b - a) / f64::from(n)
    };
    let wanted = (part(0.0, kts.tau) + part(kts.tau, 1.0)).exp();
    let run = Run { gain: Some(kts), ..Run::on(grid, solver) };
    let end = integrate(&field, column(&[1.0]), 0..1, &run, &mut ()).unwrap().end;
    (f64::from(end.row(0)[0]) - wanted).abs() / wanted
}

#[test]
fn a_kink_costs_its_order_only_where_no_step_ends_on_it() {
    let kts = Kts {
        launch_strength: 0.5,
        landing_strength: 0.05,
        tau: 0.5,
        rule: GainRule::Field,
        allow_negative: true,
        ..Kts::published()
    };
    // An even number of equal steps has tau = 1/2 on its grid, an odd one has it inside a step.
    let even = [2, 4, 8].map(|n| gain_error(&RK4, &kts, TimeGrid::uniform(n).unwrap()));
    let fourth = (even[0] / even[2]).log2() / 2.0;
    assert!(fourth > 3.4, "{fourth} {even:?}");
    let odd = [3, 9, 27].map(|n| gain_error(&RK4, &kts, TimeGrid::uniform(n).unwrap()));
    let second = (odd[0] / odd[2]).ln() / 9.0_f64.ln();
    assert!((1.5..2.6).contains(&second), "{second} {odd:?}");
    // Between methods of order 2 the kink makes no difference of order.
    let midpoint = [9, 81].map(|n| gain_error(&MIDPOINT, &kts, TimeGrid::uniform(n).unwrap()));
    let order = (midpoint[0] / midpoint[1]).ln() / 9.0_f64.ln();
    assert!((1.5..2.6).contains(&order), "{order} {midpoint:?}");
}
