#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! The extrapolated Frechet distance on Gaussians of known distance, and the kernel distance over subsets
//! against direct sums.

use pathline::quality::{FrechetSizes, KidSubsets, Moments, frechet_distance};
use pathline::{Batch, Error, Purpose, Seed, Shape};

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(5).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

fn diagonal(d: usize, variance: f64) -> Moments {
    let entry = |e: usize| if e.is_multiple_of(d + 1) { variance } else { 0.0 };
    Moments::new(vec![0.0; d], (0..d * d).map(entry).collect()).unwrap()
}

#[test]
fn the_extrapolated_distance_is_nearer_to_the_truth() {
    let (n, d) = (1500, 24);
    let sizes = FrechetSizes { count: 15, smallest: 150, seed: Seed(3) };
    // The mean apart by little: far from the truth, chance outweighs the bias of either.
    for shift in [0.0, 0.05] {
        let truth = d as f64 * shift * shift;
        let real = Moments::new(vec![shift; d], diagonal(d, 1.0).covariance().to_vec()).unwrap();
        let (mut plain, mut straight, mut bias) = (0.0, 0.0, 0.0);
        for tag in 0..6 {
            let run = gaussian(n, d, tag);
            let found = sizes.extrapolate(&run, &real).unwrap();
            let whole = frechet_distance(&Moments::of(&run).unwrap(), &real).unwrap();
            assert!((found.distances[14] - whole).abs() < 1e-9, "the last subset is everything");
            assert_eq!((found.sizes[0], found.sizes[14]), (150, n));
            plain += (whole - truth).abs() / 6.0;
            straight += (found.value - truth).abs() / 6.0;
            bias += found.slope / n as f64 / 6.0;
        }
        assert!(straight < 0.5 * plain, "shift {shift}: {straight}, plain {plain}");
        assert!((bias / plain - 1.0).abs() < 0.25, "shift {shift}: {bias}, {plain}");
    }
}

#[test]
fn the_line_is_that_of_least_squares() {
    let sizes = FrechetSizes { count: 7, smallest: 40, seed: Seed(1) };
    let found = sizes.extrapolate(&gaussian(200, 3, 9), &diagonal(3, 2.0)).unwrap();
    assert_eq!(found.sizes, [40, 66, 93, 120, 146, 173, 200]);
    // Normal equations: residuals are orthogonal to 1 and to 1 / n.
    let residuals = found.sizes.iter().zip(&found.distances).map(|(&n, y)| {
        let x = 1.0 / n as f64;
        (x, y - found.value - found.slope * x)
    });
    let (one, own) = residuals.fold((0.0, 0.0), |(one, own), (x, r)| (one + r, own + x * r));
    assert!(one.abs() < 1e-12 && own.abs() < 1e-12, "{one} {own}");
}

#[test]
fn sizes_out_of_range_are_refused() {
    let (run, real) = (gaussian(20, 2, 0), diagonal(2, 1.0));
    for (count, smallest) in [(15, 1), (15, 20), (1, 5), (17, 5), (usize::MAX, 5)] {
        let sizes = FrechetSizes { count, smallest, seed: Seed(0) };
        assert!(
            matches!(sizes.extrapolate(&run, &real), Err(Error::Invalid { .. })),
            "{count} {smallest}"
        );
    }
    let sizes = FrechetSizes { count: 3, smallest: 5, seed: Seed(0) };
    assert!(matches!(sizes.extrapolate(&run, &diagonal(3, 1.0)), Err(Error::Count { .. })));
    let mut bad = run.clone();
    bad.as_mut_slice()[3] = f32::NAN;
    assert!(sizes.extrapolate(&bad, &real).is_err());
    assert!(sizes.extrapolate(&run, &real).is_ok());
}

/// The unbiased kernel distance by its definition, pair by pair.
fn direct(x: &Batch, y: &Batch) -> f64 {
    let d = x.width() as f64;
    let kernel = |a: &[f32], b: &[f32]| {
        let product: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        (product / d + 1.0).powi(3)
    };
    let (n, m) = (x.len(), y.len());
    let within = |z: &Batch| {
        let pairs =
            (0..z.len()).flat_map(|i| (0..z.len()).filter(move |j| *j != i).map(move |j| (i, j)));
        pairs.map(|(i, j)| kernel(z.row(i), z.row(j))).sum::<f64>()
    };
    let across: f64 = (0..n)
        .flat_map(|i| (0..m).map(move |j| (i, j)))
        .map(|(i, j)| kernel(x.row(i), y.row(j)))
        .sum();
    let pairs = |n: usize| (n * (n - 1)) as f64;
    within(x) / pairs(n) + within(y) / pairs(m) - 2.0 * across / (n * m) as f64
}

#[test]
fn the_kernel_distance_over_subsets_is_the_mean_of_direct_sums() {
    // As torchmetrics and clean-fid do: both sides drawn without replacement, the mean over subsets.
    let (run, real) = (gaussian(90, 6, 1), gaussian(70, 6, 2));
    let subsets = KidSubsets { count: 12, size: 40, seed: Seed(4) };
    let found = subsets.estimate(&run, &real).unwrap();
    let drawn = |batch: &Batch, subset: u64, side: u64| {
        let order = Seed(4).stream(Purpose::Resample, subset, side).permutation(batch.len());
        let mut rows = order[..40].to_vec();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 40, "drawn without replacement");
        batch.select(&rows).unwrap()
    };
    let values: Vec<f64> =
        (0..12).map(|s| direct(&drawn(&run, s, 0), &drawn(&real, s, 1))).collect();
    for (found, wanted) in found.values.iter().zip(&values) {
        assert!((found - wanted).abs() < 1e-5, "{found}, not {wanted}");
    }
    let mean = values.iter().sum::<f64>() / 12.0;
    assert!((found.mean - mean).abs() < 1e-5);
}
