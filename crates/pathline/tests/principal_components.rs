#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Principal components against scikit-learn, and against what is known of them.

use pathline::statistics::PrincipalComponents;
use pathline::{Batch, Error, Purpose, Seed, Shape};
use serde_json::Value;

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn batch(values: &[f64], width: usize) -> Batch {
    Batch::from_vec(values.iter().map(|&v| v as f32).collect(), Shape::vector(width)).unwrap()
}

/// Gaussian points whose value `j` has standard deviation `scale(j)`.
fn scaled(n: usize, d: usize, scale: impl Fn(usize) -> f64) -> Batch {
    let mut points = Batch::zeros(n, Shape::vector(d));
    Seed(2).normal(Purpose::Data, 0, 0, points.as_mut_slice());
    for row in points.as_mut_slice().chunks_exact_mut(d) {
        row.iter_mut().enumerate().for_each(|(j, v)| *v = (f64::from(*v) * scale(j)) as f32);
    }
    points
}

fn near(found: &[f64], wanted: &[f64], error: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (f, w) in found.iter().zip(wanted) {
        assert!((f - w).abs() <= error, "{what}: {f}, not {w}");
    }
}

#[test]
fn components_match_scikit_learn() {
    let golden: Value =
        serde_json::from_str(include_str!("golden/principal_components.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let d = case["width"].as_u64().unwrap() as usize;
        let points = batch(&list(&case["points"]), d);
        let variances = list(&case["variances"]);
        let found = PrincipalComponents::of(&points, variances.len()).unwrap();
        near(found.mean(), &list(&case["mean"]), 1e-9, "mean");
        let scale = variances[0];
        near(found.variances(), &variances, 2e-6 * scale, "variances");
        let total = case["total"].as_f64().unwrap();
        near(&[found.total_variance()], &[total], 1e-9 * total, "total");
        let directions = list(&case["directions"]);
        for (j, wanted) in directions.chunks_exact(d).enumerate() {
            near(found.direction(j), wanted, 2e-5, "direction");
        }
        let five = points.select(&[0, 1, 2, 3, 4]).unwrap();
        let projected = found.project(&five).unwrap();
        let projected: Vec<f64> = projected.as_slice().iter().map(|&v| f64::from(v)).collect();
        near(&projected, &list(&case["projected"]), 1e-4 * scale.sqrt(), "projected");
    }
}

/// How far the `q` leading directions are from being eigenvectors of the covariance, summed directly.
fn residual(points: &Batch, found: &PrincipalComponents) -> f64 {
    let n = points.len() as f64;
    let mut worst = 0.0_f64;
    for j in 0..found.count() {
        let direction = found.direction(j);
        let mut image = vec![0.0; points.width()];
        for row in points.rows().iter() {
            let away = row.iter().zip(found.mean()).map(|(&v, m)| f64::from(v) - m);
            let along: f64 = away.clone().zip(direction).map(|(a, w)| a * w).sum();
            image.iter_mut().zip(away).for_each(|(i, a)| *i += along * a / (n - 1.0));
        }
        let left = image.iter().zip(direction).map(|(i, w)| i - found.variances()[j] * w);
        worst = worst.max(left.map(|l| l * l).sum::<f64>().sqrt());
    }
    worst / found.variances()[0]
}

#[test]
fn directions_of_many_values_are_eigenvectors() {
    // A spectrum that falls slowly, as that of images does, and more values than the span may have.
    let points = scaled(700, 500, |j| 1.0 / (1.0 + j as f64).sqrt());
    let found = PrincipalComponents::of(&points, 20).unwrap();
    let error = residual(&points, &found);
    assert!(error < 3e-6, "{error}");
    for i in 0..20 {
        for j in 0..=i {
            let pairs = found.direction(i).iter().zip(found.direction(j));
            let product: f64 = pairs.map(|(a, b)| a * b).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-9, "{i} {j}: {product}");
        }
    }
    // The variance of the projections is the variance along the directions.
    let projected = found.project(&points).unwrap();
    for j in 0..20 {
        let squares: f64 = projected.rows().iter().map(|r| f64::from(r[j]).powi(2)).sum();
        let variance = squares / 699.0;
        assert!((variance / found.variances()[j] - 1.0).abs() < 1e-5, "{j}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads_and_rows_not_on_their_company() {
    let points = scaled(1500, 30, |j| 0.8_f64.powi(j as i32));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| PrincipalComponents::of(&points, 5).unwrap())
    };
    let found = with(1);
    assert_eq!(found, with(3));
    let all = found.project(&points).unwrap();
    let some = found.project(&points.select(&[7, 1400]).unwrap()).unwrap();
    assert_eq!((some.row(0), some.row(1)), (all.row(7), all.row(1400)));
}

#[test]
fn degenerate_points_have_components_of_no_variance() {
    // Points on a line in five dimensions, more components than it has directions.
    let line: Vec<f64> =
        (0..40).flat_map(|i| [1.0, 2.0, 0.0, -2.0, 4.0].map(|v| v * f64::from(i))).collect();
    let found = PrincipalComponents::of(&batch(&line, 5), 3).unwrap();
    let spread = found.variances();
    assert!((spread[0] - 25.0 * 40.0 * 41.0 / 12.0).abs() < 1e-3, "{spread:?}");
    assert!(spread[1] < 1e-5 * spread[0] && spread[2] >= 0.0, "{spread:?}");
    near(found.direction(0), &[0.2, 0.4, 0.0, -0.4, 0.8], 1e-6, "direction");
    let same = PrincipalComponents::of(&batch(&[3.0; 20], 4), 4).unwrap();
    assert_eq!(same.variances(), [0.0; 4]);
    assert_eq!(same.total_variance(), 0.0);
}

#[test]
fn bad_input_is_refused() {
    let points = scaled(10, 4, |_| 1.0);
    let refused = |points: &Batch, count| {
        matches!(PrincipalComponents::of(points, count), Err(Error::Invalid { .. }))
    };
    assert!(refused(&points, 0) && refused(&points, 5));
    assert!(refused(&points.select(&[0, 1]).unwrap(), 2));
    assert!(refused(&points.select(&[0]).unwrap(), 1));
    for bad in [f64::NAN, f64::INFINITY, 3e38] {
        let mut values = vec![0.0; 12];
        (values[3], values[8]) = (bad, -bad);
        assert!(refused(&batch(&values, 4), 1), "{bad}");
    }
    let found = PrincipalComponents::of(&points, 2).unwrap();
    assert!(matches!(found.project(&scaled(3, 5, |_| 1.0)), Err(Error::Count { .. })));
}
