//! Exact fields against closed forms and direct sums; wrappers; the same bytes in any batch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pathline::field::{
    ClockShifted, Conditions, Counted, EmpiricalField, FunctionField, Gaussian, GaussianField,
    GaussianMixture, Guided, MixtureField, Rescheduled, Reversed, SourceScaled, SwitchTimes,
    Switched,
};
use pathline::path::Prediction;
use pathline::schedule::{CondOt, Cosine, LinearVp, Schedule, Vp};
use pathline::{
    At, Batch, Error, Purpose, Rows, RowsMut, Samples, Seed, Shape, Times, VelocityField,
};

fn normal(rows: usize, width: usize, tag: u64) -> Batch {
    let mut values = vec![0.0; rows * width];
    Seed(11).normal(Purpose::Data, tag, 0, &mut values);
    Batch::from_vec(values, Shape::vector(width)).unwrap()
}

fn evaluate(field: &dyn VelocityField, t: Times<'_>, x: &Batch) -> Batch {
    try_evaluate(field, t, x).unwrap()
}

fn try_evaluate(field: &dyn VelocityField, t: Times<'_>, x: &Batch) -> Result<Batch, Error> {
    let mut out = Batch::zeros(x.len(), x.shape().clone());
    let at = At::new(Samples::first(x.len()), t, x.rows())?;
    field.velocity(&at, out.rows_mut())?;
    Ok(out)
}

/// Classic fourth-order Runge-Kutta from `a` to `b`.
fn flow(field: &dyn VelocityField, x: &Batch, [a, b]: [f64; 2], steps: u32) -> Batch {
    let moved = |x: &Batch, v: &Batch, h: f64| {
        let sum = x.as_slice().iter().zip(v.as_slice());
        let values = sum.map(|(&x, &v)| (f64::from(x) + h * f64::from(v)) as f32).collect();
        Batch::from_vec(values, x.shape().clone()).unwrap()
    };
    let h = (b - a) / f64::from(steps);
    let mut x = x.clone();
    for step in 0..steps {
        let t = a + h * f64::from(step);
        let v1 = evaluate(field, Times::Shared(t), &x);
        let v2 = evaluate(field, Times::Shared(t + h / 2.0), &moved(&x, &v1, h / 2.0));
        let v3 = evaluate(field, Times::Shared(t + h / 2.0), &moved(&x, &v2, h / 2.0));
        let v4 = evaluate(field, Times::Shared(t + h), &moved(&x, &v3, h));
        for (v, weight) in [(v1, 1.0), (v2, 2.0), (v3, 2.0), (v4, 1.0)] {
            x = moved(&x, &v, weight * h / 6.0);
        }
    }
    x
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

fn norm(a: &[f32]) -> f64 {
    distance(a, &vec![0.0; a.len()])
}

fn gaussian(schedule: Arc<dyn Schedule>) -> GaussianField {
    let data = Gaussian::diagonal([2.0, -1.0], [0.5, 1.5]).unwrap();
    GaussianField::new(Shape::vector(2), data, schedule).unwrap()
}

fn ring() -> MixtureField {
    GaussianMixture::ring(8, 2.0, 0.2).unwrap().along(Arc::new(CondOt))
}

/// Data with a near-copy of every fourth point.
fn points(n: usize, d: usize) -> Batch {
    let (data, shift) = (normal(n, d, 1), normal(n, d, 2));
    let copies: Vec<f32> = (0..n)
        .flat_map(|i| {
            let from = if i % 4 == 0 && i > 0 { i - 1 } else { i };
            let copied = from != i;
            let near = data.row(from).iter().zip(shift.row(i));
            near.map(move |(x, s)| if copied { x + 2e-3 * s } else { *x }).collect::<Vec<_>>()
        })
        .collect();
    Batch::from_vec(copies, Shape::vector(d)).unwrap()
}

/// States on the paths to some of the points, copies among them.
fn states(data: &Batch, queries: usize, c: (f64, f64)) -> Batch {
    let (n, d) = (data.len(), data.width());
    let noise = normal(queries, d, 3);
    let states = (0..queries).flat_map(|q| {
        let pair = data.row((q * 3 + 3) % n).iter().zip(noise.row(q));
        pair.map(|(&x, &e)| (c.0 * f64::from(x) + c.1 * f64::from(e)) as f32).collect::<Vec<_>>()
    });
    Batch::from_vec(states.collect(), Shape::vector(d)).unwrap()
}

fn empirical_case(n: usize, d: usize, queries: usize, c: (f64, f64)) -> (Batch, Batch) {
    let data = points(n, d);
    let states = states(&data, queries, c);
    (data, states)
}

struct Direct {
    mean: Vec<f64>,
    log_sum: f64,
    max_weight: f64,
    entropy: f64,
}

/// The posterior by a direct sum in double precision.
fn direct(data: &Batch, x: &[f32], alpha: f64, sigma: f64) -> Direct {
    let exponent = |point: &[f32]| {
        let gap = |(&x, &y): (&f32, &f32)| (f64::from(x) - alpha * f64::from(y)).powi(2);
        -x.iter().zip(point).map(gap).sum::<f64>() / (2.0 * sigma * sigma)
    };
    let exponents: Vec<f64> = data.rows().iter().map(exponent).collect();
    let top = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = exponents.iter().map(|l| (l - top).exp()).sum();
    let log_sum = top + total.ln();
    let mut mean = vec![0.0; x.len()];
    let mut entropy = 0.0;
    for (l, point) in exponents.iter().zip(data.rows().iter()) {
        let w = (l - log_sum).exp();
        if w > 0.0 {
            entropy -= w * (l - log_sum);
            mean.iter_mut().zip(point).for_each(|(m, &y)| *m += w * f64::from(y));
        }
    }
    Direct { mean, log_sum, max_weight: 1.0 / total, entropy }
}

#[test]
fn a_gaussian_flows_to_mean_plus_deviation_times_noise() {
    let x0 = normal(50, 2, 4);
    let start_of_vp = Vp::default().at(0.0);
    for schedule in [Arc::new(CondOt) as Arc<dyn Schedule>, Arc::new(Cosine)] {
        let field = gaussian(schedule);
        assert!(!field.singular_at_target());
        let end = flow(&field, &x0, [0.0, 1.0], 200);
        for (x0, x1) in x0.rows().iter().zip(end.rows().iter()) {
            assert!((x1[0] - (2.0 + 0.5 * x0[0])).abs() < 1e-5);
            assert!((x1[1] - (-1.0 + 1.5 * x0[1])).abs() < 1e-5);
        }
    }
    // The exact flow keeps the standardised state, also from a start that is not pure noise.
    let field = gaussian(Arc::new(Vp::default()));
    assert!(field.singular_at_target());
    assert!(matches!(try_evaluate(&field, Times::Shared(1.0), &x0), Err(Error::Singular { .. })));
    let near = Vp::default().at(0.99);
    let end = flow(&field, &x0, [0.0, 0.99], 2000);
    let spread = |c: pathline::schedule::Coefficients, s: f64| {
        (c.alpha * c.alpha * s * s + c.sigma * c.sigma).sqrt()
    };
    for (x0, x1) in x0.rows().iter().zip(end.rows().iter()) {
        let z = (f64::from(x0[0]) - 2.0 * start_of_vp.alpha) / spread(start_of_vp, 0.5);
        let wanted = 2.0 * near.alpha + z * spread(near, 0.5);
        assert!((f64::from(x1[0]) - wanted).abs() < 2e-4, "{} {wanted}", x1[0]);
    }
}

#[test]
fn a_gaussian_of_each_class_is_used_for_its_samples() {
    let classes: BTreeMap<u32, Gaussian> =
        [(7, Gaussian::isotropic([5.0, 5.0], 0.1).unwrap())].into();
    let cycle = Conditions::Cycle(Arc::from([7]));
    let field = gaussian(Arc::new(CondOt)).conditioned(classes.clone(), cycle).unwrap();
    let end = flow(&field, &normal(3, 2, 5), [0.0, 1.0], 100);
    assert!(end.as_slice().iter().all(|v| (v - 5.0).abs() < 0.5));
    assert!(gaussian(Arc::new(CondOt)).conditioned(classes, Conditions::Shared(8)).is_err());
    assert!(Gaussian::diagonal([0.0], [1.0, 2.0]).is_err());
    assert!(Gaussian::isotropic([0.0], -1.0).is_err());
    let flat = Gaussian::isotropic([0.0; 3], 1.0).unwrap();
    assert!(GaussianField::new(Shape::vector(2), flat, Arc::new(CondOt)).is_err());
}

#[test]
fn a_mixture_agrees_with_its_limits() {
    // One component is the Gaussian.
    let means = Batch::from_vec(vec![2.0, -1.0], Shape::vector(2)).unwrap();
    let one = GaussianMixture::new(&[3.0], &means, &[0.5]).unwrap().along(Arc::new(Cosine));
    let data = Gaussian::isotropic([2.0, -1.0], 0.5).unwrap();
    let same = GaussianField::new(Shape::vector(2), data, Arc::new(Cosine)).unwrap();
    let x = normal(100, 2, 6);
    for t in [0.0, 0.3, 0.9, 1.0] {
        let (a, b) = (evaluate(&one, Times::Shared(t), &x), evaluate(&same, Times::Shared(t), &x));
        assert!(distance(a.as_slice(), b.as_slice()) < 1e-5);
    }
    // Deviations of zero are the empirical field; weights count.
    let points = normal(20, 3, 7);
    let sharp = GaussianMixture::new(&[1.0; 20], &points, &[0.0; 20]).unwrap();
    let sharp = sharp.along(Arc::new(CondOt));
    let empirical = EmpiricalField::new(&points, Arc::new(CondOt)).unwrap();
    assert!(sharp.singular_at_target() && !one.singular_at_target());
    let x = normal(50, 3, 8);
    for t in [0.0, 0.3, 0.9] {
        let (a, b) =
            (evaluate(&sharp, Times::Shared(t), &x), evaluate(&empirical, Times::Shared(t), &x));
        assert!(distance(a.as_slice(), b.as_slice()) < 1e-4 * norm(b.as_slice()));
    }
    assert!(GaussianMixture::new(&[0.0], &means, &[1.0]).is_err());
    assert!(GaussianMixture::new(&[1.0], &means, &[1.0, 2.0]).is_err());
    assert!(GaussianMixture::ring(0, 1.0, 1.0).is_err());
    assert!(GaussianMixture::ring(u32::MAX, 1.0, 1.0).is_err());
}

#[test]
fn a_class_of_a_ring_flows_to_its_mode() {
    let to_two = ring().conditioned(Conditions::Shared(2)).unwrap();
    let end = flow(&to_two, &normal(100, 2, 9), [0.0, 1.0], 100);
    for x in end.rows().iter() {
        assert!(distance(x, &[0.0, 2.0]) < 1.0, "{x:?}");
    }
    assert!(ring().conditioned(Conditions::Shared(8)).is_err());
}

#[test]
fn the_empirical_field_matches_a_direct_sum_at_full_size() {
    let (n, d, queries) = (10_000, 784, 6);
    let data = points(n, d);
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    for t in [0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99, 0.999] {
        let c = CondOt.at(t);
        let x = states(&data, queries, (c.alpha, c.sigma));
        let v = evaluate(&field, Times::Shared(t), &x);
        let at = At::new(Samples::first(queries), Times::Shared(t), x.rows()).unwrap();
        let posterior = field.posterior(&at).unwrap();
        for (q, seen) in posterior.iter().enumerate() {
            let wanted = direct(&data, x.row(q), c.alpha, c.sigma);
            let pairs = wanted.mean.iter().zip(x.row(q));
            let exact = pairs.map(|(m, &x)| ((m - f64::from(x)) / (1.0 - t)) as f32);
            let exact: Vec<f32> = exact.collect();
            let error = distance(v.row(q), &exact) / norm(&exact);
            assert!(error < 1e-4, "relative error {error} at t = {t}");
            let volume =
                (n as f64).ln() + d as f64 / 2.0 * (std::f64::consts::TAU * c.sigma * c.sigma).ln();
            let log_density = wanted.log_sum - volume;
            assert!((seen.log_density - log_density).abs() < 1e-4 * (1.0 + log_density.abs()));
            assert!((seen.max_weight - wanted.max_weight).abs() < 1e-4);
            assert!((seen.entropy - wanted.entropy).abs() < 1e-3, "entropy at {t}");
        }
    }
}

#[test]
fn the_empirical_field_holds_at_small_sizes_and_every_schedule() {
    for (n, d) in [(1, 1), (3, 2), (700, 2), (1500, 33)] {
        for schedule in [Arc::new(Cosine) as Arc<dyn Schedule>, Arc::new(Vp::default())] {
            for t in [0.0, 0.4, 0.9, 0.999_99] {
                let c = schedule.at(t);
                let (data, x) = empirical_case(n, d, 9, (c.alpha, c.sigma));
                let field = EmpiricalField::new(&data, schedule.clone()).unwrap();
                let v = evaluate(&field, Times::Shared(t), &x);
                let linear = c.convert(Prediction::Target, Prediction::Velocity, t).unwrap();
                for q in 0..9 {
                    let mean = direct(&data, x.row(q), c.alpha, c.sigma).mean;
                    let pairs = mean.iter().zip(x.row(q));
                    let exact: Vec<f32> = pairs
                        .map(|(m, &x)| (linear.state * f64::from(x) + linear.value * m) as f32)
                        .collect();
                    let good = distance(v.row(q), &exact) < 1e-4 * norm(&exact) + 1e-6;
                    assert!(good, "{} n {n} d {d} t {t}", schedule.name());
                }
            }
        }
    }
}

#[test]
fn the_empirical_field_holds_far_from_every_path() {
    let data = points(2000, 300);
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    // Three times some data points: large products that the error estimate does not expect.
    let far: Vec<f32> = data.as_slice()[..20 * 300].iter().map(|x| 3.0 * x).collect();
    let far = Batch::from_vec(far, Shape::vector(300)).unwrap();
    for t in [0.02, 0.1, 0.2, 0.3, 0.6] {
        let v = evaluate(&field, Times::Shared(t), &far);
        for (v, x) in v.rows().iter().zip(far.rows().iter()) {
            let mean = direct(&data, x, t, 1.0 - t).mean;
            let pairs = mean.iter().zip(x);
            let exact: Vec<f32> =
                pairs.map(|(m, &x)| ((m - f64::from(x)) / (1.0 - t)) as f32).collect();
            assert!(distance(v, &exact) < 1e-4 * norm(&exact), "at t = {t}");
        }
    }
}

#[test]
fn lemma_4_1_holds_to_rounding() {
    // v = alpha' sigma / alpha * score + alpha' / alpha * x on the straight-line schedule, with the
    // score by finite differences of the log-density, which never sees the posterior mean.
    let (data, x) = empirical_case(200, 3, 5, (0.6, 0.4));
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    let t = 0.6;
    let log_density = |x: &Batch| {
        let at = At::new(Samples::first(5), Times::Shared(t), x.rows()).unwrap();
        field.posterior(&at).unwrap().iter().map(|p| p.log_density).collect::<Vec<_>>()
    };
    let at = At::new(Samples::first(5), Times::Shared(t), x.rows()).unwrap();
    let mut score = Batch::zeros(5, Shape::vector(3));
    field.predict(Prediction::Score, &at, score.rows_mut()).unwrap();
    let v = evaluate(&field, Times::Shared(t), &x);
    for j in 0..3 {
        let (mut up, mut down) = (x.clone(), x.clone());
        (0..5).for_each(|q| up.rows_mut().row(q)[j] += 1e-3);
        (0..5).for_each(|q| down.rows_mut().row(q)[j] -= 1e-3);
        let (a, b) = (log_density(&up), log_density(&down));
        for q in 0..5 {
            let h = f64::from(up.row(q)[j]) - f64::from(down.row(q)[j]);
            let s = f64::from(score.row(q)[j]);
            assert!(((a[q] - b[q]) / h - s).abs() < 2e-3 * (1.0 + s.abs()));
            let lemma = (1.0 - t) / t * s + f64::from(x.row(q)[j]) / t;
            let v = f64::from(v.row(q)[j]);
            assert!((v - lemma).abs() < 1e-6 * (1.0 + s.abs()), "{v} {lemma}");
        }
    }
}

#[test]
fn one_class_of_an_empirical_field_is_the_field_of_its_subset() {
    let (data, x) = empirical_case(1300, 7, 80, (0.5, 0.5));
    let labels: Vec<u32> = (0..1300).map(|i| (i * i % 3) as u32 * 5).collect();
    let all = EmpiricalField::with_classes(&data, &labels, Arc::new(CondOt)).unwrap();
    let rows: Vec<usize> = (0..1300).filter(|&i| labels[i] == 5).collect();
    let subset = EmpiricalField::new(&data.select(&rows).unwrap(), Arc::new(CondOt)).unwrap();
    let one = all.conditioned(Conditions::Shared(5)).unwrap();
    for t in [0.05, 0.5, 0.99] {
        let t = Times::Shared(t);
        assert_eq!(evaluate(&one, t, &x), evaluate(&subset, t, &x));
    }
    // A cycle gives each sample its own class, and the index of the heaviest point is the caller's.
    let cycle = all.conditioned(Conditions::Cycle(Arc::from([5, 0]))).unwrap();
    let t = Times::Shared(0.9);
    let mixed = evaluate(&cycle, t, &x);
    let fives = evaluate(&one, t, &x);
    assert_eq!(mixed.row(2), fives.row(2));
    assert_ne!(mixed.row(3), fives.row(3));
    let at = At::new(Samples::first(80), t, x.rows()).unwrap();
    for (q, posterior) in cycle.posterior(&at).unwrap().iter().enumerate() {
        assert_eq!(labels[posterior.heaviest], [5, 0][q % 2]);
    }
}

#[test]
fn the_empirical_field_refuses_bad_data_and_the_end() {
    let schedule = || Arc::new(CondOt);
    let mut bad = normal(5, 3, 10);
    bad.rows_mut().row(3)[1] = f32::NAN;
    let message = EmpiricalField::new(&bad, schedule()).unwrap_err().to_string();
    assert!(message.contains("row 3, column 1"), "{message}");
    let good = normal(5, 3, 10);
    let none = Batch::zeros(0, Shape::vector(3));
    assert!(EmpiricalField::new(&none, schedule()).is_err());
    let short = EmpiricalField::with_classes(&good, &[0; 4], schedule());
    assert!(matches!(short, Err(Error::Count { expected: 5, found: 4, .. })));
    let field = EmpiricalField::with_classes(&good, &[0, 0, 0, 2, 2], schedule()).unwrap();
    assert!(field.conditioned(Conditions::Shared(1)).is_err());
    let plain = EmpiricalField::new(&good, schedule()).unwrap();
    assert!(plain.conditioned(Conditions::Shared(0)).is_err());
    assert!(field.singular_at_target());
    let end = try_evaluate(&field, Times::Shared(1.0), &good);
    assert!(matches!(end, Err(Error::Singular { .. })));
    let lost = try_evaluate(&field, Times::Shared(0.5), &bad);
    assert!(matches!(lost, Err(Error::NonFinite { sample: 3, .. })));
}

fn every_field() -> Vec<(&'static str, Arc<dyn VelocityField>)> {
    let (data, _) = empirical_case(1200, 2, 1, (0.5, 0.5));
    let labels: Vec<u32> = (0..1200).map(|i| i % 3).collect();
    let empirical = EmpiricalField::with_classes(&data, &labels, Arc::new(CondOt)).unwrap();
    let cycle = Conditions::Cycle(Arc::from([2, 0, 1]));
    let empirical: Arc<dyn VelocityField> = Arc::new(empirical.conditioned(cycle.clone()).unwrap());
    let one: Arc<dyn VelocityField> = Arc::new(ring().conditioned(cycle).unwrap());
    let all: Arc<dyn VelocityField> = Arc::new(ring());
    let switch = SwitchTimes::Cycle(Arc::from([0.2, 0.6, 0.9]));
    let function =
        FunctionField::new(Shape::vector(2), "turn", |t: f64, x: &[f32], u: &mut [f32]| {
            u[0] = -x[1] * t as f32;
            u[1] = x[0];
        });
    vec![
        ("function", Arc::new(function)),
        ("gaussian", Arc::new(gaussian(Arc::new(CondOt)))),
        ("gaussian-mixture", one.clone()),
        ("empirical", empirical.clone()),
        ("guided", Arc::new(Guided::new(one.clone(), all.clone(), 2.5).unwrap())),
        ("switched", Arc::new(Switched::new(all.clone(), empirical.clone(), switch).unwrap())),
        ("rescheduled", Arc::new(Rescheduled::new(empirical, Arc::new(CondOt), Arc::new(Cosine)))),
        ("reversed", Arc::new(Reversed::new(one))),
        ("gaussian-mixture", Arc::new(Counted::new(all))),
    ]
}

#[test]
fn a_row_has_the_same_bytes_in_any_batch_and_on_any_threads() {
    let x = normal(200, 2, 12);
    let times: Vec<f64> = (0..200_i32).map(|i| 0.02 + f64::from(i * 7 % 200) / 210.0).collect();
    for (name, field) in every_field() {
        assert_eq!(field.record().name, name);
        let whole = evaluate(&*field, Times::Each(&times), &x);
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        for threads in [1, 2] {
            let again = pool(threads).install(|| evaluate(&*field, Times::Each(&times), &x));
            assert_eq!(again, whole, "{name}");
        }
        for size in [1, 2, 7, 100] {
            for start in (0..200).step_by(size) {
                let end = (start + size).min(200);
                let part = x.select(&(start..end).collect::<Vec<_>>()).unwrap();
                let samples = Samples::Range(start as u64..end as u64);
                let shared = size == 1;
                let each = Times::Each(&times[start..end]);
                let t = if shared { Times::Shared(times[start]) } else { each };
                let mut out = Batch::zeros(part.len(), part.shape().clone());
                field.velocity(&At::new(samples, t, part.rows()).unwrap(), out.rows_mut()).unwrap();
                assert_eq!(out.as_slice(), &whole.as_slice()[2 * start..2 * end], "{name} {size}");
            }
        }
    }
}

#[test]
fn every_field_takes_nothing_and_refuses_what_does_not_fit() {
    let none = Batch::zeros(0, Shape::vector(2));
    let (x, wide) = (normal(3, 2, 13), normal(3, 3, 13));
    for (name, field) in every_field() {
        assert!(evaluate(&*field, Times::Shared(0.5), &none).is_empty(), "{name}");
        assert!(evaluate(&*field, Times::Each(&[]), &none).is_empty(), "{name}");
        assert!(try_evaluate(&*field, Times::Shared(0.5), &wide).is_err(), "{name}");
        let mut out = Batch::zeros(2, Shape::vector(2));
        let at = At::new(Samples::first(3), Times::Shared(0.5), x.rows()).unwrap();
        assert!(field.velocity(&at, out.rows_mut()).is_err(), "{name}");
        let mut out = Batch::zeros(3, Shape::vector(2));
        let short = At { samples: Samples::first(3), t: Times::Each(&[0.5]), x: x.rows() };
        assert!(field.velocity(&short, out.rows_mut()).is_err(), "{name}");
        let short = At { samples: Samples::first(2), t: Times::Shared(0.5), x: x.rows() };
        assert!(field.velocity(&short, out.rows_mut()).is_err(), "{name}");
    }
}

#[test]
fn guidance_mixes_and_keeps_to_its_interval() {
    let one = Arc::new(ring().conditioned(Conditions::Shared(1)).unwrap());
    let guided = Guided::new(one.clone(), Arc::new(ring()), 3.0).unwrap().within(0.2, 0.5).unwrap();
    let x = normal(10, 2, 14);
    let (with, without) =
        (evaluate(&*one, Times::Shared(0.3), &x), evaluate(&ring(), Times::Shared(0.3), &x));
    let mixed = evaluate(&guided, Times::Shared(0.3), &x);
    for ((m, c), u) in mixed.as_slice().iter().zip(with.as_slice()).zip(without.as_slice()) {
        assert!((m - (-2.0 * u + 3.0 * c)).abs() < 1e-4);
    }
    for t in [0.1, 0.6] {
        let t = Times::Shared(t);
        assert_eq!(evaluate(&guided, t, &x), evaluate(&*one, t, &x));
    }
    assert!(Guided::new(one.clone(), one.clone(), f64::NAN).is_err());
    assert!(Guided::new(one.clone(), one, 2.0).unwrap().within(0.6, 0.5).is_err());
}

#[test]
fn a_switch_happens_at_its_time() {
    let (a, b) = (gaussian(Arc::new(CondOt)), ring());
    let x = normal(4, 2, 15);
    let at = SwitchTimes::Shared(0.4);
    let switched = Switched::new(Arc::new(a.clone()), Arc::new(b.clone()), at).unwrap();
    let before = Times::Shared(0.399);
    assert_eq!(evaluate(&switched, before, &x), evaluate(&a, before, &x));
    let after = Times::Shared(0.4);
    assert_eq!(evaluate(&switched, after, &x), evaluate(&b, after, &x));
    let nan = SwitchTimes::Shared(f64::NAN);
    assert!(Switched::new(Arc::new(a), Arc::new(b), nan).is_err());
}

#[test]
fn a_change_of_schedule_keeps_the_ends() {
    let x0 = normal(20, 2, 16);
    let straight: Arc<dyn VelocityField> = Arc::new(gaussian(Arc::new(CondOt)));
    let onto_cosine = Rescheduled::new(straight.clone(), Arc::new(CondOt), Arc::new(Cosine));
    assert!(!onto_cosine.singular_at_target());
    let end = flow(&onto_cosine, &x0, [0.0, 1.0], 300);
    let wanted = flow(&*straight, &x0, [0.0, 1.0], 300);
    assert!(distance(end.as_slice(), wanted.as_slice()) < 1e-4);
    // At every time it is the exact field along the new schedule.
    let targets: [Arc<dyn Schedule>; 3] =
        [Arc::new(Cosine), Arc::new(LinearVp), Arc::new(Vp::default())];
    for schedule in targets {
        let moved = Rescheduled::new(straight.clone(), Arc::new(CondOt), schedule.clone());
        let exact = gaussian(schedule.clone());
        for t in [0.001, 0.3, 0.7, 0.999] {
            let (a, b) =
                (evaluate(&moved, Times::Shared(t), &x0), evaluate(&exact, Times::Shared(t), &x0));
            let error = distance(a.as_slice(), b.as_slice()) / norm(b.as_slice());
            assert!(error < 1e-4, "{} at {t}: {error}", schedule.name());
        }
    }
    // A diffusion model has no time of pure noise.
    let diffusion: Arc<dyn VelocityField> = Arc::new(gaussian(Arc::new(Vp::default())));
    let back = Rescheduled::new(diffusion, Arc::new(Vp::default()), Arc::new(CondOt));
    assert!(try_evaluate(&back, Times::Shared(0.0), &x0).is_err());
    let (a, b) =
        (evaluate(&back, Times::Shared(0.5), &x0), evaluate(&*straight, Times::Shared(0.5), &x0));
    assert!(distance(a.as_slice(), b.as_slice()) < 1e-4 * norm(b.as_slice()));
    assert!(back.singular_at_target());
}

#[test]
fn the_reversed_field_leads_back_and_counting_counts() {
    let field: Arc<dyn VelocityField> = Arc::new(ring());
    let x0 = normal(20, 2, 17);
    let counted = Arc::new(Counted::new(field));
    let end = flow(&*counted, &x0, [0.0, 1.0], 200);
    assert_eq!((counted.calls(), counted.rows()), (800, 16_000));
    let back = flow(&Reversed::new(counted), &end, [0.0, 1.0], 200);
    assert!(distance(back.as_slice(), x0.as_slice()) < 1e-3);
}

#[test]
fn the_empirical_field_refuses_states_and_times_that_are_not_finite() {
    let data = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(2)).unwrap();
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    let at = |x: f32, t: f64| {
        let (x, mut out) = ([0.5, x], [0.0, 0.0]);
        let at = At::new(Samples::Range(7..8), Times::Shared(t), Rows::new(&x, 2)).unwrap();
        field.velocity(&at, RowsMut::new(&mut out, 2))
    };
    assert!(at(0.5, 0.5).is_ok());
    for (x, t) in [(f32::NAN, 0.5), (f32::INFINITY, 0.5), (0.5, f64::NAN)] {
        assert!(matches!(at(x, t), Err(Error::NonFinite { sample: 7, .. })), "{x} {t}");
    }
}

#[test]
fn records_of_fields_that_differ_in_a_number_differ() {
    let data = |last: f32| Batch::from_vec(vec![0.0, 1.0, 2.0, last], Shape::vector(2)).unwrap();
    let empirical = |last| EmpiricalField::new(&data(last), Arc::new(CondOt)).unwrap().record();
    assert_eq!(empirical(3.0), empirical(3.0));
    assert_ne!(empirical(3.0), empirical(4.0));
    let ring = |std| GaussianMixture::ring(3, 1.0, std).unwrap().along(Arc::new(CondOt)).record();
    assert_ne!(ring(0.1), ring(0.2));
    let gaussian = |std| {
        let data = Gaussian::isotropic(vec![0.0], std).unwrap();
        GaussianField::new(Shape::vector(1), data, Arc::new(CondOt)).unwrap().record()
    };
    assert_ne!(gaussian(0.1), gaussian(0.2));
}

#[test]
fn a_scaled_source_and_a_shifted_clock_are_what_they_say() {
    let field: Arc<dyn VelocityField> =
        Arc::new(GaussianMixture::ring(8, 2.0, 0.3).unwrap().along(Arc::new(CondOt)));
    let x = normal(50, 2, 9);
    let of = |field: &dyn VelocityField, t: f64| {
        let mut v = Batch::zeros(x.len(), x.shape().clone());
        let at = At::new(Samples::first(x.len()), Times::Shared(t), x.rows()).unwrap();
        field.velocity(&at, v.rows_mut()).unwrap();
        v
    };
    let (lambda, t) = (1.02, 0.4);
    let scaled = SourceScaled::new(Arc::clone(&field), lambda, 0.1).unwrap();
    let (plain, less) = (of(&*field, t), of(&scaled, t));
    for i in 0..x.len() {
        for ((&x, &v), &u) in x.row(i).iter().zip(plain.row(i)).zip(less.row(i)) {
            let source = |v: f32| f64::from(x) - t * f64::from(v);
            assert!((source(u) - source(v) / lambda).abs() < 1e-6);
        }
    }
    // Before its time, and with nothing to scale by, the field is the other.
    assert_eq!(of(&scaled, 0.05), of(&*field, 0.05));
    let same = SourceScaled::new(Arc::clone(&field), 1.0, 0.1).unwrap();
    assert_eq!(of(&same, t), plain);
    let late = ClockShifted::new(Arc::clone(&field), 0.1).unwrap();
    assert_eq!(of(&late, 0.4), of(&*field, 0.5));
    assert_eq!(of(&late, 0.95), of(&*field, 1.0));
    for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert!(SourceScaled::new(Arc::clone(&field), bad, 0.1).is_err());
        assert!(SourceScaled::new(Arc::clone(&field), 1.0, bad).is_err());
    }
    assert!(ClockShifted::new(Arc::clone(&field), f64::NAN).is_err());
}
