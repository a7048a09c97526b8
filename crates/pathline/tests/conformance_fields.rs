//! What every field must do. A new field joins by one line of `fields()`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pathline::field::{
    ClockShifted, Conditions, Counted, FieldRecord, FunctionField, Gaussian, GaussianField,
    GaussianMixture, Guided, LowRankGaussian, LowRankMixture, Reversed, SourceScaled, SwitchTimes,
    Switched, directional_derivative,
};
use pathline::kernels::ProductPrecision;
use pathline::schedule::{CondOt, Cosine, Schedule};
use pathline::solver::{EULER, HEUN};
use pathline::spec::{Data, FieldSpec, NoFiles, Resolver, from_json};
use pathline::{
    At, Batch, Error, RowsMut, Run, Samples, Seed, Shape, Source, TimeGrid, Times, VelocityField,
    integrate,
};

const ROWS: usize = 511;

/// Knows one data set of the plane, with three classes.
struct Points;

impl Resolver for Points {
    fn data(&self, _: &str) -> Result<Data, Error> {
        let points = Source::new(Seed(21), 900).noise(&Shape::vector(2));
        Ok(Data { points, labels: Some((0..900).map(|i| i % 3).collect()) })
    }

    fn network(
        &self,
        checkpoint: &str,
        of: Conditions,
        precision: ProductPrecision,
    ) -> Result<Arc<dyn VelocityField>, Error> {
        NoFiles.network(checkpoint, of, precision)
    }
}

fn spec(text: &str) -> Arc<dyn VelocityField> {
    from_json::<FieldSpec>("field", text).unwrap().build(&Points).unwrap()
}

const RING: &str = r#"{"kind":"ring","modes":8,"radius":2,"std":0.2}"#;
const DATA: &str = r#"{"kind":"empirical","data":"points"}"#;

/// A two-dimensional field, whether it is undefined at `t = 0`, and at `t = 1`.
type Case = (&'static str, Arc<dyn VelocityField>, bool, bool);

fn fields() -> Vec<Case> {
    plain().into_iter().chain(wrappers()).collect()
}

fn plain() -> Vec<Case> {
    vec![
        ("function", Arc::new(turn()), false, false),
        ("gaussian", spec(r#"{"kind":"gaussian","mean":[2,-1],"std":0.5}"#), false, false),
        ("gaussian, a point", spec(r#"{"kind":"gaussian","mean":[2,-1],"std":0}"#), false, true),
        (
            "gaussian, vp",
            spec(r#"{"kind":"gaussian","mean":[2,-1],"std":0.5,"schedule":{"kind":"vp"}}"#),
            false,
            true,
        ),
        ("gaussian, classes", Arc::new(classed_gaussian(Conditions::None)), false, false),
        ("gaussian, one class", Arc::new(classed_gaussian(Conditions::Shared(1))), false, true),
        ("mixture", spec(RING), false, false),
        (
            "mixture, points",
            spec(r#"{"kind":"ring","modes":8,"radius":2,"std":0,"schedule":{"kind":"cosine"}}"#),
            false,
            true,
        ),
        ("mixture, some points", Arc::new(mixed(Conditions::None)), false, true),
        ("mixture, no point", Arc::new(mixed(Conditions::Shared(0))), false, false),
        ("low rank", Arc::new(low_rank(Conditions::None, Arc::new(CondOt))), false, true),
        ("low rank, class 0", Arc::new(low_rank(Conditions::Shared(0), cosine())), false, false),
        ("low rank, thin", Arc::new(low_rank(Conditions::Shared(1), cosine())), false, true),
        ("low rank, classes", Arc::new(low_rank(cycle(), Arc::new(CondOt))), false, false),
        ("empirical", spec(DATA), false, true),
        (
            "empirical, one class",
            spec(r#"{"kind":"empirical","data":"points","class":{"kind":"one","class":2}}"#),
            false,
            true,
        ),
        (
            "empirical, classes",
            spec(
                r#"{"kind":"empirical","data":"points","class":{"kind":"cycle","classes":[2,0,1,1]},"schedule":{"kind":"polynomial","exponent":2}}"#,
            ),
            false,
            true,
        ),
    ]
}

fn wrappers() -> Vec<Case> {
    let around = |text: &str| spec(&text.replace("RING", RING).replace("DATA", DATA));
    vec![
        (
            "guided",
            around(r#"{"kind":"guided","conditional":RING,"unconditional":DATA,"scale":2.5}"#),
            false,
            true,
        ),
        ("guided by a function", Arc::new(guided_by_function()), false, false),
        (
            "guided, at times",
            around(
                r#"{"kind":"guided","conditional":RING,"unconditional":DATA,"scale":2.5,"interval":[0.2,0.7]}"#,
            ),
            false,
            false,
        ),
        (
            "switched",
            around(r#"{"kind":"switched","before":DATA,"after":RING,"at":0.4}"#),
            false,
            false,
        ),
        (
            "switched, never",
            around(r#"{"kind":"switched","before":DATA,"after":RING,"at":1.5}"#),
            false,
            true,
        ),
        ("switched, by sample", Arc::new(by_sample()), false, true),
        ("clock shifted", Arc::new(ClockShifted::new(spec(RING), -0.05).unwrap()), false, false),
        (
            "source scaled",
            Arc::new(SourceScaled::new(spec(RING), 1.01, 0.1).unwrap()),
            false,
            false,
        ),
        (
            "rescheduled",
            around(
                r#"{"kind":"rescheduled","field":RING,"from":{"kind":"cond-ot"},"to":{"kind":"cosine"}}"#,
            ),
            false,
            false,
        ),
        (
            "rescheduled to vp",
            around(
                r#"{"kind":"rescheduled","field":RING,"from":{"kind":"cond-ot"},"to":{"kind":"vp"}}"#,
            ),
            false,
            true,
        ),
        ("rescheduled from vp", spec(&from_vp()), true, true),
        ("reversed", around(r#"{"kind":"reversed","field":RING}"#), false, false),
        ("reversed, empirical", around(r#"{"kind":"reversed","field":DATA}"#), true, false),
        (
            "reversed twice",
            around(r#"{"kind":"reversed","field":{"kind":"reversed","field":DATA}}"#),
            false,
            true,
        ),
        (
            "reversed from vp",
            spec(&format!(r#"{{"kind":"reversed","field":{}}}"#, from_vp())),
            true,
            true,
        ),
        ("counted", Arc::new(Counted::new(Arc::new(Reversed::new(spec(DATA))))), true, false),
    ]
}

fn guided_by_function() -> Guided {
    Guided::new(spec(RING), Arc::new(turn()), 2.0).unwrap()
}

fn turn() -> impl VelocityField {
    FunctionField::new(Shape::vector(2), "turn", |t: f64, x: &[f32], u: &mut [f32]| {
        u[0] = -x[1] * t as f32;
        u[1] = x[0];
    })
}

fn from_vp() -> String {
    r#"{"kind":"rescheduled","field":{"kind":"gaussian","mean":[2,-1],"std":0.5,
        "schedule":{"kind":"vp"}},"from":{"kind":"vp"},"to":{"kind":"cond-ot"}}"#
        .to_owned()
}

fn classed_gaussian(conditions: Conditions) -> GaussianField {
    let gaussian = |m: f64, s: f64| Gaussian::isotropic([m, 0.0], s).unwrap();
    let field = GaussianField::new(Shape::vector(2), gaussian(0.0, 1.0), Arc::new(CondOt)).unwrap();
    let classes = BTreeMap::from([(0, gaussian(1.0, 0.5)), (1, gaussian(2.0, 0.0))]);
    field.conditioned(classes, conditions).unwrap()
}

/// A point of class 1 beside a Gaussian of class 0.
fn mixed(conditions: Conditions) -> impl VelocityField {
    let means = Batch::from_vec(vec![0.0, 1.0, 1.0, 0.0], Shape::vector(2)).unwrap();
    let mixture = GaussianMixture::new(&[1.0, 2.0], &means, &[0.3, 0.0]).unwrap();
    let field = mixture.with_classes(&[0, 1]).unwrap().along(Arc::new(CondOt));
    field.conditioned(conditions).unwrap()
}

fn cosine() -> Arc<dyn Schedule> {
    Arc::new(Cosine)
}

fn cycle() -> Conditions {
    Conditions::Cycle([0, 2, 2].into())
}

/// One direction (class 0), a Gaussian without width across its direction (1), and two directions (2).
fn low_rank(conditions: Conditions, schedule: Arc<dyn Schedule>) -> impl VelocityField {
    let one = |mean: [f64; 2], directions: &[f64], std: &[f64], residual: f64| {
        LowRankGaussian::new(mean, directions, std, residual).unwrap()
    };
    let gaussians = vec![
        one([1.0, 0.0], &[0.6, 0.8], &[1.5], 0.2),
        one([-1.0, 0.0], &[0.0, 1.0], &[0.5], 0.0),
        one([0.0, 2.0], &[0.8, 0.6, -0.6, 0.8], &[0.1, 1.0], 0.0),
    ];
    let mixture = LowRankMixture::new(Shape::vector(2), &[1.0, 2.0, 1.0], gaussians).unwrap();
    let field = mixture.with_classes(&[0, 1, 2]).unwrap().along(schedule);
    field.conditioned(conditions).unwrap()
}

fn by_sample() -> Switched {
    let times = SwitchTimes::Cycle(Arc::from([0.2, 0.6, 2.0]));
    Switched::new(spec(DATA), spec(RING), times).unwrap()
}

fn states() -> Batch {
    Source::new(Seed(22), ROWS).noise(&Shape::vector(2))
}

fn evaluate(field: &dyn VelocityField, at: &At<'_>) -> Result<Vec<f32>, Error> {
    let mut out = Batch::zeros(at.x.len(), Shape::vector(2));
    field.velocity(at, out.rows_mut())?;
    Ok(out.into_vec())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn a_row_has_the_same_bytes_in_any_batch_shard_and_on_any_threads() {
    let x = states();
    let times: Vec<f64> = (0..ROWS).map(|i| 0.02 + (i * 7 % ROWS) as f64 / 540.0).collect();
    for (name, field, ..) in fields() {
        let at = At::new(Samples::first(ROWS), Times::Each(&times), x.rows()).unwrap();
        let whole = evaluate(&*field, &at).unwrap();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = pool.install(|| evaluate(&*field, &at)).unwrap();
            assert_eq!(bits(&again), bits(&whole), "{name} on {threads} threads");
        }
        // Batches, and three shards, each row known by its global index alone.
        let batches = [1, 2, 7, 171, ROWS];
        for size in batches {
            for start in (0..ROWS).step_by(size) {
                let rows: Vec<usize> = (start..(start + size).min(ROWS)).collect();
                let part = x.select(&rows).unwrap();
                let list: Vec<u64> = rows.iter().map(|&i| i as u64).collect();
                let t = Times::Each(&times[rows[0]..=rows[rows.len() - 1]]);
                let at = At::new(Samples::List(&list), t, part.rows()).unwrap();
                let v = evaluate(&*field, &at).unwrap();
                let wanted = &whole[2 * start..2 * (start + rows.len())];
                assert_eq!(bits(&v), bits(wanted), "{name}, batches of {size}");
            }
        }
    }
}

#[test]
fn a_shared_time_is_the_same_time_for_every_row() {
    let x = states();
    for (name, field, ..) in fields() {
        for t in [0.01, 0.4, 0.97] {
            let same = [t; ROWS];
            let at = |t| At::new(Samples::Range(90..90 + ROWS as u64), t, x.rows()).unwrap();
            let shared = evaluate(&*field, &at(Times::Shared(t))).unwrap();
            let each = evaluate(&*field, &at(Times::Each(&same))).unwrap();
            assert_eq!(bits(&shared), bits(&each), "{name} at {t}");
            // Pure: once more is the same.
            let again = evaluate(&*field, &at(Times::Shared(t))).unwrap();
            assert_eq!(bits(&shared), bits(&again), "{name} at {t}");
            assert!(shared.iter().all(|v| v.is_finite()), "{name} at {t}");
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_nothing_is_nothing() {
    let x = states();
    let three = x.select(&[0, 1, 2]).unwrap();
    let wide = Batch::zeros(3, Shape::vector(3));
    let none = Batch::zeros(0, Shape::vector(2));
    for (name, field, ..) in fields() {
        for t in [Times::Shared(0.5), Times::Each(&[])] {
            let at = At::new(Samples::first(0), t, none.rows()).unwrap();
            assert!(evaluate(&*field, &at).unwrap().is_empty(), "{name}");
        }
        let (half, first) = (Times::Shared(0.5), Samples::first(3));
        let good = At { samples: first.clone(), t: half, x: three.rows() };
        let bad = [
            At { x: wide.rows(), ..good.clone() },
            At { t: Times::Each(&[0.5]), ..good.clone() },
            At { t: Times::Each(&[0.5; 4]), ..good.clone() },
            At { samples: Samples::first(2), ..good.clone() },
            At { samples: Samples::List(&[1, 2, 3, 4]), ..good.clone() },
        ];
        for at in bad {
            assert!(evaluate(&*field, &at).is_err(), "{name}: {at:?}");
        }
        for (length, width) in [(4, 2), (8, 2), (9, 3), (0, 2)] {
            let mut out = vec![0.0; length];
            assert!(field.velocity(&good, RowsMut::new(&mut out, width)).is_err(), "{name}");
        }
        let mut out = vec![0.0; 6];
        assert!(field.velocity(&good, RowsMut::new(&mut out, 2)).is_ok(), "{name}");
    }
}

#[test]
fn a_product_with_the_jacobian_is_what_differences_say() {
    let vectors = Source::new(Seed(23), ROWS).noise(&Shape::vector(2));
    let x = states();
    let mut without = Vec::new();
    for (name, field, ..) in fields() {
        for t in [0.1, 0.5, 0.8] {
            let at = At::new(Samples::first(ROWS), Times::Shared(t), x.rows()).unwrap();
            let mut pulled = Batch::zeros(ROWS, Shape::vector(2));
            if !field.pullback(&at, vectors.rows(), pulled.rows_mut()).unwrap() {
                assert!(pulled.as_slice().iter().all(|v| *v == 0.0), "{name} wrote something");
                without.push(name);
                continue;
            }
            let mut worst = (0.0_f64, 0.0_f64);
            for e in [[1.0, 0.0], [0.0, 1.0]] {
                let along = Batch::from_vec(e.repeat(ROWS), Shape::vector(2)).unwrap();
                let slope = |step: f64| {
                    let found = directional_derivative(&*field, &at, along.rows(), step).unwrap();
                    let rows = found.moved.chunks(2).zip(found.change.chunks(2)).enumerate();
                    rows.map(|(i, (moved, change))| {
                        let (w, j) = (vectors.row(i), pulled.row(i));
                        let by =
                            |w: &[f32], v: &[f64]| f64::from(w[0]) * v[0] + f64::from(w[1]) * v[1];
                        [by(w, change), by(j, moved)]
                    })
                    .collect::<Vec<_>>()
                };
                // Coarse and fine, combined: both sides are linear in the difference.
                for (fine, coarse) in slope(1.0 / 512.0).iter().zip(slope(1.0 / 256.0)) {
                    let [change, pulled] = [0, 1].map(|k| (4.0 * fine[k] - coarse[k]) / 3.0);
                    worst = (worst.0.max((change - pulled).abs()), worst.1.max(change.abs()));
                }
            }
            // Differences of velocities that are rounded to single precision know the slope to some units of it.
            let v = evaluate(&*field, &at).unwrap();
            let speed = v.as_slice().iter().fold(0.0, |a: f64, v| a.max(f64::from(v.abs())));
            let noise = 1e-4 + 4.0 * 512.0 * f64::from(f32::EPSILON) * speed;
            assert!(worst.0 < 1e-3 * worst.1 + noise, "{name} at {t}: {worst:?}, {noise}");
        }
    }
    without.dedup();
    assert_eq!(without, ["function", "guided by a function"]);
}

#[test]
fn vectors_that_do_not_fit_are_an_error() {
    let three = states().select(&[0, 1, 2]).unwrap();
    let at = At::new(Samples::first(3), Times::Shared(0.5), three.rows()).unwrap();
    let wide = Batch::zeros(3, Shape::vector(3));
    let two = three.select(&[0, 1]).unwrap();
    for (name, field, ..) in fields() {
        let mut out = [0.0; 6];
        if !field.pullback(&at, three.rows(), RowsMut::new(&mut out, 2)).unwrap() {
            continue;
        }
        for along in [wide.rows(), two.rows()] {
            assert!(field.pullback(&at, along, RowsMut::new(&mut out, 2)).is_err(), "{name}");
        }
        assert!(field.pullback(&at, three.rows(), RowsMut::new(&mut out[..4], 2)).is_err());
    }
}

#[test]
fn a_record_comes_back_from_json() {
    for (name, field, ..) in fields() {
        let record = field.record();
        assert!(!record.name.is_empty());
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<FieldRecord>(&text).unwrap(), record, "{name}");
        assert_eq!(field.record(), record, "{name}");
    }
}

#[test]
fn a_field_says_at_which_end_it_is_undefined() {
    let x = states();
    for (name, field, at_source, at_target) in fields() {
        let said = (field.singular_at_source(), field.singular_at_target());
        assert_eq!(said, (at_source, at_target), "{name}");
        for (t, singular) in [(0.0, at_source), (1.0, at_target)] {
            let at = At::new(Samples::first(ROWS), Times::Shared(t), x.rows()).unwrap();
            match evaluate(&*field, &at) {
                Ok(v) => assert!(!singular && v.iter().all(|v| v.is_finite()), "{name} at {t}"),
                Err(error) => assert!(singular, "{name} at {t}: {error}"),
            }
        }
    }
}

#[test]
fn a_run_is_refused_where_its_field_is_undefined_and_nowhere_else() {
    let grid = TimeGrid::uniform(3).unwrap();
    let start = states().select(&[0, 1, 2]).unwrap();
    for (name, field, at_source, at_target) in fields() {
        let follow = |grid: &TimeGrid, heun: bool| {
            let run = Run::on(grid.clone(), if heun { &HEUN } else { &EULER });
            integrate(&*field, start.clone(), 0..3, &run, &mut ())
        };
        let back = grid.between(1.0, 0.0).unwrap();
        for (grid, first, last) in [(&grid, at_source, at_target), (&back, at_target, at_source)] {
            for heun in [false, true] {
                let refused = matches!(follow(grid, heun), Err(Error::Singular { .. }));
                assert_eq!(refused, first || heun && last, "{name} heun {heun} {grid:?}");
            }
        }
        assert!(follow(&grid.between(0.1, 0.9).unwrap(), true).is_ok(), "{name}");
    }
}
