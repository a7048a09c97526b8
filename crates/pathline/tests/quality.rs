#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Quality measures against SciPy, NumPy, prdc and brute force, and against what is known of them.

use pathline::quality::{
    KidSubsets, Moments, agreement, density_coverage, density_coverage_replicates,
    expected_coverage, frechet_distance, frechet_replicates, half_split_floor, kid, kid_replicates,
    precision_recall, precision_recall_replicates, replicates,
};
use pathline::{Batch, Error, Purpose, Seed, Shape};
use proptest::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/quality.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn batch(values: &[f64], width: usize) -> Batch {
    Batch::from_vec(values.iter().map(|&v| v as f32).collect(), Shape::vector(width)).unwrap()
}

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(31).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

/// Gaussian features that are multiples of 1/64, so that shifts and permutations round nothing.
fn dyadic(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = gaussian(n, d, tag);
    batch.as_mut_slice().iter_mut().for_each(|v| *v = (*v * 64.0).round() / 64.0);
    batch
}

fn mapped(batch: &Batch, f: impl Fn(&[f32]) -> Vec<f32>) -> Batch {
    let values = batch.rows().iter().flat_map(f).collect();
    Batch::from_vec(values, batch.shape().clone()).unwrap()
}

fn fd(a: &Batch, b: &Batch) -> f64 {
    frechet_distance(&Moments::of(a).unwrap(), &Moments::of(b).unwrap()).unwrap()
}

fn close(found: f64, wanted: f64, relative: f64, what: &str) {
    let most = relative * (1.0 + wanted.abs());
    assert!((found - wanted).abs() <= most, "{what}: {found}, not {wanted}");
}

fn four(generated: &Batch, real: &Batch, k: usize) -> [f64; 4] {
    let pr = precision_recall(generated, real, k).unwrap();
    let dc = density_coverage(generated, real, k).unwrap();
    [pr.precision, pr.recall, dc.density, dc.coverage]
}

/// The first rows of a batch.
fn first(batch: &Batch, rows: usize) -> Batch {
    batch.select(&(0..rows).collect::<Vec<_>>()).unwrap()
}

#[test]
fn distances_match_torchmetrics() {
    let theirs: Value =
        serde_json::from_str(include_str!("golden/torchmetrics_quality.json")).unwrap();
    let (ours, theirs) = (golden(), theirs["cases"].as_array().unwrap().clone());
    assert_eq!(ours["cases"].as_array().unwrap().len(), theirs.len());
    for (case, wanted) in ours["cases"].as_array().unwrap().iter().zip(theirs) {
        let width = usize::try_from(case["width"].as_u64().unwrap()).unwrap();
        let [generated, real] = ["generated", "real"].map(|key| batch(&list(&case[key]), width));
        close(fd(&generated, &real), wanted["frechet"].as_f64().unwrap(), 1e-6, "FD");
        let rows = usize::try_from(wanted["rows"].as_u64().unwrap()).unwrap();
        let found = kid(&first(&generated, rows), &first(&real, rows)).unwrap();
        close(found, wanted["kid"].as_f64().unwrap(), 1e-6, "KID");
    }
}

#[test]
fn measures_match_other_implementations() {
    for case in golden()["cases"].as_array().unwrap() {
        let width = usize::try_from(case["width"].as_u64().unwrap()).unwrap();
        let [generated, real] = ["generated", "real"].map(|key| batch(&list(&case[key]), width));
        let moments = Moments::of(&real).unwrap();
        // Roots of eigenvalues that are 0 but for rounding leave 1e-8 each on the other side.
        close(fd(&generated, &real), case["frechet"].as_f64().unwrap(), 1e-7, "FD");
        if let Some(wanted) = case["frechet_sqrtm"].as_f64() {
            close(fd(&generated, &real), wanted, 1e-10, "FD by sqrtm");
        }
        close(kid(&generated, &real).unwrap(), case["kid"].as_f64().unwrap(), 1e-6, "KID");
        let frechet = frechet_replicates(&generated, &moments, 5).unwrap();
        let kernel = kid_replicates(&generated, &real, 5).unwrap();
        for (j, wanted) in list(&case["frechet_without"]).into_iter().enumerate() {
            close(frechet.without[j], wanted, 1e-7, "FD without a block");
        }
        for (j, wanted) in list(&case["kid_without"]).into_iter().enumerate() {
            close(kernel.without[j], wanted, 1e-6, "KID without a block");
        }
        for (k, wanted) in case["brute"].as_object().unwrap() {
            let found = four(&generated, &real, k.parse().unwrap());
            for ((a, b), what) in found.iter().zip(list(wanted)).zip(["P", "R", "D", "C"]) {
                close(*a, b, 1e-12, &format!("{what} at k = {k}, width {width}"));
            }
        }
        for (k, wanted) in case["prdc"].as_object().into_iter().flatten() {
            let found = four(&generated, &real, k.parse().unwrap());
            for (a, b) in found.iter().zip(list(wanted)) {
                // That package leaves out the rim, on which a few samples of this grid lie.
                assert!(*a >= b - 1e-12 && *a <= b + 0.011, "{a}, not {b} at k = {k}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_frechet_distance_behaves_like_one(
        n in 2_usize..80, m in 2_usize..80, d in 1_usize..24, tag in 0_u64..1000,
        shift in -40_i16..40, turn in 0.0_f64..6.3,
    ) {
        let (a, b) = (dyadic(n, d, tag), dyadic(m, d, tag + 5000));
        let found = fd(&a, &b);
        let size = Moments::of(&a).unwrap().trace() + Moments::of(&b).unwrap().trace();
        prop_assert!(fd(&a, &a) <= 1e-12 * size, "{} of a set to itself", fd(&a, &a));
        close(fd(&b, &a), found, 1e-7, "symmetry");
        let last_first = |row: &[f32]| row.iter().rev().copied().collect();
        close(fd(&mapped(&a, last_first), &mapped(&b, last_first)), found, 1e-7, "permuted features");
        let backwards: Vec<usize> = (0..n).rev().collect();
        close(fd(&a.select(&backwards).unwrap(), &b), found, 1e-7, "permuted samples");

        // A shift of one side of equal spread costs exactly its square.
        let by = f32::from(shift) / 8.0;
        let moved = mapped(&a, |row| row.iter().map(|v| v + by).collect());
        close(fd(&moved, &a), d as f64 * f64::from(by).powi(2), 1e-12 * (1.0 + size), "shift");

        if d > 1 {
            let (sin, cos) = turn.sin_cos();
            let rotate = |row: &[f32]| {
                let mut row = row.to_vec();
                let (x, y) = (f64::from(row[0]), f64::from(row[d - 1]));
                row[0] = (cos * x - sin * y) as f32;
                row[d - 1] = (sin * x + cos * y) as f32;
                row
            };
            close(fd(&mapped(&a, rotate), &mapped(&b, rotate)), found, 3e-5, "rotation");
        }
    }

    #[test]
    fn a_kernel_distance_is_the_direct_sum(
        n in 2_usize..150, m in 2_usize..150, d in 1_usize..10, tag in 0_u64..1000,
    ) {
        let (x, y) = (gaussian(n, d, tag), gaussian(m, d, tag + 5000));
        let k = |a: &[f32], b: &[f32]| {
            let dot: f64 = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            (dot / d as f64 + 1.0).powi(3)
        };
        let pairs = |a: &Batch, b: &Batch, same: bool| {
            let all = (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j)));
            all.filter(|(i, j)| !same || i != j).map(|(i, j)| k(a.row(i), b.row(j))).sum::<f64>()
        };
        let (nf, mf) = (n as f64, m as f64);
        let wanted = pairs(&x, &x, true) / (nf * (nf - 1.0)) + pairs(&y, &y, true) / (mf * (mf - 1.0))
            - 2.0 * pairs(&x, &y, false) / (nf * mf);
        close(kid(&x, &y).unwrap(), wanted, 1e-5, "KID");
        if n >= 6 {
            let short = kid_replicates(&x, &y, 3).unwrap();
            let long = replicates(&x, 3, |x| kid(x, &y)).unwrap();
            for (a, b) in short.without.iter().zip(&long.without) {
                close(*a, *b, 1e-5, "KID without a block");
            }
        }
    }

    #[test]
    fn balls_hold_what_a_search_by_hand_says(
        n in 8_usize..150, m in 1_usize..150, d in 1_usize..12, k in 1_usize..6, tag in 0_u64..1000,
        offset in -1e3_f32..1e3, exponent in -15_i32..15,
    ) {
        let scale = 10_f32.powi(exponent);
        let place = |row: &[f32]| row.iter().map(|v| (v + offset) * scale).collect();
        let real = mapped(&gaussian(n, d, tag), place);
        // Some generated samples are copies of real ones: distances of 0, and radii that tie.
        let mut generated = mapped(&gaussian(m, d, tag + 5000), place);
        generated.append(&real.select(&(0..n / 2).collect::<Vec<_>>()).unwrap()).unwrap();
        prop_assume!(k < generated.len());
        let distance = |a: &[f32], b: &[f32]| {
            let mut lanes = [0.0_f64; 8];
            // The library's order of summation, so that ties fall the same way.
            let whole = d / 8 * 8;
            for i in 0..whole {
                lanes[i % 8] += (f64::from(a[i]) - f64::from(b[i])).powi(2);
            }
            let tail: f64 = (whole..d).map(|i| (f64::from(a[i]) - f64::from(b[i])).powi(2)).sum();
            (lanes.iter().sum::<f64>() + tail).sqrt()
        };
        let radii = |set: &Batch| -> Vec<f64> {
            (0..set.len()).map(|i| {
                let others = (0..set.len()).filter(|j| *j != i);
                let mut all: Vec<f64> = others.map(|j| distance(set.row(i), set.row(j))).collect();
                all.sort_by(f64::total_cmp);
                all[k - 1]
            }).collect()
        };
        let (real_radii, own_radii) = (radii(&real), radii(&generated));
        prop_assume!(real_radii.iter().any(|r| *r > 0.0));
        let holds = |i: usize, j: usize| distance(real.row(i), generated.row(j)) <= real_radii[i];
        let held = |i: usize, j: usize| distance(real.row(i), generated.row(j)) <= own_radii[j];
        let (nf, mf) = (n as f64, generated.len() as f64);
        let some = |count: usize, of: f64| count as f64 / of;
        let wanted = [
            some((0..generated.len()).filter(|&j| (0..n).any(|i| holds(i, j))).count(), mf),
            some((0..n).filter(|&i| (0..generated.len()).any(|j| held(i, j))).count(), nf),
            (0..n).flat_map(|i| (0..generated.len()).map(move |j| (i, j)))
                .filter(|&(i, j)| holds(i, j)).count() as f64 / (k as f64 * mf),
            some((0..n).filter(|&i| (0..generated.len()).any(|j| holds(i, j))).count(), nf),
        ];
        prop_assert_eq!(four(&generated, &real, k), wanted);
    }
}

#[test]
fn gaussians_have_the_distance_of_the_formula_within_the_bias() {
    // Diagonal covariances: |mu|^2 + sum (s - r)^2.
    let d = 8;
    let spread = |row: &[f32]| {
        row.iter().enumerate().map(|(i, v)| v * (1.0 + 0.25 * i as f32) + 0.5).collect()
    };
    let (a, b) = (mapped(&gaussian(40_000, d, 1), spread), gaussian(40_000, d, 2));
    let wanted: f64 = (0..d).map(|i| 0.25 + (0.25 * i as f64).powi(2)).sum();
    // Some five standard errors, and a bias of about 1e-3.
    close(fd(&a, &b), wanted, 0.02, "closed form");

    // Two samples of N(0, 1) in D dimensions: to first order 2 D / n from the means, and from the
    // covariances E |S_1 - S_2|^2 / 4 = D (D + 1) / (2 n).
    let (n, d) = (4000, 16);
    let null: f64 =
        (0..6).map(|r| fd(&gaussian(n, d, 10 + r), &gaussian(n, d, 20 + r))).sum::<f64>() / 6.0;
    let (n, d) = (n as f64, d as f64);
    let wanted = 2.0 * d / n + d * (d + 1.0) / (2.0 * n);
    assert!((null / wanted - 1.0).abs() < 0.15, "bias {null}, not {wanted}");
}

#[test]
fn singular_and_constant_sets_have_a_distance() {
    let flat = |tag| mapped(&gaussian(50, 3, tag), |row| vec![row[0], 2.0 * row[0], 0.1]);
    let (a, b) = (flat(1), flat(2));
    let line = |batch: &Batch| {
        let values: Vec<f64> = batch.rows().iter().map(|r| f64::from(r[0])).collect();
        let mean = values.iter().sum::<f64>() / 50.0;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 49.0;
        (mean, variance.sqrt())
    };
    let ((ma, sa), (mb, sb)) = (line(&a), line(&b));
    close(fd(&a, &b), 5.0 * ((ma - mb).powi(2) + (sa - sb).powi(2)), 1e-6, "a line in space");
    let constant = |v: f32| mapped(&gaussian(9, 3, 0), |_| vec![v; 3]);
    assert_eq!(fd(&constant(0.1), &constant(0.1)), 0.0);
    let apart = 3.0 * (f64::from(0.7_f32) - f64::from(0.1_f32)).powi(2);
    close(fd(&constant(0.1), &constant(0.7)), apart, 1e-12, "two points");
    let point = fd(&constant(0.0), &a);
    let moments = Moments::of(&a).unwrap();
    let wanted = moments.trace() + moments.mean().iter().map(|m| m * m).sum::<f64>();
    close(point, wanted, 1e-12, "a point and a set");
}

#[test]
fn the_interval_of_a_difference_covers_and_the_pairing_pays() {
    // Two runs on the same noise, one a bit wider than the other, against the standard normal.
    let d = 4;
    let unit = (0..d * d).map(|e| f64::from(u8::from(e % (d + 1) == 0))).collect();
    let real = Moments::new(vec![0.0; d], unit).unwrap();
    let truth = d as f64 * (0.3_f64.powi(2) - 0.25_f64.powi(2));
    let (mut held, trials, mut paired, mut single) = (0, 60, 0.0, 0.0);
    for trial in 0..trials {
        let noise = gaussian(800, d, 100 + trial);
        let run = |scale: f32| {
            let run = mapped(&noise, |row| row.iter().map(|v| scale * v).collect());
            frechet_replicates(&run, &real, 20).unwrap()
        };
        let (wide, narrow) = (run(1.3), run(1.25));
        let found = wide.difference(&narrow, 0.9).unwrap();
        held += usize::from(found.estimate.contains(truth));
        paired += found.standard_error;
        single += wide.interval(0.9).unwrap().standard_error;
        // What a percentile bootstrap of one distance fails to do.
        assert!(wide.interval(0.9).unwrap().estimate.contains(wide.value));
    }
    // 54 wanted, less five standard errors of a binomial.
    assert!(held >= 43, "{held} of {trials} intervals hold the truth");
    assert!(paired < 0.4 * single, "pairing: {paired}, single: {single}");
}

#[test]
fn a_kernel_distance_has_no_bias_and_an_honest_error() {
    let real = gaussian(400, 3, 7);
    let mut values = Vec::new();
    let mut errors = Vec::new();
    for trial in 0..60 {
        let found = kid_replicates(&gaussian(120, 3, 200 + trial), &real, 20).unwrap();
        errors.push(found.interval(0.9).unwrap().standard_error);
        values.push(found.value);
    }
    let mean = values.iter().sum::<f64>() / 60.0;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 59.0).sqrt();
    let error = errors.iter().sum::<f64>() / 60.0;
    // The real set is fixed, and its own chance stays in the mean: one of 400 rows.
    assert!(mean.abs() < 3.0 * spread, "mean {mean}, spread {spread}");
    assert!(values.iter().any(|v| *v < 0.0), "an unbiased null falls below 0");
    assert!((0.5..2.0).contains(&(error / spread)), "error {error}, spread {spread}");
    // Subsets: the same expectation.
    let run = gaussian(300, 3, 900);
    let subsets = KidSubsets { count: 60, size: 100, seed: Seed(1) };
    let found = subsets.estimate(&run, &real).unwrap();
    assert_eq!(found, subsets.estimate(&run, &real).unwrap());
    let error = found.standard_deviation / 60.0_f64.sqrt();
    let full = kid(&run, &real).unwrap();
    assert!((found.mean - full).abs() < 5.0 * error, "{} and {full}", found.mean);
}

#[test]
fn density_and_coverage_without_a_block_are_those_of_the_others() {
    let (real, run) = (gaussian(300, 3, 5), gaussian(203, 3, 6));
    for blocks in [2, 19, 63] {
        let [density, coverage] = density_coverage_replicates(&run, &real, 4, blocks).unwrap();
        let direct = |of: fn(pathline::quality::DensityCoverage) -> f64| {
            replicates(&run, blocks, |run| Ok(of(density_coverage(run, &real, 4)?))).unwrap()
        };
        let near = |a: &pathline::quality::Replicates, b: pathline::quality::Replicates| {
            let all = a.without.iter().zip(&b.without).chain([(&a.value, &b.value)]);
            assert!(all.clone().all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
            assert_eq!(a.samples, b.samples);
        };
        near(&density, direct(|found| found.density));
        near(&coverage, direct(|found| found.coverage));
    }
    for blocks in [0, 1, 64] {
        assert!(density_coverage_replicates(&run, &real, 4, blocks).is_err());
        assert!(precision_recall_replicates(&run, &real, 4, blocks).is_err());
    }
}

#[test]
fn precision_and_recall_without_a_block_are_those_of_the_others() {
    let (real, run) = (gaussian(300, 3, 5), gaussian(203, 3, 6));
    // Rows whose nearest are all of the other of two blocks, copies among them.
    let mut lonely = gaussian(120, 3, 7);
    for (i, v) in lonely.as_mut_slice().iter_mut().enumerate() {
        let row = i / 3;
        *v = match row {
            10 | 13 => 0.5,
            _ if row % 2 == 0 && row > 6 => *v + 3.0 * row as f32,
            _ => *v,
        };
    }
    for (run, blocks) in [(&run, 2), (&run, 19), (&run, 63), (&lonely, 2), (&lonely, 4)] {
        let [precision, recall] = precision_recall_replicates(run, &real, 4, blocks).unwrap();
        let direct = |of: fn(pathline::quality::PrecisionRecall) -> f64| {
            replicates(run, blocks, |run| Ok(of(precision_recall(run, &real, 4)?))).unwrap()
        };
        assert_eq!(precision, direct(|found| found.precision), "{blocks}");
        assert_eq!(recall, direct(|found| found.recall), "{blocks}");
    }
    // Too few are left for four neighbours.
    assert!(precision_recall_replicates(&gaussian(6, 3, 1), &real, 4, 3).is_err());
}

#[test]
fn like_sets_have_the_expected_density_and_coverage() {
    let (n, m, k) = (1500, 1000, 5);
    let (mut density, mut coverage, trials) = (0.0, 0.0, 5);
    for trial in 0..trials {
        let found =
            density_coverage(&gaussian(m, 3, 40 + trial), &gaussian(n, 3, 60 + trial), k).unwrap();
        density += found.density / trials as f64;
        coverage += found.coverage / trials as f64;
    }
    let expected = expected_coverage(m, n, k).unwrap();
    assert!((density - 1.0).abs() < 0.05, "density {density}");
    assert!((coverage - expected).abs() < 0.015, "coverage {coverage}, expected {expected}");
    // A collapsed model: realistic and without diversity.
    let real = gaussian(n, 3, 60);
    let collapsed = mapped(&gaussian(m, 3, 41), |row| row.iter().map(|v| 0.05 * v).collect());
    let found = precision_recall(&collapsed, &real, 3).unwrap();
    assert!(found.precision > 0.8 && found.recall < 0.05, "{found:?}");
    assert!(density_coverage(&collapsed, &real, 5).unwrap().coverage < 0.1);
    // A copied set is perfect by all of them.
    assert_eq!(four(&real, &real, 3)[..2], [1.0, 1.0]);
    assert_eq!(four(&real, &real, 3)[3], 1.0);
}

#[test]
fn the_floor_falls_with_the_number_of_samples_and_repeats_with_the_seed() {
    let real = gaussian(2000, 8, 3);
    let floor = |n| half_split_floor(&real, n, 6, Seed(4)).unwrap();
    let (small, large) = (floor(100), floor(1000));
    assert_eq!((small.n, small.distances.len()), (100, 6));
    assert!(small.mean > 4.0 * large.mean && large.mean > 0.0);
    assert_eq!(floor(100), small);
    assert_ne!(half_split_floor(&real, 100, 6, Seed(5)).unwrap(), small);
}

#[test]
fn results_have_the_same_bytes_on_any_number_of_threads() {
    let (a, b) = (gaussian(333, 70, 1), gaussian(290, 70, 2));
    let all = || {
        let moments = Moments::of(&b).unwrap();
        let mut bits = vec![fd(&a, &b), kid(&a, &b).unwrap()];
        bits.extend(four(&a, &b, 3));
        bits.extend(frechet_replicates(&a, &moments, 7).unwrap().without);
        bits.extend(kid_replicates(&a, &b, 7).unwrap().without);
        bits.into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    let on = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(on(1), on(5));
}

#[test]
fn what_cannot_be_measured_is_refused_with_its_place() {
    let good = gaussian(20, 3, 1);
    let invalid = |result: Result<f64, Error>| {
        assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
    };
    let counted = |result: Result<f64, Error>| {
        assert!(matches!(result, Err(Error::Count { .. })), "{result:?}");
    };
    let one = gaussian(1, 3, 1);
    let none = Batch::zeros(0, Shape::vector(3));
    let mut bad = good.clone();
    bad.as_mut_slice()[7] = f32::NAN;
    let mut endless = good.clone();
    endless.as_mut_slice()[0] = f32::INFINITY;
    for set in [&one, &none, &bad, &endless] {
        invalid(Moments::of(set).map(|m| m.trace()));
        invalid(kid(set, &good));
        invalid(kid(&good, set));
        invalid(kid_replicates(set, &good, 2).map(|r| r.value));
        invalid(frechet_replicates(set, &Moments::of(&good).unwrap(), 2).map(|r| r.value));
        invalid(precision_recall(set, &good, 3).map(|p| p.recall));
        invalid(precision_recall(&good, set, 3).map(|p| p.recall));
        invalid(density_coverage(&good, set, 3).map(|p| p.density));
        invalid(half_split_floor(set, 2, 3, Seed(0)).map(|f| f.mean));
    }
    let text = kid(&bad, &good).unwrap_err().to_string();
    assert!(text.contains("row 2, column 1"), "{text}");
    let narrow = gaussian(20, 2, 1);
    counted(kid(&narrow, &good));
    counted(precision_recall(&narrow, &good, 3).map(|p| p.recall));
    counted(frechet_distance(&Moments::of(&narrow).unwrap(), &Moments::of(&good).unwrap()));
    counted(frechet_replicates(&narrow, &Moments::of(&good).unwrap(), 4).map(|r| r.value));
    counted(agreement(&[1], &[1, 2], 0.9).map(|a| a.value));
    invalid(agreement::<u8>(&[], &[], 0.9).map(|a| a.value));

    let constant = mapped(&good, |_| vec![0.5; 3]);
    invalid(precision_recall(&good, &constant, 3).map(|p| p.precision));
    invalid(density_coverage(&good, &constant, 3).map(|p| p.coverage));
    // A constant run is a finding, not an error.
    assert_eq!(precision_recall(&constant, &good, 3).unwrap().recall, 0.0);
    for k in [0, 20, usize::MAX] {
        invalid(precision_recall(&good, &good, k).map(|p| p.precision));
        invalid(expected_coverage(5, 20, k));
    }
    for blocks in [0, 1, 21, usize::MAX] {
        invalid(kid_replicates(&good, &good, blocks).map(|r| r.value));
        invalid(replicates(&good, blocks, |_| Ok(1.0)).map(|r| r.value));
    }
    for (count, size) in [(1, 5), (5, 1), (5, 21)] {
        let subsets = KidSubsets { count, size, seed: Seed(0) };
        invalid(subsets.estimate(&good, &good).map(|s| s.mean));
    }
    for (n, splits) in [(1, 3), (11, 3), (5, 0)] {
        invalid(half_split_floor(&good, n, splits, Seed(0)).map(|f| f.mean));
    }
    let huge = mapped(&good, |row| row.iter().map(|v| v * 1e30).collect());
    invalid(kid(&huge, &good));
    assert!(fd(&huge, &good).is_finite());
    let run = kid_replicates(&good, &good, 4).unwrap();
    counted(run.difference(&kid_replicates(&good, &good, 5).unwrap(), 0.9).map(|d| d.bias));
    counted(
        run.difference(&kid_replicates(&one_less(&good), &good, 4).unwrap(), 0.9).map(|d| d.bias),
    );
    invalid(run.interval(1.0).map(|d| d.bias));
}

fn one_less(batch: &Batch) -> Batch {
    batch.select(&(1..batch.len()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn moments_from_elsewhere_are_checked() {
    let new = |mean: &[f64], covariance: &[f64]| Moments::new(mean.to_vec(), covariance.to_vec());
    let unit = new(&[0.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    assert!(matches!(new(&[0.0; 2], &[1.0; 3]), Err(Error::Count { .. })));
    for wrong in [
        new(&[], &[]),
        new(&[f64::NAN], &[1.0]),
        new(&[0.0], &[f64::INFINITY]),
        new(&[0.0], &[-1.0]),
        new(&[0.0; 2], &[1.0, 0.5, 0.4, 1.0]),
        new(&[0.0; 2], &[1.0, 2.0, 2.0, 1.0]),
        new(&[0.0; 2], &[0.0, 1.0, 1.0, 0.0]),
    ] {
        assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");
    }
    // Each pair is possible and the three together are not.
    let odd = [1.0, 0.9, 0.9, 0.9, 1.0, -0.9, 0.9, -0.9, 1.0];
    let odd = new(&[0.0; 3], &odd).unwrap();
    assert!(matches!(frechet_distance(&odd, &unit), Err(Error::Invalid { .. })));
    assert!(matches!(frechet_distance(&unit, &odd), Err(Error::Invalid { .. })));
    let vast = new(&[1e200], &[1.0]).unwrap();
    let small = new(&[0.0], &[1.0]).unwrap();
    assert!(matches!(frechet_distance(&vast, &small), Err(Error::Invalid { .. })));
}
