#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Statistics against SciPy and NumPy, and against what is known of their behaviour.

use pathline::Seed;
use pathline::statistics::{
    Bootstrap, Estimate, Jackknife, holm, kruskal_wallis, mann_whitney, normal_quantile,
    paired_difference, partial_spearman, pearson, quantile, ranks, spearman, student_quantile,
    wilson,
};
use pathline::{Error, Purpose};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/sample_statistics.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()), "{what}: {found}, not {wanted}");
}

#[test]
fn samples_match_scipy() {
    for case in golden()["cases"].as_array().unwrap() {
        let [x, y, z1, z2] = ["x", "y", "z1", "z2"].map(|key| list(&case[key]));
        let number = |key: &str| case[key].as_f64().unwrap();
        assert_eq!(ranks(&x).unwrap(), list(&case["ranks"]));
        close(pearson(&x, &y).unwrap().unwrap(), number("pearson"), "pearson");
        close(spearman(&x, &y).unwrap().unwrap(), number("spearman"), "spearman");
        let partial1 = partial_spearman(&x, &y, &[&z1]).unwrap().unwrap();
        close(partial1, number("partial1"), "partial1");
        let partial2 = partial_spearman(&x, &y, &[&z1, &z2]).unwrap().unwrap();
        close(partial2, number("partial2"), "partial2");
        for (p, wanted) in case["quantiles"].as_object().unwrap() {
            close(quantile(&x, p.parse().unwrap()).unwrap(), wanted.as_f64().unwrap(), "quantile");
        }
        let (first, second) = x.split_at(x.len() / 2);
        let second: Vec<f64> = second.iter().map(|v| v + 0.4).collect();
        let test = mann_whitney(first, &second).unwrap().unwrap();
        close(test.u, number("u"), "u");
        close(test.p_value, number("p_value"), "p-value");
        let fourth: Vec<f64> = z1.iter().map(|v| v + 0.2).collect();
        let test = kruskal_wallis(&[first, &second, &y, &fourth]).unwrap().unwrap();
        let wanted = list(&case["kruskal"]);
        close(test.h, wanted[0], "H");
        assert!((test.p_value / wanted[1] - 1.0).abs() < 1e-9, "{} {}", test.p_value, wanted[1]);
        let paired = paired_difference(&x, &y, 0.9).unwrap();
        close(paired.low, case["paired90"][0].as_f64().unwrap(), "paired low");
        close(paired.high, case["paired90"][1].as_f64().unwrap(), "paired high");
    }
}

#[test]
fn distributions_match_scipy() {
    let golden = golden();
    for row in golden["normal"].as_array().unwrap().iter().map(list) {
        close(normal_quantile(row[0]).unwrap(), row[1], "normal");
    }
    for row in golden["student"].as_array().unwrap().iter().map(list) {
        close(student_quantile(row[0], row[1]).unwrap(), row[2], "student");
    }
    for row in golden["holm"].as_array().unwrap() {
        for (found, wanted) in holm(&list(&row[0])).unwrap().iter().zip(list(&row[1])) {
            close(*found, wanted, "holm");
        }
    }
    for row in golden["wilson"].as_array().unwrap().iter().map(list) {
        let found = wilson(row[0] as usize, row[1] as usize, row[2]).unwrap();
        close(found.low, row[3], "wilson low");
        close(found.high, row[4], "wilson high");
    }
}

#[test]
fn a_constant_side_has_no_correlation() {
    let (x, flat) = ([1.0, 2.0, 4.0, 3.0, 9.0], [0.1; 5]);
    assert_eq!(pearson(&x, &flat).unwrap(), None);
    assert_eq!(spearman(&flat, &x).unwrap(), None);
    assert_eq!(partial_spearman(&x, &flat, &[&x]).unwrap(), None);
    // Determined by the covariate: nothing is left.
    assert_eq!(partial_spearman(&x, &[5.0, 1.0, 2.0, 8.0, 3.0], &[&x]).unwrap(), None);
    assert_eq!(pearson(&[], &[]).unwrap(), None);
    assert_eq!(spearman(&[1.0], &[2.0]).unwrap(), None);
    assert_eq!(mann_whitney(&[1.0, 1.0], &[1.0]).unwrap(), None);
    assert_eq!(kruskal_wallis(&[&[1.0, 1.0], &[1.0]]).unwrap(), None);
}

#[test]
fn covariates_that_say_nothing_new_change_nothing() {
    let case = &golden()["cases"][1];
    let [x, y, z1, z2] = ["x", "y", "z1", "z2"].map(|key| list(&case[key]));
    let flat = vec![3.0; x.len()];
    let plain = partial_spearman(&x, &y, &[&z1, &z2]).unwrap().unwrap();
    let more = partial_spearman(&x, &y, &[&z1, &flat, &z2, &z1]).unwrap().unwrap();
    close(more, plain, "redundant covariates");
    let monotone: Vec<f64> = x.iter().map(|v| v.exp()).collect();
    close(
        spearman(&monotone, &y).unwrap().unwrap(),
        spearman(&x, &y).unwrap().unwrap(),
        "monotone",
    );
}

#[test]
fn extremes_survive() {
    assert_eq!(
        ranks(&[f64::INFINITY, -0.0, 0.0, f64::NEG_INFINITY]).unwrap(),
        [4.0, 2.5, 2.5, 1.0]
    );
    close(
        pearson(&[1e300, 2e300, 3e300], &[1e-300, 2e-300, 3e-300]).unwrap().unwrap(),
        1.0,
        "scale",
    );
    assert!(spearman(&[1.0, 2.0, f64::INFINITY], &[1.0, 2.0, 3.0]).unwrap().is_some());
    let infinite = [f64::INFINITY, f64::INFINITY, 1.0];
    assert_eq!(quantile(&infinite, 0.75).unwrap(), f64::INFINITY);
}

#[test]
fn bad_input_is_refused() {
    let nan = [1.0, f64::NAN, 2.0];
    let good = [1.0, 2.0, 3.0];
    let message = ranks(&nan).unwrap_err().to_string();
    assert!(message.contains("value 1"), "{message}");
    assert!(pearson(&nan, &good).is_err() && spearman(&good, &nan).is_err());
    assert!(partial_spearman(&good, &good, &[&nan]).is_err());
    assert!(matches!(pearson(&good, &good[..2]), Err(Error::Count { .. })));
    assert!(partial_spearman(&good, &good, &[&good[..1]]).is_err());
    assert!(quantile(&[], 0.5).is_err() && quantile(&good, 1.1).is_err());
    assert!(kruskal_wallis(&[&good]).is_err() && kruskal_wallis(&[&good, &[]]).is_err());
    assert!(kruskal_wallis(&[&good, &nan]).is_err());
    assert!(holm(&[0.5, f64::NAN]).is_err() && holm(&[1.5]).is_err() && holm(&[]).is_ok());
    assert!(mann_whitney(&[], &good).is_err() && mann_whitney(&nan, &good).is_err());
    assert!(wilson(0, 0, 0.95).is_err() && wilson(3, 2, 0.95).is_err());
    for level in [0.0, 1.0, f64::NAN] {
        assert!(wilson(1, 2, level).is_err());
        assert!(paired_difference(&good, &good, level).is_err());
        assert!(Bootstrap { level, ..Bootstrap::default() }.interval(3, |_| Some(0.0)).is_err());
        assert!(Jackknife { level, blocks: 2 }.interval(3, |_| Some(0.0)).is_err());
    }
    assert!(paired_difference(&[1.0], &[2.0], 0.95).is_err());
    assert!(student_quantile(0.5, 0.0).is_err() && normal_quantile(f64::NAN).is_err());
    assert!(Bootstrap::default().interval(1, |_| Some(0.0)).is_err());
    assert!(Bootstrap::default().interval(5, |_| Some(f64::NAN)).is_err());
    for resamples in [0, 1, usize::MAX] {
        let absurd = Bootstrap { resamples, ..Bootstrap::default() };
        assert!(absurd.interval(5, |_| Some(0.0)).is_err());
    }
    assert!(Jackknife::default().interval(5, |_| Some(0.0)).is_err());
    assert!(
        Jackknife { blocks: 5, level: 0.9 }.interval(5, |r| (r.len() == 5).then_some(0.0)).is_err()
    );
}

fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> Option<f64> + Sync + '_ {
    |rows| Some(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
}

fn normals(n: usize, sample: u64) -> Vec<f64> {
    let mut stream = Seed(31).stream(Purpose::Data, sample, 0);
    (0..n).map(|_| stream.normal()).collect()
}

#[test]
fn the_bootstrap_of_a_mean_has_its_standard_error() {
    let values = normals(400, 0);
    let found = Bootstrap { resamples: 4000, ..Bootstrap::default() }
        .interval(400, mean_of(&values))
        .unwrap();
    let variance = values.iter().map(|v| (v - found.value).powi(2)).sum::<f64>() / 400.0;
    let wanted = 2.0 * 1.96 * (variance / 400.0).sqrt();
    assert!(((found.high - found.low) / wanted - 1.0).abs() < 0.08);
    assert!(found.contains(found.value));
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let covered = |interval: &dyn Fn(&[f64]) -> Estimate| {
        (0..300).filter(|&s| interval(&normals(60, s)).contains(0.0)).count() as f64 / 300.0
    };
    let boot = Bootstrap { resamples: 300, level: 0.9, seed: Seed(1) };
    let jack = Jackknife { blocks: 6, level: 0.9 };
    // Three standard errors of a fraction of 300 are 0.05; the bootstrap is known to be narrow.
    let share = covered(&|v| boot.interval(60, mean_of(v)).unwrap());
    assert!((0.83..0.95).contains(&share), "bootstrap {share}");
    let share = covered(&|v| jack.interval(60, mean_of(v)).unwrap().estimate);
    assert!((0.85..0.95).contains(&share), "jackknife {share}");
}

#[test]
fn resampling_depends_on_the_seed_and_not_on_threads() {
    let values = normals(50, 1);
    let with = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let boot = Bootstrap { seed: Seed(seed), ..Bootstrap::default() };
        pool.install(|| boot.interval(50, mean_of(&values)).unwrap())
    };
    assert_eq!(with(1, 5), with(3, 5));
    assert_ne!(with(1, 5), with(1, 6));
}

#[test]
fn undefined_resamples_are_left_out_while_few() {
    // Undefined without sample 0, as a third of the resamples are: refused. With 1 of 20 constant: fine.
    let needs_first = |rows: &[usize]| rows.contains(&0).then_some(1.0);
    assert!(Bootstrap::default().interval(20, needs_first).is_err());
    let x = [0.0, 0.0, 0.0, 1.0, 2.0, 3.0];
    let correlation = |rows: &[usize]| {
        let of = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
        pearson(&of(&x), &of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).ok().flatten()
    };
    let found = Bootstrap::default().interval(6, correlation).unwrap();
    assert!(found.low.is_finite() && found.high <= 1.0);
}

#[test]
fn the_jackknife_with_single_samples_is_students_interval() {
    let (a, b) = (normals(30, 2), normals(30, 3));
    let wanted = paired_difference(&a, &b, 0.95).unwrap();
    let (left, right) = (mean_of(&a), mean_of(&b));
    let found = Jackknife { blocks: 30, level: 0.95 }
        .interval(30, |rows| Some(left(rows)? - right(rows)?))
        .unwrap();
    close(found.estimate.low, wanted.low, "low");
    close(found.estimate.high, wanted.high, "high");
    close(found.bias, 0.0, "bias");
    // The variance with divisor n is biased by -1/n of itself, which the jackknife finds exactly.
    let variance = |rows: &[usize]| {
        let mean = mean_of(&a)(rows)?;
        Some(rows.iter().map(|&i| (a[i] - mean).powi(2)).sum::<f64>() / rows.len() as f64)
    };
    let found = Jackknife { blocks: 30, level: 0.95 }.interval(30, variance).unwrap();
    close(
        found.estimate.value - found.bias,
        found.estimate.value * 30.0 / 29.0,
        "corrected variance",
    );
}

#[test]
fn an_estimate_survives_its_file() {
    let estimate = wilson(3, 7, 0.9).unwrap();
    let text = serde_json::to_string(&estimate).unwrap();
    assert_eq!(serde_json::from_str::<Estimate>(&text).unwrap(), estimate);
    assert!(serde_json::from_str::<Estimate>(r#"{"value":1,"low":0,"high":2,"x":1}"#).is_err());
}
