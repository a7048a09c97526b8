//! What exact fields obey, and that the checks can fail: curl, continuity, the energy-density law,
//! posterior dominance, and power on and beside trajectories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::diagnostics::{
    Curl, Differences, Divergence, Dominance, PowerCurve, Probing, continuity, curl,
    energy_density, off_trajectory,
};
use pathline::field::{
    Conditions, EmpiricalField, FieldRecord, FunctionField, Gaussian, GaussianField,
    GaussianMixture, LowRankField, LowRankGaussian, LowRankMixture, MarginalDensity,
    directional_derivative,
};
use pathline::kernels::squared_distance;
use pathline::path::path_states;
use pathline::schedule::{CondOt, Cosine, Polynomial, Schedule, Vp};
use pathline::solver::{EULER, HEUN, LastEuler};
use pathline::{
    At, Batch, Error, RowsMut, Run, Samples, Save, Seed, Shape, Source, TimeGrid, Times,
    VelocityField, sample,
};

fn noise(seed: u64, rows: usize, width: usize) -> Batch {
    Source::new(Seed(seed), rows).noise(&Shape::vector(width))
}

fn at<'a>(x: &'a Batch, t: f64) -> At<'a> {
    At::new(Samples::first(x.len()), Times::Shared(t), x.rows()).unwrap()
}

/// States of the path at `t` from noise to data drawn in turn.
fn states(schedule: &dyn Schedule, data: &Batch, rows: usize, t: f64) -> Batch {
    let source = noise(90, rows, data.width());
    let turn: Vec<usize> = (0..rows).map(|i| i * 7 % data.len()).collect();
    let target = data.select(&turn).unwrap();
    let mut x = Batch::zeros(rows, data.shape().clone());
    let (x0, x1) = (source.rows(), target.rows());
    path_states(schedule, Times::Shared(t), x0, x1, x.rows_mut()).unwrap();
    x
}

fn low_rank(schedule: Arc<dyn Schedule>) -> LowRankField {
    let one = LowRankGaussian::new(
        [1.0, 0.0, -1.0, 0.5, 0.0, 0.0],
        [0.5, 0.5, 0.5, 0.5, 0.0, 0.0],
        [1.5],
        0.3,
    );
    let two = LowRankGaussian::new(
        [-1.0, 1.0, 0.0, 0.0, 0.0, 2.0],
        [0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.8, 0.6],
        [2.0, 0.2],
        0.5,
    );
    let gaussians = vec![one.unwrap(), two.unwrap()];
    LowRankMixture::new(Shape::vector(6), &[1.0, 2.0], gaussians).unwrap().along(schedule)
}

/// Exact fields and data of their distribution (or near it).
fn exact() -> Vec<(&'static str, Arc<dyn VelocityField>, Batch)> {
    let gaussian = Gaussian::diagonal([1.0, -2.0, 0.0], [0.3, 1.0, 2.0]).unwrap();
    let gaussian = GaussianField::new(Shape::vector(3), gaussian, Arc::new(CondOt)).unwrap();
    let ring = GaussianMixture::ring(8, 2.0, 0.2).unwrap().along(Arc::new(CondOt));
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / 8.0;
    let point = |i: usize| [(2.0 * angle(i).cos()) as f32, (2.0 * angle(i).sin()) as f32];
    let circle = Batch::from_vec((0..8).flat_map(point).collect(), Shape::vector(2)).unwrap();
    let low = low_rank(Arc::new(CondOt));
    let drawn = low.mixture().draw(Seed(1), 0..500, &Conditions::None).unwrap().points;
    let atoms = noise(2, 400, 5);
    let empirical = EmpiricalField::new(&atoms, Arc::new(CondOt)).unwrap();
    vec![
        ("gaussian", Arc::new(gaussian), noise(3, 500, 3)),
        ("ring", Arc::new(ring), circle),
        ("low rank", Arc::new(low), drawn),
        ("empirical", Arc::new(empirical), atoms),
    ]
}

fn probe(field: &dyn VelocityField, x: &Batch, t: f64, step: f64) -> Curl {
    curl(field, &at(x, t), &Probing { step, ..Probing::default() }).unwrap()
}

#[test]
fn exact_fields_are_gradients_to_the_numerical_floor() {
    for (name, field, data) in exact() {
        for t in [0.05, 0.3, 0.6, 0.9] {
            let x = states(&CondOt, &data, 300, t);
            // The field changes over lengths of about sigma and of about sigma^2 between data points.
            let step = if name == "empirical" { (1.0 - t) * (1.0 - t) / 32.0 } else { 1.0 / 256.0 };
            let exact = probe(&*field, &x, t, 1.0);
            assert!(exact.share.estimate.value < 1e-6 && exact.floor < 1e-6, "{name}: {exact:?}");
            let field = ByDifferences(Arc::clone(&field));
            let found = probe(&field, &x, t, step.min(1.0 / 256.0));
            let size = exact.symmetric;
            assert!((found.symmetric - size).abs() < 1e-3 * size, "{name}: {found:?} {exact:?}");
            let (share, floor) = (found.share.estimate.value, found.floor);
            eprintln!("{name} at {t}: share {share:.1e}, floor {floor:.1e}");
            assert!(share < 1e-3 && floor < 3e-3, "{name} at {t}: {share} {floor}");
            assert!(share < 3.0 * floor + 1e-5, "{name} at {t}: {share} {floor}");
        }
    }
}

/// A field `A x`, and what its curl must be.
fn linear(matrix: Vec<f64>, d: usize) -> (impl VelocityField, f64) {
    let pair = |i: usize, j: usize| (matrix[i * d + j], matrix[j * d + i]);
    let mut parts = [0.0_f64; 2];
    for i in 0..d {
        for j in 0..d {
            let (a, b) = pair(i, j);
            parts[0] += (a - b).powi(2) / 4.0;
            parts[1] += a * a;
        }
    }
    let field = FunctionField::new(Shape::vector(d), "linear", move |_, x, u| {
        for (u, row) in u.iter_mut().zip(matrix.chunks_exact(d)) {
            *u = row.iter().zip(x).map(|(a, &x)| a * f64::from(x)).sum::<f64>() as f32;
        }
    });
    (field, (parts[0] / parts[1]).sqrt())
}

#[test]
fn a_linear_field_has_the_curl_of_its_matrix() {
    let d = 7;
    let x = noise(4, 400, d);
    let free: Vec<f64> = noise(5, 1, d * d).as_slice().iter().map(|&v| f64::from(v)).collect();
    let symmetric: Vec<f64> = (0..d * d).map(|e| free[e] + free[e % d * d + e / d]).collect();
    let rotation: Vec<f64> = (0..d * d).map(|e| free[e] - free[e % d * d + e / d]).collect();
    let mixed: Vec<f64> = symmetric.iter().zip(&rotation).map(|(s, r)| s + 0.01 * r).collect();
    for (matrix, name) in [(free, "free"), (symmetric, "symmetric"), (mixed, "1 %")] {
        let (field, wanted) = linear(matrix, d);
        for step in [1.0 / 1024.0, 1.0 / 256.0, 0.25] {
            let found = probe(&field, &x, 0.5, step);
            let half = found.share.estimate.high - found.share.estimate.value;
            eprintln!(
                "{name}: {} wanted {wanted}, floor {}",
                found.share.estimate.value, found.floor
            );
            let off = (found.share.estimate.value - wanted).abs();
            assert!(off < 1.5 * half + 1e-4, "{name}: {found:?} {wanted}");
            assert!(found.floor < 3e-4, "{name} {step}: {found:?}");
        }
    }
    let (pure, _) = linear(rotation, d);
    let found = probe(&pure, &x, 0.5, 1.0 / 256.0);
    assert!((found.share.estimate.value - 1.0).abs() < 1e-6 && found.share.estimate.high < 1.001);
}

/// A field with a rotation of the first two coordinates at `rate` added, and its size changed.
fn spoilt(
    field: Arc<dyn VelocityField>,
    rate: f32,
    gain: f32,
) -> FunctionField<impl Fn(f64, &[f32], &mut [f32]) + Send + Sync> {
    FunctionField::new(field.shape().clone(), "spoilt", move |t, x, u| {
        let x = Batch::from_vec(x.to_vec(), field.shape().clone()).unwrap();
        let mut v = Batch::zeros(1, field.shape().clone());
        field.velocity(&at(&x, t), v.rows_mut()).unwrap();
        u.iter_mut().zip(v.as_slice()).for_each(|(u, v)| *u = gain * v);
        u[0] -= rate * x.as_slice()[1];
        u[1] += rate * x.as_slice()[0];
    })
}

#[test]
fn a_rotation_added_to_an_exact_field_is_found() {
    for (name, field, data) in exact() {
        let t = 0.5;
        let x = states(&CondOt, &data, 200, t);
        let clean = probe(&*field, &x, t, 1.0 / 512.0);
        let found = probe(&spoilt(field, 0.05, 1.0), &x, t, 1.0 / 512.0);
        // The rotation alone has |J - J^T|_F = 0.05 * 2 * sqrt(2).
        let wanted = 0.05 * 8.0_f64.sqrt();
        assert!((found.antisymmetric / wanted - 1.0).abs() < 0.1, "{name}: {found:?}");
        assert!(found.share.estimate.low > 10.0 * clean.share.estimate.value, "{name}: {found:?}");
        assert!(found.share.estimate.low > 10.0 * found.floor, "{name}: {found:?}");
    }
}

/// A field whose products with its Jacobian are not known.
struct ByDifferences(Arc<dyn VelocityField>);

impl VelocityField for ByDifferences {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.0.velocity(at, out)
    }

    fn record(&self) -> FieldRecord {
        self.0.record()
    }
}

#[test]
fn the_default_step_is_near_the_best() {
    let field = low_rank(Arc::new(CondOt));
    let data = field.mixture().draw(Seed(6), 0..300, &Conditions::None).unwrap().points;
    let field = ByDifferences(Arc::new(field));
    let x = states(&CondOt, &data, 300, 0.6);
    let share = |step: f64| probe(&field, &x, 0.6, step).share.estimate.value;
    let steps = [1.0 / 16384.0, 1.0 / 256.0, 0.5];
    let [tiny, default, large] = steps.map(share);
    eprintln!("curl of a gradient at steps {steps:?}: {tiny:.1e} {default:.1e} {large:.1e}");
    // Rounding to the left of it, truncation to the right.
    assert!(default < 1e-4 && tiny > 3.0 * default && large > 3.0 * default);
    let at = at(&x, 0.6);
    assert!(directional_derivative(&field, &at, x.rows(), 1e-12).is_err());
}

#[test]
fn exact_fields_carry_their_density() {
    let schedules: [Arc<dyn Schedule>; 3] =
        [Arc::new(CondOt), Arc::new(Cosine), Arc::new(Vp::default())];
    for schedule in schedules {
        let low = low_rank(schedule.clone());
        let data = low.mixture().draw(Seed(7), 0..400, &Conditions::None).unwrap().points;
        let atoms = noise(8, 60, 3);
        let empirical = EmpiricalField::new(&atoms, schedule.clone()).unwrap();
        let pairs: [(&str, &dyn MarginalDensity, &Batch); 2] =
            [("low rank", &low, &data), ("empirical", &empirical, &atoms)];
        for (name, field, data) in pairs {
            for t in [0.1, 0.4, 0.7] {
                let x = states(&*schedule, data, 200, t);
                let how = Differences::default();
                let found = continuity(field, field, &at(&x, t), &how).unwrap();
                eprintln!("{name} at {t} on {schedule:?}: {:.1e}", found.relative);
                assert!(found.relative < 1e-3, "{name} at {t} on {schedule:?}: {found:?}");
            }
        }
    }
}

#[test]
fn a_field_that_loses_mass_is_found_and_probes_agree_with_coordinates() {
    let exact = Arc::new(low_rank(Arc::new(CondOt)));
    let data = exact.mixture().draw(Seed(9), 0..400, &Conditions::None).unwrap().points;
    let x = states(&CondOt, &data, 400, 0.5);
    let (at, how) = (at(&x, 0.5), Differences::default());
    let clean = continuity(&*exact, &*exact, &at, &how).unwrap();
    for (rate, gain) in [(0.0, 1.02), (0.2, 1.0)] {
        let wrong = spoilt(exact.clone(), rate, gain);
        let found = continuity(&wrong, &*exact, &at, &how).unwrap();
        eprintln!("rotation {rate}, gain {gain}: {:.1e}", found.relative);
        assert!(found.relative > 20.0 * clean.relative, "{rate} {gain}: {found:?} {clean:?}");
    }
    // A rotation round a round density carries it: what continuity cannot see, curl does.
    let ball = LowRankGaussian::new([0.0, 0.0], [], [], 0.5).unwrap();
    let ball = LowRankMixture::new(Shape::vector(2), &[1.0], vec![ball]).unwrap();
    let ball = Arc::new(ball.along(Arc::new(CondOt)));
    let turning = spoilt(ball.clone(), 1.0, 1.0);
    let points = noise(10, 100, 2);
    let there = At::new(Samples::first(100), Times::Shared(0.5), points.rows()).unwrap();
    assert!(continuity(&turning, &*ball, &there, &how).unwrap().relative < 1e-4);
    let turned = curl(&turning, &there, &Probing::default()).unwrap();
    assert!(turned.share.estimate.low > 0.5, "{turned:?}");
    let probes = Divergence::Probes { count: 8, seed: Seed(3) };
    let found =
        continuity(&*exact, &*exact, &at, &Differences { divergence: probes, ..how }).unwrap();
    let half = found.mean.high - found.mean.value;
    assert!((found.mean.value - clean.mean.value).abs() < 1.5 * half, "{found:?} {clean:?}");
    assert!((found.divergence / clean.divergence - 1.0).abs() < 0.1);
}

#[test]
fn speed_rises_with_minus_log_density_at_slope_two_under_dominance() {
    let (d, n, rows) = (64, 300, 1200);
    let atoms = noise(11, n, d);
    let schedules: [Arc<dyn Schedule>; 3] =
        [Arc::new(CondOt), Arc::new(Polynomial::new(2.0).unwrap()), Arc::new(Cosine)];
    for schedule in schedules {
        let field = EmpiricalField::new(&atoms, schedule.clone()).unwrap();
        let law = |ratio: f64| {
            let t = schedule.time_from_signal_to_noise(ratio).unwrap();
            let x = states(&*schedule, &atoms, rows, t);
            energy_density(&field, &x, t, 0.5).unwrap()
        };
        // The times 0.7 and 0.9 of the straight-line schedule.
        for ratio in [0.7 / 0.3, 9.0] {
            let law = law(ratio);
            let slope = law.slope.estimate;
            eprintln!("{schedule:?} at {}: slope {slope:?}, weight {}", law.t, law.max_weight);
            assert!(law.max_weight > 0.999 && law.within == 1.0, "{schedule:?} {}", law.t);
            assert!((slope.value - 2.0).abs() < 0.15, "{schedule:?} {slope:?}");
            for row in &law.rows {
                let variance = std::f64::consts::TAU * schedule.at(law.t).sigma.powi(2);
                let affine = -2.0 * (row.log_density + (n as f64).ln()) - d as f64 * variance.ln();
                // The weight of the others is what is missing.
                let missing = -2.0 * row.max_weight.ln();
                let off = (row.distance - affine - missing).abs();
                assert!(off < 1e-3 * row.distance, "{off} of {}", row.distance);
            }
        }
        let early = law(0.05 / 0.95);
        let slope = early.slope.estimate;
        eprintln!("{schedule:?} at {}: slope {slope:?}, weight {}", early.t, early.max_weight);
        assert!(early.max_weight < 0.5 && slope.high < 1.9, "{slope:?} {}", early.max_weight);
    }
    let field = EmpiricalField::new(&atoms, Arc::new(CondOt)).unwrap();
    let x = states(&CondOt, &atoms, 100, 0.5);
    for epsilon in [0.0, 1.0, f64::NAN] {
        assert!(energy_density(&field, &x, 0.5, epsilon).is_err());
    }
    let one = x.select(&[0; 30]).unwrap();
    assert!(matches!(energy_density(&field, &one, 0.5, 0.5), Err(Error::Invalid { .. })));
    assert!(matches!(energy_density(&field, &x, 1.0, 0.5), Err(Error::Singular { .. })));
}

#[test]
fn labels_do_not_move_data_points() {
    let atoms = noise(12, 40, 3);
    let labels: Vec<u32> = (0..40).map(|i| (i * 3) % 4).collect();
    let field = EmpiricalField::with_classes(&atoms, &labels, Arc::new(CondOt)).unwrap();
    for i in 0..40 {
        assert_eq!(field.point(i), Some(atoms.row(i)));
    }
    assert_eq!(field.point(40), None);
    assert_eq!(field.schedule().at(0.25).alpha, 0.25);
}

#[test]
fn a_run_starts_undecided_and_ends_committed_to_where_it_goes() {
    let (n, rows) = (200, 150);
    let atoms = noise(13, n, 8);
    let field = EmpiricalField::new(&atoms, Arc::new(CondOt)).unwrap();
    let grid = TimeGrid::uniform(80).unwrap();
    let run = Run::on(grid, &EULER);
    let watch = |chunk: usize| {
        let mut dominance = Dominance::new(field.clone(), 0.9).unwrap();
        let source = Source { chunk, ..Source::new(Seed(14), rows) };
        let end = sample(&field, &source, &run, &mut dominance).unwrap().end;
        (dominance, end)
    };
    let (dominance, end) = watch(0);
    let curve = dominance.points().unwrap();
    assert_eq!((curve.len(), curve[0].samples), (80, rows));
    assert!((curve[0].entropy.least - (n as f64).ln()).abs() < 1e-12);
    assert!((curve[0].max_weight.most - 1.0 / n as f64).abs() < 1e-12);
    assert!(curve[79].entropy.mean < 1e-3 && curve[79].max_weight.mean > 0.9999);
    for (a, b) in curve.iter().zip(&curve[1..]) {
        // It falls in the mean over all samples; these are a few.
        assert!(b.entropy.mean < a.entropy.mean + 0.01, "{} {}", a.t, b.t);
        let w = &b.max_weight;
        assert!(w.least <= w.lower && w.lower <= w.median && w.median <= w.upper);
    }
    let mut times = Vec::new();
    for (commitment, x) in dominance.commitments().iter().zip(end.rows().iter()) {
        let commitment = commitment.expect("committed at the last step");
        let nearest = |a: &usize, b: &usize| {
            let distance = |i: usize| squared_distance(atoms.row(i), x);
            distance(*a).total_cmp(&distance(*b))
        };
        assert_eq!(Some(commitment.point), (0..n).min_by(nearest));
        times.push(commitment.t);
    }
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    eprintln!("mean commitment time {mean:.3}");
    assert!((0.2..0.9).contains(&mean));
    // By chunks it is the same.
    let (chunked, _) = watch(40);
    assert_eq!(chunked.points().unwrap(), curve);
    assert_eq!(chunked.commitments(), dominance.commitments());
    // And from its saved states, of which the last has no noise left and says nothing.
    let saved = Run { save: Save::Every(1), ..run.clone() };
    let saved = sample(&field, &Source::new(Seed(14), rows), &saved, &mut ()).unwrap();
    let samples: Vec<u64> = saved.samples.clone().collect();
    let states: Vec<(f64, &Batch)> = saved.times.iter().copied().zip(&saved.states).collect();
    let of_states = Dominance::of_states(field.clone(), 0.9, &samples, &states).unwrap();
    assert_eq!(of_states.points().unwrap(), curve);
    assert_eq!(of_states.commitments(), dominance.commitments());
    // One data point: decided from the start.
    let point = EmpiricalField::new(&atoms.select(&[5]).unwrap(), Arc::new(CondOt)).unwrap();
    let mut alone = Dominance::new(point.clone(), 0.9).unwrap();
    sample(&point, &Source::new(Seed(15), 3), &run, &mut alone).unwrap();
    assert!(alone.commitments().iter().all(|c| c.is_some_and(|c| c.t == 0.0 && c.point == 0)));
    assert_eq!(alone.points().unwrap()[40].entropy.most, 0.0);
    for threshold in [0.4, 1.0, f64::NAN] {
        assert!(Dominance::new(field.clone(), threshold).is_err());
    }
    let mut other = Dominance::new(point, 0.9).unwrap();
    let wide = FunctionField::new(Shape::vector(2), "still", |_, _, u| u.fill(0.0));
    assert!(sample(&wide, &Source::new(Seed(15), 3), &run, &mut other).is_err());
}

#[test]
fn power_stays_bounded_on_exact_trajectories_and_blows_up_beside_them() {
    let (n, d, rows) = (200, 16, 400);
    let atoms = noise(16, n, d);
    let field = EmpiricalField::new(&atoms, Arc::new(CondOt)).unwrap();
    let grid = TimeGrid::uniform(200).unwrap();
    let heun = LastEuler { inner: &HEUN };
    let run = Run { save: Save::Every(1), ..Run::on(grid, &heun) };
    let mut power = PowerCurve::default();
    let source = Source::new(Seed(17), rows);
    let trajectory = sample(&field, &source, &run, &mut power).unwrap();
    // 1/2 E|x_1 - x_0|^2 over independent pairs of the data and a standard normal source.
    let squares: f64 = atoms.as_slice().iter().map(|&v| f64::from(v).powi(2)).sum();
    let bound = 0.5 * (squares / n as f64 + d as f64);
    for point in power.points() {
        let error = point.deviation / (rows as f64).sqrt();
        assert!(point.mean < bound + 3.0 * error, "{point:?} {bound}");
    }
    let mut before: Option<f64> = None;
    for t in [0.9, 0.95, 0.98, 0.99] {
        let k = trajectory.times.iter().position(|&s| (s - t).abs() < 1e-9).unwrap();
        let contrast = off_trajectory(&field, &at(&trajectory.states[k], t), 0.05, Seed(18));
        let contrast = contrast.unwrap();
        let (on, off, added) = (contrast.on, contrast.off, contrast.added);
        assert!(on.value < bound + 1.5 * (on.high - on.value) && added.low > 0.0, "{contrast:?}");
        // Under dominance a step of length l adds l^2 / (1 - t)^2 to |v|^2.
        let wanted = 0.5 * contrast.squared_length / (1.0 - t).powi(2);
        let half = added.high - added.value;
        eprintln!(
            "{t}: on {:.1}, off {:.1}, added {:.1} of {wanted:.1}",
            on.value, off.value, added.value
        );
        assert!((added.value - wanted).abs() < 1.5 * half + 0.05 * wanted, "{t}: {contrast:?}");
        assert!(before.is_none_or(|b| added.value > 1.5 * b));
        before = Some(added.value);
    }
}

#[test]
fn one_data_point_gives_the_closed_form_beside_trajectories() {
    let point = noise(19, 1, 4);
    for schedule in [Arc::new(CondOt) as Arc<dyn Schedule>, Arc::new(Cosine)] {
        let field = EmpiricalField::new(&point, schedule.clone()).unwrap();
        let x = states(&*schedule, &point, 100, 0.95);
        let found = off_trajectory(&field, &at(&x, 0.95), 0.1, Seed(20)).unwrap();
        let c = schedule.at(0.95);
        // v is affine in the state with slope sigma' / sigma: the added part is the square of that.
        let wanted = 0.5 * found.squared_length * (c.d_sigma / c.sigma).powi(2);
        let half = found.added.high - found.added.value;
        assert!((found.added.value - wanted).abs() < 1.5 * half, "{found:?} {wanted}");
    }
    let field = EmpiricalField::new(&point, Arc::new(CondOt)).unwrap();
    let x = noise(21, 30, 4);
    let mean: f64 = (0..30).map(|i| squared_distance(x.row(i), point.row(0))).sum::<f64>() / 30.0;
    let on = off_trajectory(&field, &at(&x, 0.8), 0.1, Seed(0)).unwrap().on;
    // |x_i - x|^2 / (1 - t)^2, whatever the state.
    assert!((on.value / (0.5 * mean / 0.04) - 1.0).abs() < 1e-5);
    for delta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(off_trajectory(&field, &at(&x, 0.8), delta, Seed(0)).is_err());
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let field = low_rank(Arc::new(CondOt));
    let x = noise(22, 30, 6);
    let (there, plain) = (at(&x, 0.5), Probing::default());
    let invalid = |r: Result<Curl, Error>| matches!(r, Err(Error::Invalid { .. }));
    assert!(invalid(curl(&field, &there, &Probing { pairs: 0, ..plain })));
    for step in [0.0, -1.0, f64::NAN, 1e-30] {
        let field = ByDifferences(Arc::new(field.clone()));
        assert!(invalid(curl(&field, &there, &Probing { step, ..plain })));
    }
    let few = x.select(&[0]).unwrap();
    assert!(invalid(curl(&field, &at(&few, 0.5), &plain)));
    // A field that is the same everywhere has no Jacobian to share out.
    let wind = FunctionField::new(Shape::vector(6), "wind", |_, _, u| u.fill(1.0));
    assert!(invalid(curl(&wind, &there, &plain)));
    let narrow = noise(22, 30, 5);
    assert!(matches!(curl(&field, &at(&narrow, 0.5), &plain), Err(Error::Count { .. })));
    let mut spoilt = x.clone();
    spoilt.as_mut_slice()[7] = f32::NAN;
    let nan = at(&spoilt, 0.5);
    let how = Differences::default();
    assert!(matches!(curl(&field, &nan, &plain), Err(Error::NonFinite { sample: 1, .. })));
    let error = continuity(&field, &field, &nan, &how).unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 1, .. }));
    for (t, time_step) in [(0.0, how.time_step), (1.0, how.time_step), (0.5, 0.0), (0.5, 0.3)] {
        let how = Differences { time_step, ..how };
        assert!(continuity(&field, &field, &at(&x, t), &how).is_err(), "{t} {time_step}");
    }
    let none = Divergence::Probes { count: 0, seed: Seed(0) };
    assert!(continuity(&field, &field, &there, &Differences { divergence: none, ..how }).is_err());
}
