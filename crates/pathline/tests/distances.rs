#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
//! Distances between point sets against POT and scikit-learn, and against what is known of them.

use pathline::quality::{gaussian_mmd, sliced_wasserstein, wasserstein};
use pathline::{Batch, Purpose, Seed, Shape};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/wasserstein.json")).unwrap()
}

fn batch(value: &Value, d: usize) -> Batch {
    let values: Vec<f32> = serde_json::from_value(value.clone()).unwrap();
    Batch::from_vec(values, Shape::vector(d)).unwrap()
}

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(5).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

#[test]
fn on_a_line_lists_of_any_lengths_are_as_far_apart_as_pot_says() {
    for case in golden()["lines"].as_array().unwrap() {
        let (a, b) = (batch(&case["a"], 1), batch(&case["b"], 1));
        let wanted = case["w2"].as_f64().unwrap();
        let found = sliced_wasserstein(&a, &b, 3, Seed(0)).unwrap();
        assert!((found - wanted).abs() < 1e-7 * wanted.max(1.0), "{found} {wanted}");
        let back = sliced_wasserstein(&b, &a, 3, Seed(0)).unwrap();
        assert!((found - back).abs() < 1e-12);
    }
}

#[test]
fn sets_are_as_far_apart_as_pot_and_scikit_learn_say() {
    for case in golden()["sets"].as_array().unwrap() {
        let d = case["d"].as_u64().unwrap() as usize;
        let (a, b) = (batch(&case["a"], d), batch(&case["b"], d));
        let number = |key: &str| case[key].as_f64().unwrap();
        let exact = wasserstein(&a, &b).unwrap();
        assert!((exact - number("w2")).abs() < 1e-6 * exact, "{exact} {}", number("w2"));
        // Two different draws of many directions.
        let sliced = sliced_wasserstein(&a, &b, 20_000, Seed(1)).unwrap();
        assert!((sliced / number("sliced") - 1.0).abs() < 0.01, "{sliced} {}", number("sliced"));
        assert!(sliced <= exact);
        let mmd: Vec<[f64; 2]> = serde_json::from_value(case["mmd"].clone()).unwrap();
        for [bandwidth, wanted] in mmd {
            let found = gaussian_mmd(&a, &b, bandwidth).unwrap();
            assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        }
    }
}

#[test]
fn moved_gaussians_are_as_far_apart_as_their_means() {
    let (a, mut b) = (gaussian(400, 5, 1), gaussian(400, 5, 1));
    b.as_mut_slice().iter_mut().for_each(|v| *v += 2.0);
    // The same points moved by (2, ..., 2): no assignment beats the translation.
    let exact = wasserstein(&a, &b).unwrap();
    assert!((exact - 20.0_f64.sqrt()).abs() < 1e-5, "{exact}");
    let sliced = sliced_wasserstein(&a, &b, 4000, Seed(1)).unwrap();
    assert!((sliced - 2.0).abs() < 0.1, "{sliced}");
    assert!(wasserstein(&a, &a).unwrap() == 0.0);
    let (x, y) = (gaussian(300, 5, 2), gaussian(300, 5, 3));
    assert!(gaussian_mmd(&x, &y, 2.0).unwrap().abs() < 0.01);
    assert!(gaussian_mmd(&a, &b, 2.0).unwrap() > 0.5);
}

#[test]
fn sets_that_cannot_be_compared_are_refused() {
    let (a, b, wide) = (gaussian(4, 2, 1), gaussian(5, 2, 2), gaussian(4, 3, 3));
    let mut bad = a.clone();
    bad.as_mut_slice()[3] = f32::NAN;
    let none = Batch::zeros(0, Shape::vector(2));
    assert!(wasserstein(&a, &b).is_err() && wasserstein(&a, &wide).is_err());
    assert!(wasserstein(&a, &bad).is_err() && wasserstein(&none, &none).is_err());
    assert!(sliced_wasserstein(&a, &b, 0, Seed(0)).is_err());
    assert!(sliced_wasserstein(&a, &none, 1, Seed(0)).is_err());
    for bandwidth in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(gaussian_mmd(&a, &b, bandwidth).is_err());
    }
}
