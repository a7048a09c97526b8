#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Strata against SciPy, and against what is known of them.

use pathline::Error;
use pathline::statistics::{compare_strata, strata};
use serde_json::Value;

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn strata_match_scipy() {
    let golden: Value = serde_json::from_str(include_str!("golden/strata.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let (by, values) = (list(&case["by"]), list(&case["values"]));
        let k = case["k"].as_u64().unwrap() as usize;
        let groups: Option<Vec<u32>> = serde_json::from_value(case["groups"].clone()).unwrap();
        let cut: Vec<usize> = serde_json::from_value(case["strata"].clone()).unwrap();
        assert_eq!(strata(&by, k, groups.as_deref()).unwrap(), cut);
        let found = compare_strata(&values, &by, k, groups.as_deref()).unwrap();
        let close = |found: f64, wanted: f64, what: &str| {
            assert!(
                (found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()),
                "{what}: {found} {wanted}"
            );
        };
        for (key, found) in [("means", &found.means), ("medians", &found.medians)] {
            for (found, wanted) in found.iter().zip(list(&case[key])) {
                close(*found, wanted, key);
            }
        }
        let wanted = |key: &str| case[key].as_f64().unwrap();
        let (ends, across) = (found.highest_against_lowest.unwrap(), found.across.unwrap());
        close(ends.u, wanted("u"), "u");
        close(across.h, wanted("h"), "h");
        assert!((ends.p_value / wanted("p_ends") - 1.0).abs() < 1e-8, "{ends:?}");
        assert!((across.p_value / wanted("p_across") - 1.0).abs() < 1e-8, "{across:?}");
        assert_eq!(found.sizes.iter().sum::<usize>(), by.len());
    }
}

#[test]
fn groups_do_not_pass_for_an_effect() {
    // Both variables are large in class 1, and go opposite ways within each.
    let groups: Vec<u32> = (0..40).map(|i| i % 2).collect();
    let within = |i: u32| f64::from(i / 2);
    let by: Vec<f64> = (0..40).map(|i| within(i) + 100.0 * f64::from(i % 2)).collect();
    let values: Vec<f64> = (0..40).map(|i| 100.0 * f64::from(i % 2) - within(i)).collect();
    let pooled = compare_strata(&values, &by, 2, None).unwrap();
    assert!(pooled.means[1] > pooled.means[0] + 50.0);
    let fair = compare_strata(&values, &by, 2, Some(&groups)).unwrap();
    assert_eq!(fair.means[0] - fair.means[1], 10.0);
    assert!(fair.highest_against_lowest.unwrap().superiority < 0.5);
}

#[test]
fn what_is_undefined_is_none_and_what_is_wrong_is_refused() {
    let flat = compare_strata(&[1.0; 6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, None).unwrap();
    assert!(flat.highest_against_lowest.is_none() && flat.across.is_none());
    assert_eq!(strata(&[0.0, -0.0, 0.0, -0.0], 2, None).unwrap(), [0, 0, 1, 1]);
    let x = [1.0, 2.0, 3.0];
    for k in [0, 1, 4] {
        assert!(matches!(strata(&x, k, None), Err(Error::Invalid { .. })), "{k}");
    }
    assert!(strata(&[], 2, None).is_err());
    assert!(strata(&[1.0, f64::NAN], 2, None).is_err());
    assert!(strata(&x, 2, Some(&[0, 0, 1])).is_err(), "a group of one in two strata");
    assert!(matches!(strata(&x, 2, Some(&[0, 0])), Err(Error::Count { .. })));
    assert!(matches!(compare_strata(&x[..2], &x, 2, None), Err(Error::Count { .. })));
    assert!(compare_strata(&[1.0, f64::INFINITY, 2.0], &x, 2, None).is_err());
}
