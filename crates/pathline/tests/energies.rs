//! Kinetic energies against closed forms, and the split into chord and bending against a direct sum.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::diagnostics::{Energy, KineticEnergy, PowerCurve, SamplePower, cumulative};
use pathline::field::{FunctionField, Gaussian, GaussianField};
use pathline::gain::{Constant, Gain, GainRule, Kts, Landing, Ssc, SscShape};
use pathline::observer::{Advance, Begin};
use pathline::schedule::CondOt;
use pathline::solver::{DOPRI5, EULER, Evaluation, HEUN, LastEuler, MIDPOINT, RK4, Solver};
use pathline::{
    Adaptive, Batch, Error, Observer, Outcome, Run, Seed, Shape, Source, Stepping, TimeGrid,
    Trajectory, VelocityField, integrate, sample,
};

const SOLVERS: [&dyn Solver; 5] = [&EULER, &MIDPOINT, &HEUN, &RK4, &DOPRI5];

/// The exact field from `N(0, 1)` to `N(m, s^2)`.
fn pair(m: f64, s: f64) -> GaussianField {
    let data = Gaussian::isotropic(vec![m], s).unwrap();
    GaussianField::new(Shape::vector(1), data, Arc::new(CondOt)).unwrap()
}

/// `int v^2 dt` along the exact trajectory `x_t = t m + r(t) x_0`, `r = sqrt(t^2 s^2 + (1-t)^2)`:
/// the velocity is `m + r' x_0`, and Simpson's rule on a fine grid does the rest.
fn exact(m: f64, s: f64, x0: f64) -> f64 {
    let n = 20_000;
    let squared = |i: u32| {
        let t = f64::from(i) / f64::from(n);
        let r = (t * t * s * s + (1.0 - t) * (1.0 - t)).sqrt();
        (m + x0 * (t * s * s - (1.0 - t)) / r).powi(2)
    };
    let weight = |i: u32| if i == 0 || i == n { 1.0 } else { [2.0, 4.0][(i % 2) as usize] };
    (0..=n).map(|i| weight(i) * squared(i)).sum::<f64>() / (3.0 * f64::from(n))
}

fn energy_of(field: &dyn VelocityField, x0: &[f32], run: &Run<'_>) -> (Vec<Energy>, Trajectory) {
    let mut energy = KineticEnergy::new();
    let start = Batch::from_vec(x0.to_vec(), field.shape().clone()).unwrap();
    let rows = start.len() as u64;
    let done = integrate(field, start, 0..rows, run, &mut energy).unwrap();
    (energy.samples().to_vec(), done)
}

#[test]
fn the_closed_forms_are_those_that_were_published() {
    let half_pi = 2.0 - std::f64::consts::FRAC_PI_2;
    for (m, s, x0, wanted) in [
        (0.0, 1.0, 1.0, half_pi),
        (2.0, 0.5, -1.0, 6.464_601_84),
        (2.0, 0.5, 0.0, 4.0),
        (2.0, 0.5, 1.0, 2.464_601_84),
        (3.0, 2.0, -1.0, 4.858_407_35),
        (3.0, 2.0, 0.0, 9.0),
        (3.0, 2.0, 1.0, 16.858_407_35),
    ] {
        assert!((exact(m, s, x0) - wanted).abs() < 1e-7, "{m} {s} {x0}: {}", exact(m, s, x0));
    }
}

#[test]
fn kinetic_energy_is_half_the_integral_of_the_squared_speed() {
    for (m, s) in [(0.0, 1.0), (2.0, 0.5), (3.0, 2.0)] {
        let x0 = [-1.0_f32, 0.0, 1.0];
        for solver in SOLVERS {
            let steps = [4000, 4000, 200, 200, 50, 50][solver.order() as usize];
            let run = Run::on(TimeGrid::uniform(steps).unwrap(), solver);
            let (energies, done) = energy_of(&pair(m, s), &x0, &run);
            for ((e, x1), x0) in energies.iter().zip(done.end.as_slice()).zip(x0) {
                let x0 = f64::from(x0);
                let wanted = 0.5 * exact(m, s, x0);
                let near = |a: f64, b: f64, within: f64| (a - b).abs() < within * (1.0 + b.abs());
                let name = solver.name();
                assert!(near(f64::from(*x1), m + s * x0, 1e-3), "{name}: {x1}");
                assert!(near(e.quadrature, wanted, 1e-3), "{name}: {} {wanted}", e.quadrature);
                assert!(near(e.left, wanted, 2.0 / steps as f64), "{name}: {} {wanted}", e.left);
                // A straight line at constant speed would have needed |x1 - x0|^2 / 2.
                let chord = 0.5 * (m + s * x0 - x0).powi(2);
                assert!(near(e.chord, chord, 2e-3) && e.bending > -5e-4, "{name} {e:?}");
                assert_eq!((e.quadrature, e.left), (e.quadrature_raw, e.left_raw));
            }
        }
    }
}

/// The rate at which errors fall as steps double, from the first down to what 32 bits can show.
fn rate(first: usize, error: impl Fn(usize) -> f64) -> f64 {
    let errors: Vec<f64> = (0..6).map(|k| error(first << k)).take_while(|&e| e > 2e-6).collect();
    assert!(errors.len() >= 2, "{errors:?}");
    (errors[0] / errors[errors.len() - 1]).log2() / (errors.len() - 1) as f64
}

#[test]
fn the_quadrature_converges_at_the_solvers_order_and_the_left_sum_at_one() {
    let velocity = |t: f64, x: f64| (4.0 * t).cos() * x + 1.0;
    let field =
        FunctionField::new(Shape::vector(1), "sway", move |t, x: &[f32], out: &mut [f32]| {
            out[0] = velocity(t, f64::from(x[0])) as f32;
        });
    // Both the state and its energy by the midpoint rule in double precision, on a fine grid.
    let (n, mut x, mut wanted) = (100_000, 1.0_f64, 0.0);
    for i in 0..n {
        let (t, h) = (f64::from(i) / f64::from(n), 1.0 / f64::from(n));
        let middle = velocity(t + h / 2.0, x + h / 2.0 * velocity(t, x));
        (x, wanted) = (x + h * middle, wanted + h * 0.5 * middle * middle);
    }
    for solver in SOLVERS {
        let energies = |steps: usize| {
            let run = Run::on(TimeGrid::uniform(steps).unwrap(), solver);
            energy_of(&field, &[1.0], &run).0[0]
        };
        let order = f64::from(solver.order());
        let first = [32, 32, 32, 4, 4, 1][solver.order() as usize];
        let of_state = rate(first, |steps| (energies(steps).quadrature - wanted).abs());
        assert!(of_state > order - 0.35, "{}: {of_state}", solver.name());
        if solver.order() <= 2 {
            assert!(of_state < order + 0.6, "{}: {of_state}", solver.name());
        }
        let left = rate(64, |steps| (energies(steps).left - wanted).abs());
        assert!((0.8..1.3).contains(&left), "{}: {left}", solver.name());
    }
}

/// Keeps every evaluation: velocity, weight, factor.
#[derive(Default)]
struct Keep {
    start: Vec<f32>,
    end: Vec<f32>,
    span: f64,
    seen: Vec<(f64, f64, Vec<f32>)>,
}

impl Observer for Keep {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.start = begin.x.as_slice().to_vec();
        Ok(())
    }

    fn evaluation(&mut self, e: &Evaluation<'_>) -> Result<(), Error> {
        self.seen.push((e.weight, e.applied, e.v.as_slice().to_vec()));
        Ok(())
    }

    fn finish(&mut self, done: &Trajectory) -> Result<(), Error> {
        self.end = done.end.as_slice().to_vec();
        self.span = done.t - done.start;
        Ok(())
    }
}

impl Keep {
    /// `1/2 sum |w| |g v - (x_end - x_start) / T|^2` with the signed `T`, for one sample.
    fn bending(&self, sample: usize, width: usize) -> f64 {
        let at = sample * width..(sample + 1) * width;
        let mean: Vec<f64> = self.end[at.clone()]
            .iter()
            .zip(&self.start[at.clone()])
            .map(|(&b, &a)| (f64::from(b) - f64::from(a)) / self.span)
            .collect();
        let squared = |(weight, factor, v): &(f64, f64, Vec<f32>)| {
            let parts = v[at.clone()].iter().zip(&mean);
            let apart: f64 = parts.map(|(&v, m)| (factor * f64::from(v) - m).powi(2)).sum();
            0.5 * weight * self.span.signum() * apart
        };
        self.seen.iter().map(squared).sum()
    }
}

/// A field without symmetries, and five starts.
fn swirl() -> (impl VelocityField, Batch) {
    let field = FunctionField::new(Shape::vector(3), "swirl", |t, x: &[f32], out: &mut [f32]| {
        out[0] = 2.0 * x[1] * (3.0 * t as f32).cos() - x[0];
        out[1] = -x[0] * x[2] + 0.5;
        out[2] = (x[0] * 0.5).sin() + t as f32;
    });
    (field, Source::new(Seed(4), 5).noise(&Shape::vector(3)))
}

fn gains(grid: &TimeGrid) -> Vec<Box<dyn Gain>> {
    let kts = |rule, landing| {
        let kts =
            Kts { launch_strength: 0.3, landing_strength: 0.04, rule, landing, ..Kts::published() };
        Box::new(kts.checked().unwrap()) as Box<dyn Gain>
    };
    vec![
        kts(GainRule::Field, Landing::Exponential),
        kts(GainRule::Increment, Landing::Exponential),
        kts(GainRule::Published, Landing::Constant),
        Box::new(Ssc::on(grid, SscShape::QuadIn, 0.1).unwrap()),
        Box::new(Constant::new(0.8).unwrap()),
    ]
}

#[test]
fn chord_and_bending_are_the_whole_energy_for_every_solver_and_gain() {
    let (field, start) = swirl();
    let forward = TimeGrid::shifted(9, 3.0).unwrap();
    let heun = LastEuler { inner: &HEUN };
    let dopri = LastEuler { inner: &DOPRI5 };
    for grid in
        [forward.clone(), forward.between(0.9, 0.1).unwrap(), forward.between(1.0, 0.0).unwrap()]
    {
        let gains = gains(&grid);
        let gains: Vec<Option<&dyn Gain>> =
            std::iter::once(None).chain(gains.iter().map(|g| Some(g.as_ref()))).collect();
        for solver in SOLVERS.into_iter().chain([&heun as &dyn Solver, &dopri]) {
            for (g, gain) in gains.iter().enumerate() {
                let run = Run { gain: *gain, ..Run::on(grid.clone(), solver) };
                let (mut energy, mut keep) = (KineticEnergy::new(), Keep::default());
                let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut keep];
                integrate(&field, start.clone(), 0..5, &run, &mut both).unwrap();
                for (i, e) in energy.samples().iter().enumerate() {
                    let direct = keep.bending(i, 3);
                    let scale = 1.0 + e.quadrature.abs();
                    let place = format!("{} gain {g} sample {i}: {e:?}", solver.name());
                    assert!((e.bending - direct).abs() < 2e-6 * scale, "{direct} {place}");
                    assert_eq!(e.quadrature - e.chord, e.bending, "{place}");
                    assert!((e.early + e.late - e.left).abs() < 1e-12 * scale, "{place}");
                    let parts = e.early_raw + e.late_raw;
                    assert!((parts - e.left_raw).abs() < 1e-12 * scale, "{place}");
                    assert!(e.quadrature > 0.0 && e.left > 0.0 && e.chord >= 0.0, "{place}");
                    assert!(e.path_length >= e.chord_length - 1e-6, "{place}");
                    // Only Dopri5 has a negative weight.
                    assert!(solver.order() == 5 || e.bending > -1e-6 * scale, "{place}");
                }
            }
        }
    }
}

#[test]
fn an_adaptive_run_keeps_the_identity() {
    let (field, start) = swirl();
    let how = Adaptive { start: 0.05, end: 0.95, ..Adaptive::new(1e-4, 1e-5).unwrap() };
    let back = Adaptive { start: 0.95, end: 0.05, ..how };
    for how in [how, back] {
        let on = Run::on(TimeGrid::uniform(1).unwrap(), &DOPRI5);
        let run = Run { stepping: Stepping::Adaptive(how), ..on };
        let (mut energy, mut keep) = (KineticEnergy::new(), Keep::default());
        let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut keep];
        let done = integrate(&field, start.clone(), 0..5, &run, &mut both).unwrap();
        let weights: f64 = keep.seen.iter().map(|(w, ..)| w).sum();
        assert!((weights - (how.end - how.start)).abs() < 1e-12);
        for (i, e) in energy.samples().iter().enumerate() {
            assert!((e.bending - keep.bending(i, 3)).abs() < 2e-6 * (1.0 + e.quadrature));
        }
        assert!(done.steps > 2);
    }
}

#[test]
fn a_straight_trajectory_has_straightness_one_and_no_bending() {
    let wind = FunctionField::new(Shape::vector(2), "wind", |_, _: &[f32], out: &mut [f32]| {
        out.copy_from_slice(&[3.0, -4.0]);
    });
    for solver in SOLVERS {
        let run = Run::on(TimeGrid::shifted(10, 3.0).unwrap(), solver);
        let e = energy_of(&wind, &[0.5, 1.0], &run).0[0];
        assert!((e.straightness().unwrap() - 1.0).abs() < 1e-6, "{}", solver.name());
        assert!((e.chord - 12.5).abs() < 1e-5 && e.bending.abs() < 1e-5, "{e:?}");
        assert!((e.left - 12.5).abs() < 1e-9 && (e.quadrature - 12.5).abs() < 1e-9);
    }
    let still = FunctionField::new(Shape::vector(2), "still", |_, _: &[f32], out: &mut [f32]| {
        out.fill(0.0);
    });
    let e = energy_of(&still, &[0.5, 1.0], &Run::on(TimeGrid::uniform(3).unwrap(), &RK4)).0[0];
    assert_eq!((e, e.straightness()), (Energy::default(), None));
}

#[test]
fn a_circle_has_the_straightness_of_an_arc() {
    // Half a turn of radius 1: arc pi, chord 2; speed pi all the way.
    let turn = FunctionField::new(Shape::vector(2), "turn", |_, x: &[f32], out: &mut [f32]| {
        let pi = std::f32::consts::PI;
        out.copy_from_slice(&[-pi * x[1], pi * x[0]]);
    });
    let run = Run::on(TimeGrid::uniform(200).unwrap(), &RK4);
    let e = energy_of(&turn, &[1.0, 0.0], &run).0[0];
    let pi = std::f64::consts::PI;
    assert!((e.straightness().unwrap() - pi / 2.0).abs() < 1e-3);
    assert!((e.quadrature - pi * pi / 2.0).abs() < 1e-3 && (e.chord - 2.0).abs() < 1e-3);
}

#[test]
fn chunks_have_the_energies_of_the_whole_and_power_integrates_to_their_mean() {
    let (field, _) = swirl();
    let grid = TimeGrid::shifted(12, 2.0).unwrap();
    for (grid, gain) in [(grid.clone(), None), (grid.between(0.9, 0.2).unwrap(), Some(2))] {
        let gains = gains(&grid);
        let gain: Option<&dyn Gain> = gain.map(|i: usize| gains[i].as_ref());
        for solver in SOLVERS {
            let run = Run { gain, ..Run::on(grid.clone(), solver) };
            let measured = |chunk: usize| {
                let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
                let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut power];
                let source = Source { chunk, ..Source::new(Seed(6), 37) };
                sample(&field, &source, &run, &mut both).unwrap();
                (energy.samples().to_vec(), power.points())
            };
            let (whole, curve) = measured(0);
            assert_eq!((whole.len(), curve.len()), (37, grid.len()));
            for chunk in [1, 2, 10] {
                let (parts, pieces) = measured(chunk);
                assert_eq!(parts, whole, "{} in {chunk}", solver.name());
                // Sums over samples are in the same order.
                assert_eq!(pieces, curve, "{} in {chunk}", solver.name());
            }
            let mean = |f: fn(&Energy) -> f64| whole.iter().map(f).sum::<f64>() / 37.0;
            let area: f64 = curve.iter().map(|p| p.mean * p.dt.abs()).sum();
            let raw: f64 = curve.iter().map(|p| p.mean_raw * p.dt.abs()).sum();
            assert!((area - mean(|e| e.left)).abs() < 1e-12 * (1.0 + area), "{}", solver.name());
            assert!((raw - mean(|e| e.left_raw)).abs() < 1e-12 * (1.0 + raw), "{}", solver.name());
            assert!(curve.iter().all(|p| p.deviation > 0.0));
        }
    }
}

/// Stops chunks that begin with a sample from `from` on, once `t` is reached.
struct Stop {
    from: u64,
    t: f64,
    first: u64,
}

impl Observer for Stop {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), Error> {
        self.first = begin.samples.iter().next().unwrap_or(0);
        Ok(())
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, Error> {
        let over = self.first >= self.from && advance.end >= self.t;
        Ok(if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

#[test]
fn a_stopped_run_has_the_energy_of_the_way_it_went() {
    let (field, start) = swirl();
    let grid = TimeGrid::uniform(10).unwrap();
    let whole = Run::on(TimeGrid::custom(grid.times()[..6].to_vec()).unwrap(), &HEUN);
    let mut wanted = KineticEnergy::new();
    integrate(&field, start.clone(), 0..5, &whole, &mut wanted).unwrap();
    let (mut energy, mut stop) = (KineticEnergy::new(), Stop { from: 0, t: 0.5, first: 0 });
    let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut stop];
    let done = integrate(&field, start, 0..5, &Run::on(grid.clone(), &HEUN), &mut both).unwrap();
    assert_eq!((done.outcome, done.t), (Outcome::Stopped { t: 0.5 }, 0.5));
    assert_eq!(energy.samples(), wanted.samples());
    // The power of samples that went on is not thinned by those that were stopped.
    let (mut power, mut alone) = (PowerCurve::default(), PowerCurve::default());
    let source = Source { chunk: 3, ..Source::new(Seed(6), 6) };
    let mut stop = Stop { from: 3, t: 0.5, first: 0 };
    let run = Run::on(grid, &HEUN);
    let mut both: [&mut dyn Observer; 2] = [&mut power, &mut stop];
    let done = sample(&field, &source, &run, &mut both).unwrap();
    assert!(matches!(done.outcome, Outcome::Stopped { .. }));
    sample(&field, &Source::new(Seed(6), 3), &run, &mut alone).unwrap();
    assert_eq!(power.points()[7], alone.points()[7]);
    assert_ne!(power.points()[2], alone.points()[2]);
}

#[test]
fn a_stop_at_the_very_end_is_a_completed_run() {
    let (field, start) = swirl();
    let mut stop = Stop { from: 0, t: 1.0, first: 0 };
    let run = Run::on(TimeGrid::uniform(4).unwrap(), &EULER);
    let done = integrate(&field, start, 0..5, &run, &mut stop).unwrap();
    assert_eq!(done.outcome, Outcome::Completed {});
}

#[test]
fn no_sample_one_sample_and_no_time_at_all() {
    let (field, _) = swirl();
    let run = Run::on(TimeGrid::uniform(3).unwrap(), &RK4);
    let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
    let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut power];
    sample(&field, &Source::new(Seed(1), 0), &run, &mut both).unwrap();
    assert!(energy.samples().is_empty());
    assert!(power.points().iter().all(|p| (p.mean, p.deviation) == (0.0, 0.0)));
    let mut power = PowerCurve::default();
    sample(&field, &Source::new(Seed(1), 1), &run, &mut power).unwrap();
    assert!(power.points().iter().all(|p| p.mean > 0.0 && p.deviation == 0.0));
    // A run out of budget before its first step has covered no time.
    let how = Adaptive { max_evaluations: 1, ..Adaptive::new(1e-3, 1e-3).unwrap() };
    let run = Run { stepping: Stepping::Adaptive(how), solver: &DOPRI5, ..run };
    let mut energy = KineticEnergy::new();
    let done = sample(&field, &Source::new(Seed(1), 2), &run, &mut energy).unwrap();
    assert_eq!((done.outcome, done.steps), (Outcome::OutOfBudget { t: 0.0 }, 0));
    assert_eq!(energy.samples(), [Energy::default(); 2]);
    // The shortest span that a grid can have.
    let grid = TimeGrid::custom(vec![0.5, 0.5_f64.next_up()]).unwrap();
    for solver in SOLVERS {
        let mut energy = KineticEnergy::new();
        sample(&field, &Source::new(Seed(1), 2), &Run::on(grid.clone(), solver), &mut energy)
            .unwrap();
        assert!(energy.samples().iter().all(|e| e.left > 0.0 && e.bending.is_finite()));
    }
}

#[test]
fn heuns_published_energy_is_the_predictors() {
    // Left sums count the velocity at the start of a step with the factor of that time only.
    let (field, start) = swirl();
    let kts = Kts { launch_strength: 0.3, landing_strength: 0.04, ..Kts::published() };
    let grid = TimeGrid::uniform(7).unwrap();
    let run = Run { gain: Some(&kts), ..Run::on(grid.clone(), &HEUN) };
    let (mut energy, mut keep) = (KineticEnergy::new(), Keep::default());
    let mut both: [&mut dyn Observer; 2] = [&mut energy, &mut keep];
    integrate(&field, start, 0..5, &run, &mut both).unwrap();
    let starts = keep.seen.iter().step_by(2).zip(grid.steps());
    let left: f64 = starts
        .map(|((_, _, v), (t, dt))| {
            let squared: f64 = v[..3].iter().map(|&v| f64::from(v).powi(2)).sum();
            0.5 * dt * kts.at(t).powi(2) * squared
        })
        .sum();
    assert!((energy.samples()[0].left - left).abs() < 1e-12);
}

/// What every sample's steps add up to is its energy, raw and effective, in chunks and adaptive runs as well.
#[test]
fn every_step_of_every_sample_is_a_part_of_its_energy() {
    let (field, _) = swirl();
    let fixed = Stepping::Grid(TimeGrid::uniform(7).unwrap());
    let adaptive = Stepping::Adaptive(Adaptive::new(1e-4, 1e-4).unwrap());
    for solver in SOLVERS {
        for (stepping, gain) in [(&fixed, 1.0), (&fixed, 1.2), (&adaptive, 1.0), (&adaptive, 1.2)] {
            if matches!(stepping, Stepping::Adaptive(_)) && solver.name() != "dopri5" {
                continue;
            }
            let gain = Constant::new(gain).unwrap();
            let run = Run {
                stepping: stepping.clone(),
                gain: Some(&gain),
                ..Run::on(TimeGrid::uniform(7).unwrap(), solver)
            };
            let (mut energy, mut power) = (KineticEnergy::new(), SamplePower::default());
            let source = Source { chunk: 2, ..Source::new(Seed(4), 5) };
            let mut observers: [&mut dyn Observer; 2] = [&mut energy, &mut power];
            sample(&field, &source, &run, &mut observers).unwrap();
            assert_eq!(power.samples().len(), 5);
            for (energy, steps) in energy.samples().iter().zip(power.samples()) {
                let of = |f: fn(&pathline::diagnostics::StepPower) -> f64| {
                    let so_far = cumulative(steps.iter().map(|step| (step.t, step.dt, f(step))));
                    assert!((so_far.last().unwrap()[0] - 1.0).abs() < 1e-12);
                    so_far.last().unwrap()[1]
                };
                let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + b.abs());
                assert!(
                    near(of(|s| s.effective), energy.left) && near(of(|s| s.raw), energy.left_raw)
                );
                assert!(energy.left > 0.0 && steps.len() > 1);
            }
        }
    }
}

/// The same field in turned coordinates, from turned noise, costs the same.
#[test]
fn a_rotation_changes_no_energy() {
    let (sin, cos) = 0.7_f64.sin_cos();
    let turn = move |x: &[f32], back: f64| {
        let (a, b) = (f64::from(x[0]), f64::from(x[1]));
        [cos * a - back * sin * b, back * sin * a + cos * b]
    };
    let plain = |t: f64, x: [f64; 2]| [x[1] * (1.0 + t) - 0.3 * x[0] * x[0], (2.0 * x[0]).sin()];
    let field =
        FunctionField::new(Shape::vector(2), "plain", move |t, x: &[f32], u: &mut [f32]| {
            let v = plain(t, [f64::from(x[0]), f64::from(x[1])]);
            u.copy_from_slice(&v.map(|v| v as f32));
        });
    let turned =
        FunctionField::new(Shape::vector(2), "turned", move |t, x: &[f32], u: &mut [f32]| {
            let v = plain(t, turn(x, -1.0)).map(|v| v as f32);
            u.copy_from_slice(&turn(&v, 1.0).map(|v| v as f32));
        });
    let noise = Source::new(Seed(5), 50).noise(&Shape::vector(2));
    let start: Vec<f32> =
        noise.rows().iter().flat_map(|x| turn(x, 1.0).map(|v| v as f32)).collect();
    for solver in SOLVERS {
        let run = Run::on(TimeGrid::uniform(20).unwrap(), solver);
        let (before, _) = energy_of(&field, noise.as_slice(), &run);
        let (after, _) = energy_of(&turned, &start, &run);
        for (a, b) in before.iter().zip(&after) {
            for (a, b) in [(a.left, b.left), (a.chord, b.chord), (a.bending, b.bending)] {
                assert!((a - b).abs() < 1e-5 * (1.0 + b), "{a} {b}");
            }
        }
    }
}
