#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Tests and effects of pairs against SciPy, brute force and what is known of them.

use pathline::statistics::{paired_effect, wilcoxon};
use pathline::{Error, Purpose, Seed};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/paired.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn normals(n: usize, sample: u64) -> Vec<f64> {
    let mut stream = Seed(17).stream(Purpose::Data, sample, 0);
    (0..n).map(|_| stream.normal()).collect()
}

#[test]
fn signed_ranks_match_scipy() {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.iter().any(|c| c["exact"] == true) && cases.iter().any(|c| c["exact"] == false));
    for case in cases {
        let d = list(&case["differences"]);
        let found = wilcoxon(&d, &vec![0.0; d.len()]).unwrap().unwrap();
        let wanted = |key: &str| case[key].as_f64().unwrap();
        assert_eq!((found.w, found.exact), (wanted("w"), case["exact"].as_bool().unwrap()));
        assert!((found.p_value / wanted("p_value") - 1.0).abs() < 1e-9, "{found:?} {case}");
        assert!((found.rank_biserial - wanted("rank_biserial")).abs() < 1e-12);
        // Swapped sides: the same evidence of the opposite.
        let swapped = wilcoxon(&vec![0.0; d.len()], &d).unwrap().unwrap();
        assert!((swapped.p_value - found.p_value).abs() < 1e-12);
        assert_eq!(swapped.rank_biserial, -found.rank_biserial);
    }
}

#[test]
fn exact_p_values_are_those_of_all_signs() {
    let sizes = [0.3, 1.1, 0.7, 2.5, 1.9, 0.2, 3.1, 1.4];
    let ranks = [2.0, 4.0, 3.0, 7.0, 6.0, 1.0, 8.0, 5.0];
    let signed = |signs: u32, values: &[f64]| -> Vec<f64> {
        values.iter().enumerate().map(|(i, v)| if signs >> i & 1 == 1 { *v } else { -v }).collect()
    };
    let away = |signs: u32| signed(signs, &ranks).iter().sum::<f64>().abs();
    for signs in [0, 5, 77, 170, 255] {
        let as_far = (0..256).filter(|&s| away(s) >= away(signs)).count();
        let found = wilcoxon(&signed(signs, &sizes), &[0.0; 8]).unwrap().unwrap();
        assert!((found.p_value - as_far as f64 / 256.0).abs() < 1e-15, "{signs}");
    }
}

#[test]
fn effects_match_scipy() {
    for case in golden()["cases"].as_array().unwrap() {
        let d = list(&case["differences"]);
        let found = paired_effect(&d, &vec![0.0; d.len()], 0.95).unwrap();
        let Some(wanted) = case["effect"].as_f64() else {
            assert_eq!(found, None);
            continue;
        };
        let found = found.unwrap();
        assert!((found.value - wanted).abs() < 1e-9, "{found:?}, not {wanted}");
        // Differences of the file are normal: with many, both intervals say the same.
        if d.len() >= 300 {
            let exact = list(&case["noncentral95"]);
            let width = exact[1] - exact[0];
            assert!((found.low - exact[0]).abs() < 0.05 * width, "{found:?} {exact:?}");
            assert!((found.high - exact[1]).abs() < 0.05 * width, "{found:?} {exact:?}");
        }
    }
}

#[test]
fn intervals_of_effects_hold_the_truth_as_often_as_they_say() {
    // Skewed differences of mean 1 and standard deviation 1: exponential.
    let draw = |s: u64| -> Vec<f64> {
        let mut stream = Seed(4).stream(Purpose::Data, s, 0);
        (0..80).map(|_| -(1.0 - stream.uniform()).ln()).collect()
    };
    let covered = |draw: &dyn Fn(u64) -> Vec<f64>, truth: f64| {
        let holds = |s: &u64| {
            let effect = paired_effect(&draw(*s), &[0.0; 80], 0.95).unwrap().unwrap();
            effect.contains(truth)
        };
        (0..400).filter(holds).count() as f64 / 400.0
    };
    // Three standard errors of a fraction of 400 are 0.03; skew costs some coverage.
    let normal = covered(&|s| normals(80, s).iter().map(|v| v + 0.5).collect(), 0.5);
    assert!((0.92..0.98).contains(&normal), "normal {normal}");
    let skewed = covered(&draw, 1.0);
    assert!((0.88..0.98).contains(&skewed), "skewed {skewed}");
}

#[test]
fn what_is_undefined_is_none_and_what_is_wrong_is_refused() {
    let x = [1.0, 2.0, 4.0, 8.0];
    assert_eq!(wilcoxon(&x, &x).unwrap(), None);
    assert_eq!(paired_effect(&x, &x, 0.95).unwrap(), None);
    let up: Vec<f64> = x.iter().map(|v| v + 0.1).collect();
    assert_eq!(paired_effect(&up, &x, 0.95).unwrap(), None, "equal differences have no spread");
    // Without its one outlier the differences do not spread.
    assert_eq!(paired_effect(&[1.0, 1.0, 1.0, 2.0], &[0.0; 4], 0.95).unwrap(), None);
    assert!(paired_effect(&[1e300, -1e300, 1e299], &[0.0; 3], 0.95).unwrap().is_some());
    assert!(matches!(wilcoxon(&x, &x[..3]), Err(Error::Count { .. })));
    assert!(matches!(paired_effect(&x, &x[..3], 0.95), Err(Error::Count { .. })));
    assert!(wilcoxon(&[], &[]).is_err());
    assert!(wilcoxon(&[f64::NAN], &[0.0]).is_err());
    assert!(wilcoxon(&[f64::INFINITY], &[f64::INFINITY]).is_err());
    assert!(paired_effect(&[f64::NAN; 3], &[0.0; 3], 0.95).is_err());
    assert!(paired_effect(&x, &up, 1.0).is_err());
    // Zeros are left out.
    let found = wilcoxon(&[0.0, 0.0, 1.0, 2.0], &[0.0; 4]).unwrap().unwrap();
    assert_eq!((found.differences, found.w, found.p_value), (2, 3.0, 0.5));
}
