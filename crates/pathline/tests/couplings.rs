#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so when they are skipped"
)]
//! Couplings against brute force, SciPy, POT and the duality theorem.

use pathline::coupling::{Assignment, CouplingSpec, assignment, squared_distances};
use pathline::{Batch, Error, Purpose, Seed, Shape};
use proptest::prelude::*;
use serde_json::Value;

fn brute_force(cost: &[f32], n: usize) -> f64 {
    fn rest(cost: &[f32], n: usize, row: usize, used: u32) -> f64 {
        if row == n {
            return 0.0;
        }
        (0..n)
            .filter(|j| used & (1 << j) == 0)
            .map(|j| f64::from(cost[row * n + j]) + rest(cost, n, row + 1, used | 1 << j))
            .fold(f64::INFINITY, f64::min)
    }
    rest(cost, n, 0, 0)
}

/// A permutation, the duals feasible, and no gap: together these prove optimality.
fn check_optimal(cost: &[f32], n: usize, found: &Assignment) {
    let mut sorted = found.column_of_row.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "not a permutation");
    let scale = cost.iter().fold(0.0_f64, |a, c| a.max(f64::from(c.abs())));
    let tolerance = 1e-12 * scale * n as f64;
    for i in 0..n {
        for j in 0..n {
            let slack = f64::from(cost[i * n + j]) - found.row_duals[i] - found.column_duals[j];
            assert!(slack >= -tolerance, "dual infeasible by {slack} at {i}, {j}");
            if found.column_of_row[i] == j {
                assert!(slack <= tolerance, "matched pair not tight: {slack}");
            }
        }
    }
    let dual: f64 = found.row_duals.iter().chain(&found.column_duals).sum();
    assert!((dual - found.cost).abs() <= tolerance * n as f64, "gap {}", dual - found.cost);
}

fn solve(cost: &[f32], n: usize) -> Assignment {
    let found = assignment(cost, n).unwrap();
    check_optimal(cost, n, &found);
    found
}

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(11).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn small_problems_match_brute_force(
        n in 0_usize..=7,
        values in prop::collection::vec(-1000.0_f32..1000.0, 49),
        levels in 1_u8..5,
    ) {
        let real = &values[..n * n];
        let wanted = brute_force(real, n);
        prop_assert!((solve(real, n).cost - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()));
        // Few levels: nearly everything tied.
        let tied: Vec<f32> = real.iter().map(|v| (v.abs() as u32 % u32::from(levels)) as f32).collect();
        prop_assert_eq!(solve(&tied, n).cost, brute_force(&tied, n));
        // One row repeated, one column constant.
        let mut degenerate = real.to_vec();
        for i in 0..n {
            degenerate[i * n] = 5.0;
            if i > 0 {
                degenerate.copy_within(0..n, i * n * usize::from(i % 2 == 0));
            }
        }
        let wanted = brute_force(&degenerate, n);
        prop_assert!((solve(&degenerate, n).cost - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()));
    }

    #[test]
    fn any_scale_is_solved(exponent in -44_i32..37, seed in 0_u64..1000) {
        let n = 6;
        let mut noise = vec![0.0_f32; n * n];
        Seed(seed).normal(Purpose::Data, 0, 0, &mut noise);
        let cost: Vec<f32> = noise.iter().map(|v| (f64::from(*v) * 10_f64.powi(exponent)) as f32).collect();
        let wanted = brute_force(&cost, n);
        prop_assert!((solve(&cost, n).cost - wanted).abs() <= 1e-12 * wanted.abs() + 1e-60);
    }
}

#[test]
fn adversarial_ties_end_and_are_optimal() {
    let n = 300;
    let fill = |f: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
        (0..n * n).map(|e| f(e / n, e % n)).collect()
    };
    let ulp = f32::EPSILON;
    solve(&fill(&|_, _| 0.0), n);
    solve(&fill(&|_, _| -3.5), n);
    solve(&fill(&|i, _| i as f32), n);
    solve(&fill(&|_, j| j as f32), n);
    solve(&fill(&|i, j| ((i + 1) * (j + 1)) as f32), n);
    solve(&fill(&|i, j| (i / 10 == j / 10) as u8 as f32), n);
    // Differences of one unit in the last place, on top of a large offset.
    solve(&fill(&|i, j| 1.0 + ulp * ((i * 7 + j * 13) % 3) as f32), n);
    solve(&fill(&|i, j| 1e6 * (1.0 + ulp * ((i * j) % 5) as f32)), n);
    // A column that everybody wants, by a hair.
    solve(&fill(&|i, j| if j == 0 { 1.0 } else { 1.0 + ulp * (1 + i % 2) as f32 }), n);
    // Magnitudes from tiny to huge in one matrix.
    solve(&fill(&|i, j| 10_f32.powi(((i * 31 + j * 17) % 50) as i32 - 25)), n);
    solve(&fill(&|i, j| if (i + j) % 2 == 0 { f32::MAX } else { f32::MIN }), n);
}

#[test]
fn a_large_problem_is_proved_optimal_by_its_duals() {
    for (d, tag) in [(2, 0), (64, 10)] {
        let cost = squared_distances(&gaussian(500, d, tag), &gaussian(500, d, tag + 1)).unwrap();
        solve(&cost, 500);
    }
}

#[test]
fn costs_match_scipy() {
    let golden: Value = serde_json::from_str(include_str!("golden/assignment.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let n = case["n"].as_u64().unwrap() as usize;
        let (levels, seed) = (case["levels"].as_u64().unwrap(), case["seed"].as_u64().unwrap());
        // The generator of the script beside the numbers: a 64-bit linear congruential one.
        let mut state = seed;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % levels) as f32
        };
        let cost: Vec<f32> = (0..n * n).map(|_| draw()).collect();
        assert_eq!(solve(&cost, n).cost, case["cost"].as_f64().unwrap(), "{case}");
    }
}

fn shared(name: &str) -> Option<Value> {
    let root = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let Ok(text) = std::fs::read_to_string(root.join(name)) else {
        eprintln!("SKIPPED: {name} is not in {} (set PATHLINE_SHARED)", root.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn six_points_are_paired_as_pot_does() {
    let Some(golden) = shared("golden/flow_closed_forms.json") else { return };
    let points = |key: &str| {
        let rows: Vec<[f32; 2]> = serde_json::from_value(golden["ot"][key].clone()).unwrap();
        Batch::from_vec(rows.concat(), Shape::vector(2)).unwrap()
    };
    let (source, target) = (points("X"), points("Y"));
    let coupling = CouplingSpec::MinibatchOt {}.build();
    assert_eq!(
        coupling.pair_labelled(&source, &target, None, Seed(0), 0).unwrap(),
        [2, 4, 5, 1, 3, 0]
    );
    let cost = squared_distances(&source, &target).unwrap();
    assert!((assignment(&cost, 6).unwrap().cost / 6.0 - 0.45).abs() < 1e-6);
}

#[test]
fn distances_match_a_direct_sum_far_from_the_origin() {
    let (mut a, mut b) = (gaussian(70, 33, 1), gaussian(41, 33, 2));
    for v in a.as_mut_slice().iter_mut().chain(b.as_mut_slice()) {
        *v += 1000.0;
    }
    let cost = squared_distances(&a, &b).unwrap();
    for i in 0..70 {
        for j in 0..41 {
            let direct: f64 =
                a.row(i).iter().zip(b.row(j)).map(|(x, y)| f64::from(x - y).powi(2)).sum();
            assert!((f64::from(cost[i * 41 + j]) / direct - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn distances_match_a_direct_sum_around_the_width_of_a_panel() {
    for d in [1, 383, 384, 385, 1000] {
        let (a, b) = (gaussian(5, d, 7), gaussian(3, d, 8));
        let cost = squared_distances(&a, &b).unwrap();
        for (e, &found) in cost.iter().enumerate() {
            let pairs = a.row(e / 3).iter().zip(b.row(e % 3));
            let wanted: f64 = pairs.map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
            assert!((f64::from(found) - wanted).abs() < 1e-5 * (d as f64 + wanted), "{d}");
        }
    }
}

#[test]
fn pairs_do_not_depend_on_the_number_of_threads() {
    let (source, target) = (gaussian(600, 500, 3), gaussian(600, 500, 4));
    let coupling = CouplingSpec::MinibatchOt {}.build();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let cost = squared_distances(&source, &target).unwrap();
            (cost, coupling.pair_labelled(&source, &target, None, Seed(0), 0).unwrap())
        })
    };
    assert!(with(1) == with(3));
}

#[test]
fn a_shuffled_batch_is_put_back_in_order() {
    let source = gaussian(200, 5, 5);
    let order = Seed(1).stream(Purpose::Resample, 0, 0).permutation(200);
    let target = source.select(&order).unwrap();
    let pairs = CouplingSpec::MinibatchOt {}
        .build()
        .pair_labelled(&source, &target, None, Seed(0), 0)
        .unwrap();
    assert!(pairs.iter().enumerate().all(|(i, &j)| order[j] == i));
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let bad = assignment(&[0.0, 1.0, f32::NAN, 2.0], 2).unwrap_err().to_string();
    assert!(bad.contains("row 1, column 0"), "{bad}");
    assert!(assignment(&[f32::INFINITY], 1).is_err());
    assert!(assignment(&[f32::NAN, 1.0, 2.0, 3.0], 2).is_err());
    assert!(matches!(assignment(&[1.0; 3], 2), Err(Error::Count { expected: 4, found: 3, .. })));
    assert!(assignment(&[], usize::MAX).is_err());
    assert_eq!(assignment(&[], 0).unwrap().cost, 0.0);
    assert_eq!(assignment(&[-7.0], 1).unwrap().column_of_row, [0]);

    let (good, mut spoilt) = (gaussian(4, 3, 6), gaussian(4, 3, 7));
    spoilt.as_mut_slice()[7] = f32::NAN;
    let (short, wide) = (gaussian(3, 3, 8), gaussian(4, 2, 9));
    for spec in [CouplingSpec::Independent {}, CouplingSpec::MinibatchOt {}] {
        let pair = |target| spec.build().pair_labelled(&good, target, None, Seed(0), 0);
        assert!(matches!(pair(&short), Err(Error::Count { .. })));
        assert!(matches!(pair(&wide), Err(Error::Shape { .. })));
        let empty = Batch::zeros(0, Shape::vector(3));
        assert!(spec.build().pair_labelled(&empty, &empty, None, Seed(0), 0).unwrap().is_empty());
    }
    assert!(
        CouplingSpec::MinibatchOt {}
            .build()
            .pair_labelled(&good, &spoilt, None, Seed(0), 0)
            .is_err()
    );
    let huge = Batch::from_vec(vec![f32::MAX; 12], Shape::vector(3)).unwrap();
    assert!(squared_distances(&good, &huge).is_err());
}

#[test]
fn specs_name_what_they_build_and_refuse_the_rest() {
    for spec in [CouplingSpec::Independent {}, CouplingSpec::MinibatchOt {}] {
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<CouplingSpec>(&text).unwrap(), spec);
        assert!(text.contains(spec.build().name()));
        let extra = text.replace('}', r#","more":1}"#);
        assert!(serde_json::from_str::<CouplingSpec>(&extra).is_err(), "{extra}");
    }
    assert!(serde_json::from_str::<CouplingSpec>(r#"{"kind":"ot"}"#).is_err());
}
