#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
//! Neighbours against brute force, and memorisation on sets built to have a known answer.

use pathline::neighbours::{
    Bandwidth, Exclude, MEMORISED_RATIO, kernel_log_density, knn_log_density, memorisation, nearest,
};
use pathline::{Batch, Error, Purpose, Seed, Shape};
use proptest::prelude::*;

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(21).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
}

fn check_against_brute_force(queries: &Batch, data: &Batch, k: usize, exclude: Exclude) {
    let found = nearest(queries, data, k, exclude).unwrap();
    assert_eq!(
        (found.indices.len(), found.distances.len()),
        (k * queries.len(), k * queries.len())
    );
    for q in 0..queries.len() {
        let mut all: Vec<(f64, usize)> = (0..data.len())
            .filter(|&i| exclude == Exclude::Nothing || i != q)
            .map(|i| (distance(queries.row(q), data.row(i)), i))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (rank, &(wanted, _)) in all[..k].iter().enumerate() {
            let (index, got) = (found.indices[q * k + rank], found.distances[q * k + rank]);
            assert!((got - wanted).abs() <= 1e-13 * wanted, "{got} {wanted}");
            // The order of summation may swap rows that tie to the last bit, and no others.
            let own = distance(queries.row(q), data.row(index));
            assert!((own - wanted).abs() <= 1e-13 * wanted);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn any_set_matches_brute_force(
        n in 3_usize..60, m in 1_usize..40, d in 1_usize..20, k in 1_usize..3,
        offset in -1e4_f32..1e4, exponent in -30_i32..30, tag in 0_u64..100,
    ) {
        let scale = 10_f32.powi(exponent);
        let (mut data, mut queries) = (gaussian(n, d, tag), gaussian(m, d, tag + 1000));
        for v in data.as_mut_slice().iter_mut().chain(queries.as_mut_slice()) {
            *v = (*v + offset) * scale;
        }
        check_against_brute_force(&queries, &data, k, Exclude::Nothing);
        check_against_brute_force(&data, &data, k, Exclude::SameIndex);
    }
}

#[test]
fn many_blocks_match_brute_force() {
    check_against_brute_force(&gaussian(300, 7, 1), &gaussian(2500, 7, 2), 10, Exclude::Nothing);
    check_against_brute_force(&gaussian(130, 200, 3), &gaussian(1100, 200, 4), 3, Exclude::Nothing);
}

#[test]
fn a_distance_near_zero_is_right_where_a_single_precision_product_is_not() {
    // Rows of norm 3e4; the query is one ulp away from row 5 in one value.
    let mut data = gaussian(50, 100, 5);
    data.as_mut_slice().iter_mut().for_each(|v| *v *= 3000.0);
    let mut query = Batch::from_vec(data.row(5).to_vec(), Shape::vector(100)).unwrap();
    let old = query.as_slice()[0];
    query.as_mut_slice()[0] = f32::from_bits(old.to_bits() + 1);
    let gap = (f64::from(query.as_slice()[0]) - f64::from(old)).abs();
    let found = nearest(&query, &data, 1, Exclude::Nothing).unwrap();
    assert_eq!((found.indices[0], found.distances[0]), (5, gap));
}

#[test]
fn ties_go_to_the_lower_index_even_when_all_rows_are_equal() {
    let data = Batch::from_vec(vec![0.25; 3000 * 4], Shape::vector(4)).unwrap();
    let found = nearest(&gaussian(3, 4, 6), &data, 3, Exclude::Nothing).unwrap();
    assert_eq!(found.indices, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    let found = nearest(&data.select(&[0, 1]).unwrap(), &data, 2, Exclude::SameIndex).unwrap();
    assert_eq!(found.indices, [1, 2, 0, 2]);
    assert_eq!(found.distances, [0.0; 4]);
}

#[test]
fn threads_and_batch_splits_change_no_byte() {
    let (queries, data) = (gaussian(400, 30, 7), gaussian(1500, 30, 8));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| nearest(&queries, &data, 4, Exclude::Nothing).unwrap())
    };
    let whole = with(1);
    assert!(whole == with(3));
    for q in [0, 127, 128, 399] {
        let one = nearest(&queries.select(&[q]).unwrap(), &data, 4, Exclude::Nothing).unwrap();
        assert_eq!(one.indices, whole.indices[4 * q..4 * q + 4]);
        assert_eq!(one.distances, whole.distances[4 * q..4 * q + 4]);
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let (queries, data) = (gaussian(3, 2, 9), gaussian(5, 2, 10));
    for k in [0, 6] {
        assert!(matches!(
            nearest(&queries, &data, k, Exclude::Nothing),
            Err(Error::Invalid { .. })
        ));
    }
    assert!(nearest(&data, &data, 5, Exclude::SameIndex).is_err());
    assert!(nearest(&queries, &gaussian(5, 3, 11), 1, Exclude::Nothing).is_err());
    assert!(nearest(&queries, &Batch::zeros(0, Shape::vector(2)), 1, Exclude::Nothing).is_err());
    let mut bad = data.clone();
    bad.as_mut_slice()[7] = f32::NAN;
    let message = nearest(&queries, &bad, 1, Exclude::Nothing).unwrap_err().to_string();
    assert!(message.contains("row 3, column 1"), "{message}");
    assert!(nearest(&bad, &data, 1, Exclude::Nothing).is_err());
    let none = nearest(&Batch::zeros(0, Shape::vector(2)), &data, 1, Exclude::Nothing).unwrap();
    assert!(none.indices.is_empty());
}

/// 40 points far apart; the first 25 of 100 samples lie within a tenth of their distance of one.
fn copied() -> (Batch, Batch) {
    let mut data = gaussian(40, 64, 12);
    data.as_mut_slice().iter_mut().for_each(|v| *v *= 10.0);
    let mut samples = gaussian(100, 64, 13);
    for i in 0..100 {
        let copy = data.row(i % 40).to_vec();
        for (v, c) in samples.as_mut_slice()[i * 64..(i + 1) * 64].iter_mut().zip(copy) {
            *v = if i < 25 { *v + c } else { *v * 10.0 };
        }
    }
    (samples, data)
}

#[test]
fn a_quarter_of_copies_is_a_quarter() {
    let (samples, data) = copied();
    let found = memorisation(&samples, &data, MEMORISED_RATIO).unwrap();
    assert_eq!((found.fraction, found.duplicates), (0.25, 0));
    assert!((0..25).all(|i| found.nearest[i] == i % 40 && found.ratios[i] < 0.2));
    assert!(found.ratios[25..].iter().all(|r| *r > 0.5 && *r <= 1.0));
    // Real data searched in itself is memorised whole.
    let own = memorisation(&data, &data, MEMORISED_RATIO).unwrap();
    assert_eq!((own.fraction, own.ratios[3]), (1.0, 0.0));
}

#[test]
fn duplicates_do_not_hide_copies() {
    let (samples, data) = copied();
    let mut repeated = data.clone();
    repeated.append(&data.select(&[0, 1, 2, 2, 3]).unwrap()).unwrap();
    let clean = memorisation(&samples, &data, MEMORISED_RATIO).unwrap();
    let found = memorisation(&samples, &repeated, MEMORISED_RATIO).unwrap();
    assert_eq!(found.duplicates, 5);
    assert_eq!((found.fraction, &found.ratios), (clean.fraction, &clean.ratios));
    assert_eq!(found.nearest, clean.nearest);
    // Zeros of either sign are the same point.
    let zeros = Batch::from_vec(vec![0.0, -0.0, 1.0], Shape::vector(1)).unwrap();
    assert_eq!(memorisation(&zeros, &zeros, 0.5).unwrap().duplicates, 1);
}

#[test]
fn a_rotation_and_a_shift_change_nothing() {
    let (samples, data) = copied();
    // A product of reflections: x - 2 <x, w> w.
    let turn = |batch: &Batch| {
        let mut out = batch.clone();
        for tag in 0..2 {
            let w: Vec<f64> =
                gaussian(1, 64, 20 + tag).as_slice().iter().map(|v| f64::from(*v)).collect();
            let norm2: f64 = w.iter().map(|v| v * v).sum();
            for row in out.as_mut_slice().chunks_mut(64) {
                let along: f64 = row.iter().zip(&w).map(|(x, w)| f64::from(*x) * w).sum();
                for (x, w) in row.iter_mut().zip(&w) {
                    *x = (f64::from(*x) - 2.0 * along / norm2 * w + 3.0) as f32;
                }
            }
        }
        out
    };
    let before = memorisation(&samples, &data, MEMORISED_RATIO).unwrap();
    let after = memorisation(&turn(&samples), &turn(&data), MEMORISED_RATIO).unwrap();
    assert_eq!((before.fraction, before.nearest), (after.fraction, after.nearest));
    assert!(before.ratios.iter().zip(&after.ratios).all(|(a, b)| (a - b).abs() < 1e-5));
    // Densities at points that are no copies; those of copies are infinite by neighbours.
    let points = gaussian(40, 64, 30);
    let near = |a: Vec<f64>, b: Vec<f64>| {
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())),
            "{a:?} {b:?}"
        );
    };
    let (turned, turned_data) = (turn(&points), turn(&data));
    near(
        knn_log_density(&points, &data, 5, Exclude::Nothing).unwrap(),
        knn_log_density(&turned, &turned_data, 5, Exclude::Nothing).unwrap(),
    );
    for rule in [Bandwidth::Scott, Bandwidth::Silverman, Bandwidth::Median] {
        near(
            kernel_log_density(&points, &data, rule, Exclude::Nothing).unwrap(),
            kernel_log_density(&turned, &turned_data, rule, Exclude::Nothing).unwrap(),
        );
    }
}

#[test]
fn memorisation_refuses_what_it_cannot_answer() {
    let (samples, data) = copied();
    assert!(memorisation(&samples.select(&[]).unwrap(), &data, 0.3).is_err());
    assert!(memorisation(&samples, &data.select(&[4, 4, 4]).unwrap(), 0.3).is_err());
    for threshold in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(memorisation(&samples, &data, threshold).is_err());
    }
    // Rows without an order between them must not get as far as being sorted.
    let mut holes = gaussian(500, samples.width(), 9);
    holes.as_mut_slice().iter_mut().step_by(3).for_each(|v| *v = f32::NAN);
    let holes = holes.reshaped(samples.shape().clone()).unwrap();
    let message = memorisation(&samples, &holes, 0.3).unwrap_err().to_string();
    assert!(message.contains("row 0, column 0"), "{message}");
    let one = memorisation(&samples.select(&[0]).unwrap(), &data, MEMORISED_RATIO).unwrap();
    assert_eq!(one.fraction, 1.0);
}

#[test]
fn the_density_of_a_normal_is_found() {
    let data = gaussian(20_000, 2, 30);
    let at = Batch::from_vec(vec![0.0, 0.0, 1.0, 0.0], Shape::vector(2)).unwrap();
    let found = knn_log_density(&at, &data, 200, Exclude::Nothing).unwrap();
    let peak = -std::f64::consts::TAU.ln();
    // Relative spread of a k-nearest-neighbour density is 1 / sqrt(k) = 0.07.
    assert!((found[0] - peak).abs() < 0.25 && (found[1] - peak + 0.5).abs() < 0.25, "{found:?}");
    // Excluding itself, four points of a unit grid in 1-D: k / (n V r) = 1 / (3 * 2 * 1).
    let grid = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(1)).unwrap();
    let own = knn_log_density(&grid, &grid, 1, Exclude::SameIndex).unwrap();
    assert!(own.iter().all(|p| (p + 6.0_f64.ln()).abs() < 1e-12));
    let twice = grid.select(&[0, 0, 1]).unwrap();
    assert_eq!(knn_log_density(&twice, &twice, 1, Exclude::SameIndex).unwrap()[0], f64::INFINITY);
}

#[test]
fn a_set_searched_in_itself_must_be_itself() {
    let data = Batch::from_vec(vec![0.0, 1.0, 2.0], Shape::vector(1)).unwrap();
    let more = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(1)).unwrap();
    assert!(nearest(&more, &data, 1, Exclude::SameIndex).is_err());
    assert!(nearest(&data, &data, 1, Exclude::SameIndex).is_ok());
}

#[test]
fn kernel_densities_are_those_of_scikit_learn() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden/kernel_density.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let d = case["d"].as_u64().unwrap() as usize;
        let batch = |key: &str| {
            let values: Vec<f32> = serde_json::from_value(case[key].clone()).unwrap();
            Batch::from_vec(values, Shape::vector(d)).unwrap()
        };
        let (data, queries) = (batch("data"), batch("queries"));
        for (rule, name) in [
            (Bandwidth::Scott, "scott"),
            (Bandwidth::Silverman, "silverman"),
            (Bandwidth::Median, "median"),
        ] {
            let width = case[name]["width"].as_f64().unwrap();
            assert!((rule.of(&data).unwrap() / width - 1.0).abs() < 1e-12, "{name}");
            let wanted: Vec<f64> = serde_json::from_value(case[name]["log_p"].clone()).unwrap();
            let found = kernel_log_density(&queries, &data, rule, Exclude::Nothing).unwrap();
            let left_out = kernel_log_density(&queries, &data, rule, Exclude::SameIndex).unwrap();
            for (i, wanted) in wanted.into_iter().enumerate() {
                assert!((found[i] - wanted).abs() < 1e-8 * wanted.abs().max(1.0), "{i} {wanted}");
                // Without row i it is the density of a data set that does not have it.
                let others: Vec<usize> = (0..data.len()).filter(|&j| j != i).collect();
                let (others, query) =
                    (data.select(&others).unwrap(), queries.select(&[i]).unwrap());
                let fixed = Bandwidth::Fixed { width };
                let alone = kernel_log_density(&query, &others, fixed, Exclude::Nothing).unwrap();
                assert!((left_out[i] - alone[0]).abs() < 1e-9 * alone[0].abs().max(1.0), "{i}");
            }
        }
    }
}

#[test]
fn a_kernel_density_far_from_the_data_is_finite_and_bad_widths_are_refused() {
    let data = gaussian(50, 300, 7);
    let far = Batch::from_vec(vec![1e4; 300], data.shape().clone()).unwrap();
    let log_p = kernel_log_density(&far, &data, Bandwidth::Scott, Exclude::Nothing).unwrap();
    assert!(log_p[0].is_finite() && log_p[0] < -1e9);
    let same = Batch::from_vec(vec![2.0; 600], data.shape().clone()).unwrap();
    for (data, bandwidth) in [
        (&same, Bandwidth::Scott),
        (&same, Bandwidth::Median),
        (&data, Bandwidth::Fixed { width: 0.0 }),
        (&data, Bandwidth::Fixed { width: f64::NAN }),
    ] {
        assert!(kernel_log_density(&far, data, bandwidth, Exclude::Nothing).is_err());
    }
    let one = Batch::from_vec(vec![2.0; 300], data.shape().clone()).unwrap();
    assert!(Bandwidth::Scott.of(&one).is_err());
    assert!(kernel_log_density(&data, &same, Bandwidth::Scott, Exclude::SameIndex).is_err());
}
