//! The velocity deficit and the radial gain against exact moments and exact fields, and power along
//! exact empirical trajectories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::diagnostics::{
    DataSpread, DeficitPoint, Pairs, PowerCurve, deficit, lag, pair_products,
};
use pathline::field::{
    Conditions, EmpiricalField, FieldRecord, Gaussian, GaussianField, GaussianMixture, Guided,
    Rescheduled,
};
use pathline::kernels::{squared_distance, squared_norm};
use pathline::schedule::{CondOt, Cosine, LinearVp, Schedule};
use pathline::solver::EULER;
use pathline::{
    At, Batch, Error, Purpose, RowsMut, Run, Save, Seed, Shape, Source, TimeGrid, VelocityField,
    sample,
};

const PAIRS: usize = 20_000;

fn noise(seed: u64, rows: usize, width: usize) -> Batch {
    Source::new(Seed(seed), rows).noise(&Shape::vector(width))
}

/// A Gaussian in three dimensions, and samples of it.
fn gaussian() -> (Gaussian, Batch) {
    let (mean, std) = ([2.0, -1.0, 0.5], [0.5, 1.5, 0.1]);
    let mut target = noise(31, PAIRS, 3);
    for row in target.as_mut_slice().chunks_exact_mut(3) {
        for ((x, m), s) in row.iter_mut().zip(mean).zip(std) {
            *x = (m + s * f64::from(*x)) as f32;
        }
    }
    (Gaussian::diagonal(mean, std).unwrap(), target)
}

/// Three Gaussians of unequal weight in the plane, and samples of all or of one class.
fn mixture(class: Option<usize>) -> (GaussianMixture, Batch) {
    let (weights, stds) = ([1.0, 2.0, 1.0], [0.3, 0.5, 1.0]);
    let centres = [[3.0_f32, 0.0], [-1.0, 2.0], [0.0, -2.0]];
    let means = Batch::from_vec(centres.concat(), Shape::vector(2)).unwrap();
    let mut target = noise(32, PAIRS, 2);
    for (i, row) in target.as_mut_slice().chunks_exact_mut(2).enumerate() {
        let pick = Seed(33).stream(Purpose::Data, i as u64, 0).below(4);
        let k = class.unwrap_or([0, 1, 1, 2][pick]);
        for (x, centre) in row.iter_mut().zip(centres[k]) {
            *x = centre + stds[k] as f32 * *x;
        }
    }
    let mixture = GaussianMixture::new(&weights, &means, &stds).unwrap();
    (mixture.with_classes(&[0, 1, 2]).unwrap(), target)
}

fn measure(
    field: &dyn VelocityField,
    schedule: &dyn Schedule,
    target: &Batch,
    times: &[f64],
) -> Vec<DeficitPoint> {
    let source = Source::new(Seed(30), target.len()).noise(target.shape());
    let pairs = Pairs { source: &source, target, first: 0 };
    deficit(field, schedule, pairs, times).unwrap()
}

/// `|mean|^2`, the trace of the covariance, and `E|x_1|^2`, of three or two dimensions.
fn gaussian_moments(g: &Gaussian) -> [f64; 3] {
    let mean: f64 = g.mean().iter().map(|m| m * m).sum();
    let trace: f64 = g.std().iter().map(|s| s * s).sum();
    [mean, trace, mean + trace]
}

#[test]
fn the_ends_of_the_deficit_are_moments_of_the_data() {
    // ratio(0)^2 = (|mu|^2 + d) / (|mu|^2 + tr S + d), ratio(1)^2 = E|x1|^2 / (E|x1|^2 + d).
    let (data, target) = gaussian();
    let field = GaussianField::new(Shape::vector(3), data.clone(), Arc::new(CondOt)).unwrap();
    let mixture_moments = {
        // Means 3, (-1, 2), (0, -2) with weights 1/4, 1/2, 1/4.
        let mean = [3.0 * 0.25 - 0.5, 1.0 - 0.5];
        let squared: f64 = mean.iter().map(|m| m * m).sum();
        let second = 0.25 * (9.0 + 0.18) + 0.5 * (5.0 + 0.5) + 0.25 * (4.0 + 2.0);
        [squared, second - squared, second]
    };
    let (mixture, of_mixture) = mixture(None);
    let mixture = mixture.along(Arc::new(CondOt));
    let cases: [(&dyn VelocityField, &Batch, [f64; 3], f64); 2] = [
        (&field, &target, gaussian_moments(&data), 3.0),
        (&mixture, &of_mixture, mixture_moments, 2.0),
    ];
    for (field, target, [mean, trace, second], d) in cases {
        let ends = measure(field, &CondOt, target, &[0.0, 1.0]);
        let wanted = [((mean + d) / (mean + trace + d)).sqrt(), (second / (second + d)).sqrt()];
        for (point, wanted) in ends.iter().zip(wanted) {
            let half = (point.ratio.high - point.ratio.low) / 2.0;
            assert!(half < 0.01, "{point:?}");
            // Twice the 95 % interval: one chance in ten thousand, drawn once for all.
            assert!((point.ratio.value - wanted).abs() < 2.0 * half, "{wanted} {point:?}");
        }
        // A healthy field, and yet a seventh and a quarter of its speed are "missing".
        assert!(wanted.iter().all(|w| *w < 0.95));
    }
}

/// A field times a factor: what the probe must find.
struct Scaled(Arc<dyn VelocityField>, f32);

impl VelocityField for Scaled {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        self.0.velocity(at, out.reborrow())?;
        out.as_mut_slice().iter_mut().for_each(|v| *v *= self.1);
        Ok(())
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("scaled").around(&*self.0)
    }
}

/// An exact population field with the schedule that its pairs follow, and held-out targets.
type Exact = (&'static str, Arc<dyn VelocityField>, Arc<dyn Schedule>, Batch);

fn exact_fields() -> Vec<Exact> {
    let straight = || Arc::new(CondOt) as Arc<dyn Schedule>;
    let (data, targets) = gaussian();
    let field = |s| Arc::new(GaussianField::new(Shape::vector(3), data.clone(), s).unwrap());
    let (components, of_all) = mixture(None);
    let all = components.along(straight());
    let one = Arc::new(all.conditioned(Conditions::Shared(1)).unwrap());
    let all: Arc<dyn VelocityField> = Arc::new(all);
    let guided = Guided::new(one, all.clone(), 1.0).unwrap();
    let onto = Rescheduled::new(all.clone(), straight(), Arc::new(Cosine));
    let vp = Rescheduled::new(field(straight()), straight(), Arc::new(LinearVp));
    vec![
        ("gaussian", field(straight()), straight(), targets.clone()),
        ("gaussian along cosine", field(Arc::new(Cosine)), Arc::new(Cosine), targets.clone()),
        ("mixture", all, straight(), of_all.clone()),
        ("guided with scale 1", Arc::new(guided), straight(), mixture(Some(1)).1),
        ("mixture onto cosine", Arc::new(onto), Arc::new(Cosine), of_all),
        ("gaussian onto linear vp", Arc::new(vp), Arc::new(LinearVp), targets),
    ]
}

const TIMES: [f64; 5] = [0.02, 0.2, 0.5, 0.7, 0.9];

#[test]
fn the_radial_gain_of_an_exact_field_is_one_and_of_a_scaled_one_is_not() {
    let (mut tried, mut outside) = (0, 0);
    for (name, field, schedule, target) in exact_fields() {
        let exact = measure(&*field, &*schedule, &target, &TIMES);
        let scaled = measure(&Scaled(field, 1.1), &*schedule, &target, &TIMES);
        for (point, scaled) in exact.iter().zip(&scaled) {
            let half = (point.gain.high - point.gain.low) / 2.0;
            assert!(half < 0.05, "{name} {point:?}");
            assert!((point.gain.value - 1.0).abs() < 2.0 * half, "{name} {point:?}");
            (tried, outside) = (tried + 1, outside + u32::from(!point.gain.contains(1.0)));
            assert!((scaled.gain.value * 1.1 - point.gain.value).abs() < 1e-6, "{name}");
            assert!(!scaled.gain.contains(1.0), "{name} {scaled:?}");
            // Exactly, whatever the field: cosine = ratio times gain.
            for p in [point, scaled] {
                assert!((p.cosine - p.ratio.value * p.gain.value).abs() < 1e-12, "{name}");
            }
            // The residual of an exact field is the variance: |u|^2 (1 - ratio^2).
            assert!(point.ratio.value < 1.0 && point.residual > 0.0);
        }
    }
    // 95 % intervals, of which those of one field share their pairs.
    assert!(outside * 6 <= tried, "{outside} of {tried} intervals miss 1");
}

#[test]
fn the_residual_is_the_energy_that_the_ratio_misses() {
    for (name, field, schedule, target) in exact_fields() {
        let source = Source::new(Seed(30), target.len()).noise(target.shape());
        for p in measure(&*field, &*schedule, &target, &[0.3, 0.8]) {
            let c = schedule.at(p.t);
            let speeds = source.rows().iter().zip(target.rows().iter()).map(|(x0, x1)| {
                let u = x0.iter().zip(x1).map(|(&x0, &x1)| {
                    (c.d_sigma * f64::from(x0) + c.d_alpha * f64::from(x1)).powi(2)
                });
                u.sum::<f64>()
            });
            let mean = speeds.sum::<f64>() / target.len() as f64;
            let ratio = p.ratio.value;
            // |v - u|^2 = |u|^2 - 2 <v,u> + |v|^2, with <v,u> = g* |v|^2.
            let wanted = mean * (1.0 + ratio * ratio * (1.0 - 2.0 * p.gain.value));
            assert!((p.residual - wanted).abs() < 1e-5 * mean, "{name} {wanted} {p:?}");
        }
    }
}

#[test]
fn the_empirical_field_is_wrong_on_points_it_has_not_seen() {
    // Data in 20 dimensions: a memoriser of 500 points is far from the field of all of them.
    let target = noise(34, 2500, 20);
    let (fitted, held_out): (Vec<usize>, Vec<usize>) = (0..2500).partition(|i| *i < 500);
    let (fitted, held_out) = (target.select(&fitted).unwrap(), target.select(&held_out).unwrap());
    let field = EmpiricalField::new(&fitted, Arc::new(CondOt)).unwrap();
    let unseen = measure(&field, &CondOt, &held_out, &[0.05, 0.5, 0.8]);
    assert!((unseen[0].gain.value - 1.0).abs() < 0.1, "{:?}", unseen[0]);
    assert!(unseen[1].gain.high < 0.9, "{:?}", unseen[1]);
    assert!(unseen[2].gain.high < 0.6, "{:?}", unseen[2]);
    // On its own points it is exact: the deficit vanishes by memorising.
    let own: Vec<usize> =
        (0..PAIRS).map(|i| Seed(35).stream(Purpose::Data, i as u64, 0).below(500)).collect();
    for point in measure(&field, &CondOt, &fitted.select(&own).unwrap(), &[0.05, 0.5, 0.8]) {
        assert!((point.gain.value - 1.0).abs() < 0.02, "{point:?}");
    }
    let late = measure(&field, &CondOt, &fitted.select(&own).unwrap(), &[0.8]);
    assert!(late[0].ratio.value > 0.99, "{late:?}");
}

#[test]
fn what_gives_no_interval_is_refused() {
    let (data, target) = gaussian();
    let field = GaussianField::new(Shape::vector(3), data, Arc::new(CondOt)).unwrap();
    let few = target.select(&(0..19).collect::<Vec<_>>()).unwrap();
    let source = Source::new(Seed(30), 19).noise(few.shape());
    let pairs = Pairs { source: &source, target: &few, first: 0 };
    assert!(deficit(&field, &CondOt, pairs, &[0.5]).is_err());
    let pairs = Pairs { source: &source, target: &target, first: 0 };
    assert!(matches!(deficit(&field, &CondOt, pairs, &[0.5]), Err(Error::Count { .. })));
    let flat = noise(1, 20, 2);
    let pairs = Pairs { source: &flat, target: &flat, first: 0 };
    assert!(matches!(deficit(&field, &CondOt, pairs, &[0.5]), Err(Error::Shape { .. })));
    let source = noise(30, 100, 3);
    let pairs = Pairs { source: &source, target: &source, first: 0 };
    let still = Scaled(Arc::new(field), 0.0);
    assert!(deficit(&still, &CondOt, pairs, &[0.5]).is_err());
    assert!(deficit(&still, &CondOt, pairs, &[]).unwrap().is_empty());
}

#[test]
fn power_on_exact_trajectories_stays_below_that_of_the_pairs() {
    // 1/2 E|v|^2 = 1/2 E|u|^2 - 1/2 Var(u | x_t): at most 1/2 E|u|^2 at every time, to the end.
    let data = noise(36, 400, 8);
    let field = EmpiricalField::new(&data, Arc::new(CondOt)).unwrap();
    let n = 1500;
    let source = Source::new(Seed(37), n);
    // E|u|^2 = E|x0|^2 + E|x1|^2, with x1 one of the points and x0 normal.
    let second = data.rows().iter().map(squared_norm).sum::<f64>() / 400.0;
    let bound = 0.5 * (8.0 + second);
    let (early, late) = (TimeGrid::uniform(400).unwrap(), TimeGrid::uniform(90).unwrap());
    let mut times = early.between(0.0, 0.99).unwrap().times().to_vec();
    times.extend(&late.between(0.99, 0.999).unwrap().times()[1..]);
    let mut power = PowerCurve::default();
    let run = Run::on(TimeGrid::custom(times).unwrap(), &EULER);
    let done = sample(&field, &source, &run, &mut power).unwrap();
    let curve = power.points();
    for point in &curve {
        let error = point.deviation / (n as f64).sqrt();
        assert!(point.mean < bound + 3.0 * error, "{bound} {point:?}");
    }
    // It rises to the bound, and does not blow up: near the end the speed is constant.
    let at = |t: f64| curve.iter().find(|p| p.t >= t).unwrap();
    assert!(at(0.0).mean < 0.8 * bound && at(0.9).mean > 0.9 * bound);
    let (before, last) = (at(0.95).mean, curve[curve.len() - 1].mean);
    assert!((last / before - 1.0).abs() < 0.02, "{before} {last}");
    // Off its trajectories the same field does blow up: the distance to the data over 1 - t.
    let mut near = done.end.clone();
    near.as_mut_slice().iter_mut().for_each(|x| *x += 0.1);
    let mut v = near.clone();
    let at = At::new(pathline::Samples::first(n), pathline::Times::Shared(0.999), near.rows());
    field.velocity(&at.unwrap(), v.rows_mut()).unwrap();
    let mean = v.rows().iter().map(|v| 0.5 * squared_norm(v)).sum::<f64>() / n as f64;
    assert!(mean > 100.0 * bound, "{mean}");
    let closest = |x: &[f32]| {
        data.rows().iter().map(|d| squared_distance(x, d)).fold(f64::INFINITY, f64::min).sqrt()
    };
    let apart = done.end.rows().iter().map(closest).sum::<f64>() / n as f64;
    assert!(apart < 0.02, "{apart}");
}

/// A field of N(0, s^2 I) only stretches: `v = a(t) x`, and Euler's spread at each step is a product.
#[test]
fn euler_lags_by_what_its_steps_leave_and_fine_steps_arrive() {
    let shape = Shape::vector(8);
    for s in [0.25_f64, 1.0, 4.0] {
        let data = Gaussian::isotropic(vec![0.0; 8], s).unwrap();
        let field = GaussianField::new(shape.clone(), data, Arc::new(CondOt)).unwrap();
        let spread = DataSpread { mean: vec![0.0; 8], variance: 8.0 * s * s };
        let follow = |steps: usize| {
            let grid = TimeGrid::uniform(steps).unwrap();
            let run = Run { save: Save::Every(steps / 10), ..Run::on(grid, &EULER) };
            let found = sample(&field, &Source::new(Seed(4), 4000), &run, &mut ()).unwrap();
            let states: Vec<(f64, &Batch)> =
                found.times.iter().copied().zip(&found.states).collect();
            lag(&states, &spread, &CondOt).unwrap()
        };
        let coarse = follow(10);
        let mut stretched = 1.0;
        for (k, point) in coarse.iter().enumerate() {
            let t = 0.1 * k as f64;
            assert!((point.t - t).abs() < 1e-12);
            let variance = t * t * s * s + (1.0 - t) * (1.0 - t);
            assert!((point.expected - (8.0 * variance).sqrt()).abs() < 1e-12);
            let wanted = 1.0 - stretched / variance.sqrt();
            // Around it as the noise of these samples says: their own spread is not quite 1.
            assert!((point.shortfall.value - wanted).abs() < 0.02, "{s} {t}: {point:?} {wanted}");
            stretched *= 1.0 + 0.1 * (t * s * s - (1.0 - t)) / variance;
        }
        assert!(coarse[10].shortfall.low > 0.05, "{s}: {:?}", coarse[10]);
        let fine = follow(1000);
        assert!(fine.iter().all(|p| p.shortfall.value.abs() < 0.01), "{s}: {fine:?}");
    }
}

#[test]
fn data_of_no_spread_and_bad_weights_are_told() {
    let point = Batch::from_vec(vec![1.0, 2.0], Shape::vector(2)).unwrap();
    let spread = DataSpread::of(&point).unwrap();
    let x = noise(5, 40, 2);
    // At the end there is nothing to fall short of.
    assert_eq!(lag(&[(0.5, &x), (1.0, &x)], &spread, &CondOt).unwrap().len(), 1);
    assert!(lag(&[(0.5, &noise(5, 19, 2))], &spread, &CondOt).is_err());
    assert!(lag(&[(0.5, &noise(5, 40, 3))], &spread, &CondOt).is_err());
    for weights in [&[][..], &[0.0], &[-1.0], &[f64::NAN], &[f64::INFINITY]] {
        assert!(DataSpread::weighted(&point, weights).is_err(), "{weights:?}");
    }
    // A weight of zero is a row that is not there.
    let two = Batch::from_vec(vec![1.0, 2.0, 9.0, 9.0], Shape::vector(2)).unwrap();
    assert_eq!(DataSpread::weighted(&two, &[3.0, 0.0]).unwrap(), spread);
}

#[test]
fn the_products_of_pairs_sum_to_the_deficit() {
    let (gaussian, target) = gaussian();
    let source = noise(32, PAIRS, 3);
    let pairs = Pairs { source: &source, target: &target, first: 0 };
    let field = GaussianField::new(Shape::vector(3), gaussian, Arc::new(CondOt)).unwrap();
    let point = deficit(&field, &CondOt, pairs, &[0.4]).unwrap()[0];
    let each = pair_products(&field, &CondOt, pairs, 0.4).unwrap();
    let [vu, vv, uu, rest] = each
        .iter()
        .fold([0.0; 4], |s, p| [s[0] + p.vu, s[1] + p.vv, s[2] + p.uu, s[3] + p.residual]);
    assert_eq!((vu / vv, (vv / uu).sqrt()), (point.gain.value, point.ratio.value));
    assert_eq!(rest / PAIRS as f64, point.residual);
    let fewer = Pairs { target: &noise(1, 3, 3), ..pairs };
    assert!(pair_products(&field, &CondOt, fewer, 0.4).is_err());
}
