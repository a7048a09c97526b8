//! Schedules, paths and prediction conversions, against golden numbers and finite differences.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pathline::path::{Prediction, conditional_velocities, path_states};
use pathline::schedule::{Cosine, Polynomial, Schedule, ScheduleSpec, Vp};
use pathline::{Batch, Error, Purpose, Seed, Shape, Times};
use proptest::prelude::*;

const PREDICTIONS: [Prediction; 4] =
    [Prediction::Velocity, Prediction::Target, Prediction::Source, Prediction::Score];

fn spec(text: &str) -> Result<ScheduleSpec, serde_json::Error> {
    serde_json::from_str(text)
}

fn all() -> Vec<Arc<dyn Schedule>> {
    [
        r#"{"kind": "cond-ot"}"#,
        r#"{"kind": "cosine"}"#,
        r#"{"kind": "linear-vp"}"#,
        r#"{"kind": "polynomial", "exponent": 2}"#,
        r#"{"kind": "vp"}"#,
    ]
    .map(|text| spec(text).unwrap().build().unwrap())
    .to_vec()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

#[test]
fn coefficients_match_the_golden_numbers() {
    let golden: BTreeMap<String, BTreeMap<String, [f64; 4]>> =
        serde_json::from_str(include_str!("golden/schedules.json")).unwrap();
    assert_eq!(golden.len(), all().len());
    for schedule in all() {
        for (t, row) in &golden[schedule.name()] {
            let c = schedule.at(t.parse().unwrap());
            for (a, b) in [c.alpha, c.sigma, c.d_alpha, c.d_sigma].into_iter().zip(row) {
                assert!(close(a, *b, 1e-14), "{} at {t}: {a} {b}", schedule.name());
            }
        }
    }
}

#[test]
fn ends_are_pure_source_and_pure_target() {
    for schedule in all() {
        let (start, end) = (schedule.at(0.0), schedule.at(1.0));
        assert_eq!((end.alpha, end.sigma), (1.0, 0.0), "{}", schedule.name());
        // Not minus infinity, which is no ratio.
        assert_eq!(end.alpha / end.sigma, f64::INFINITY, "{}", schedule.name());
        if schedule.name() != "vp" {
            assert_eq!((start.alpha, start.sigma), (0.0, 1.0), "{}", schedule.name());
        }
        assert_eq!(schedule.at(-1.0), start);
        assert_eq!(schedule.at(2.0), end);
    }
}

#[test]
fn a_spec_refuses_what_it_does_not_know() {
    for bad in [
        r#"{"kind": "cond-ot", "extra": 1}"#,
        r#"{"kind": "gvp", "extra": 1}"#,
        r#"{"kind": "vp", "beta": 1}"#,
        r#"{"kind": "polynomial"}"#,
        r#"{"kind": "linear"}"#,
        r"{}",
    ] {
        assert!(spec(bad).is_err(), "{bad}");
    }
    assert_eq!(spec(r#"{"kind": "gvp"}"#).unwrap(), ScheduleSpec::Cosine {});
    for bad in [
        ScheduleSpec::Polynomial { exponent: f64::NAN },
        ScheduleSpec::Vp { beta_min: 0.0, beta_max: 1.0 },
        ScheduleSpec::Vp { beta_min: 2.0, beta_max: 1.0 },
        ScheduleSpec::Vp { beta_min: 0.1, beta_max: f64::INFINITY },
    ] {
        assert!(matches!(bad.build(), Err(Error::Invalid { .. })), "{bad:?}");
    }
    let text = serde_json::to_string(&ScheduleSpec::default()).unwrap();
    assert_eq!(text, r#"{"kind":"cond-ot"}"#);
}

#[test]
fn the_ends_of_the_signal_to_noise_ratio_are_times() {
    for schedule in all() {
        let name = schedule.name();
        assert_eq!(schedule.time_from_signal_to_noise(f64::INFINITY).unwrap(), 1.0, "{name}");
        let start = schedule.time_from_signal_to_noise(0.0);
        if name == "vp" {
            let message = start.unwrap_err().to_string();
            assert!(message.contains("0.006572"), "{message}");
        } else {
            assert_eq!(start.unwrap(), 0.0, "{name}");
        }
        for bad in [-1.0, f64::NAN] {
            assert!(schedule.time_from_signal_to_noise(bad).is_err(), "{name}");
        }
    }
    let constant = Vp::new(3.0, 3.0).unwrap();
    let c = constant.at(0.25);
    let t = constant.time_from_signal_to_noise(c.alpha / c.sigma).unwrap();
    assert!(close(t, 0.25, 1e-12));
}

#[test]
fn conversions_at_the_ends_are_exact_or_refused() {
    use Prediction::{Score, Source, Target, Velocity};
    let at = |schedule: &dyn Schedule, from, to, t| {
        schedule.at(t).convert(from, to, t).map(|l| (l.state, l.value))
    };
    let straight = &pathline::schedule::CondOt;
    let defined = [
        (Target, Velocity, 0.0, (-1.0, 1.0)),
        (Source, Velocity, 1.0, (1.0, -1.0)),
        (Velocity, Source, 0.0, (1.0, 0.0)),
        (Velocity, Target, 1.0, (1.0, 0.0)),
        (Velocity, Target, 0.0, (1.0, 1.0)),
        (Velocity, Source, 1.0, (1.0, -1.0)),
        (Source, Score, 0.0, (0.0, -1.0)),
        (Score, Source, 0.0, (0.0, -1.0)),
        (Score, Velocity, 1.0, (1.0, 0.0)),
        (Target, Score, 0.0, (-1.0, 0.0)),
        (Velocity, Velocity, 1.0, (0.0, 1.0)),
    ];
    for (from, to, t, wanted) in defined {
        assert_eq!(at(straight, from, to, t).unwrap(), wanted, "{from:?} to {to:?} at {t}");
    }
    let refused = [
        (Target, Velocity, 1.0),
        (Target, Source, 1.0),
        (Source, Velocity, 0.0),
        (Source, Target, 0.0),
        (Score, Velocity, 0.0),
        (Velocity, Score, 1.0),
        (Source, Score, 1.0),
    ];
    for (from, to, t) in refused {
        let error = at(straight, from, to, t).unwrap_err();
        assert!(matches!(error, Error::Singular { .. }), "{from:?} to {to:?} at {t}");
    }
    // A path that stands still at the source: its velocity says nothing there.
    let quadratic = Polynomial::new(2.0).unwrap();
    assert!(at(&quadratic, Velocity, Target, 0.0).is_err());
    assert_eq!(at(&quadratic, Target, Velocity, 0.0).unwrap(), (0.0, 0.0));
    // The variance-preserving schedule keeps signal at the source, and moves infinitely fast at 1.
    assert!(at(&Vp::default(), Source, Velocity, 0.0).is_ok());
    assert!(at(&Vp::default(), Source, Velocity, 1.0).is_err());
    let message = at(straight, Target, Velocity, 1.0).unwrap_err().to_string();
    assert!(message.starts_with("velocity from target is not defined at t = 1"), "{message}");
}

#[test]
fn batches_of_pairs_follow_the_path() {
    let shape = Shape::vector(3);
    let draw = |tag| {
        let mut values = vec![0.0; 300];
        Seed(4).normal(Purpose::Data, tag, 0, &mut values);
        Batch::from_vec(values, shape.clone()).unwrap()
    };
    let (x0, x1) = (draw(0), draw(1));
    let times: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
    let (mut x, mut u) = (Batch::zeros(100, shape.clone()), Batch::zeros(100, shape.clone()));
    let t = Times::Each(&times);
    path_states(&Cosine, t, x0.rows(), x1.rows(), x.rows_mut()).unwrap();
    conditional_velocities(&Cosine, t, x0.rows(), x1.rows(), u.rows_mut()).unwrap();
    assert_eq!((x.row(0), x.row(99)), (x0.row(0), x1.row(99)));
    for (i, &t) in times.iter().enumerate() {
        let c = Cosine.at(t);
        for j in 0..3 {
            let (a, b) = (f64::from(x0.row(i)[j]), f64::from(x1.row(i)[j]));
            assert!(close(f64::from(x.row(i)[j]), c.alpha * b + c.sigma * a, 1e-6));
            assert!(close(f64::from(u.row(i)[j]), c.d_alpha * b + c.d_sigma * a, 1e-6));
        }
    }
    let wrong = Times::Each(&times[1..]);
    assert!(path_states(&Cosine, wrong, x0.rows(), x1.rows(), x.rows_mut()).is_err());
    let narrow = Batch::zeros(100, Shape::vector(2));
    let shared = Times::Shared(0.5);
    assert!(path_states(&Cosine, shared, x0.rows(), narrow.rows(), x.rows_mut()).is_err());
    let vp = Vp::default();
    let end = Times::Shared(1.0);
    let refused = conditional_velocities(&vp, end, x0.rows(), x1.rows(), u.rows_mut());
    assert!(matches!(refused, Err(Error::Singular { .. })));
    let none = Batch::zeros(0, shape);
    let mut out = none.clone();
    path_states(&Cosine, shared, none.rows(), none.rows(), out.rows_mut()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn derivatives_match_central_differences(t in 0.01_f64..0.99) {
        for schedule in all() {
            let h = 1e-5;
            let (a, b, c) = (schedule.at(t - h), schedule.at(t + h), schedule.at(t));
            let name = schedule.name();
            prop_assert!(close((b.alpha - a.alpha) / (2.0 * h), c.d_alpha, 1e-6), "{name}");
            prop_assert!(close((b.sigma - a.sigma) / (2.0 * h), c.d_sigma, 1e-6), "{name}");
        }
    }

    #[test]
    fn the_ratio_leads_back_to_the_time(t in 0.0_f64..=1.0) {
        for schedule in all() {
            let c = schedule.at(t);
            let back = schedule.time_from_signal_to_noise(c.alpha / c.sigma).unwrap();
            prop_assert!((back - t).abs() < 1e-12, "{}: {t} {back}", schedule.name());
        }
    }

    #[test]
    fn predictions_lead_to_each_other_and_back(
        t in 0.01_f64..0.99, x0 in -3.0_f64..3.0, x1 in -3.0_f64..3.0,
    ) {
        for schedule in all() {
            let c = schedule.at(t);
            let x = c.alpha * x1 + c.sigma * x0;
            let truth = |p| match p {
                Prediction::Velocity => c.d_alpha * x1 + c.d_sigma * x0,
                Prediction::Target => x1,
                Prediction::Source => x0,
                Prediction::Score => -x0 / c.sigma,
            };
            for from in PREDICTIONS {
                for to in PREDICTIONS {
                    let linear = c.convert(from, to, t).unwrap();
                    let found = linear.state * x + linear.value * truth(from);
                    // The condition of the solve: large factors cancel near the ends.
                    let scale = linear.state.abs() + linear.value.abs() * (1.0 + truth(from).abs());
                    let good = (found - truth(to)).abs() < 1e-13 * (4.0 + 4.0 * scale);
                    prop_assert!(good, "{}: {from:?} to {to:?} at {t}", schedule.name());
                }
            }
        }
    }
}
