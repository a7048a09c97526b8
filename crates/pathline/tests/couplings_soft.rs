#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so when they are skipped"
)]
//! Entropic plans against POT, exact OT and their own optimality conditions; labels kept independent.

use pathline::coupling::{
    ConditionAware, Coupling, CouplingSpec, LabelledCoupling, MinibatchOt, Plan, Sinkhorn,
    assignment, squared_distances,
};
use pathline::{Batch, Error, Purpose, Seed, Shape};
use proptest::prelude::*;
use serde_json::Value;

fn gaussian(n: usize, d: usize, tag: u64) -> Batch {
    let mut batch = Batch::zeros(n, Shape::vector(d));
    Seed(12).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

fn batch(rows: &Value) -> Batch {
    let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
    let d = rows[0].len();
    Batch::from_vec(rows.into_iter().flatten().collect(), Shape::vector(d)).unwrap()
}

fn dense(plan: &Plan) -> Vec<f64> {
    (0..plan.source_potentials.len()).flat_map(|i| plan.row(i)).collect()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The plan from target to source.
fn turned(plan: &Plan) -> Vec<f64> {
    let (dense, m) = (dense(plan), plan.target_potentials.len());
    (0..m).flat_map(|j| dense.iter().copied().skip(j).step_by(m)).collect()
}

/// Off by how much, in all, rows and columns are.
fn marginal_errors(plan: &Plan) -> [f64; 2] {
    let (n, m) = (plan.source_potentials.len(), plan.target_potentials.len());
    let dense = dense(plan);
    let row = |i: usize| (dense[i * m..(i + 1) * m].iter().sum::<f64>() - 1.0 / n as f64).abs();
    let column = |j: usize| (dense.iter().skip(j).step_by(m).sum::<f64>() - 1.0 / m as f64).abs();
    [(0..n).map(row).sum(), (0..m).map(column).sum()]
}

#[test]
fn plans_agree_with_pot() {
    let golden: Value = serde_json::from_str(include_str!("golden/sinkhorn.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let settings = Sinkhorn {
            reg: case["reg"].as_f64().unwrap(),
            relative: case["relative"].as_bool().unwrap(),
            iterations: 20_000,
            tolerance: 1e-12,
            allow_unconverged: true,
        };
        // POT sets the columns' potential first, and two cases are still on their way after all of
        // its iterations: with the sides exchanged, ours is at the same place.
        let plan = settings.plan(&batch(&case["y"]), &batch(&case["x"])).unwrap();
        let wanted: Vec<f64> = serde_json::from_value(case["plan"].clone()).unwrap();
        // Costs are f32, so the exponents are off by about 1e-7 of cost over regularisation.
        let steep = if settings.relative { 10.0 / settings.reg } else { 30.0 / settings.reg };
        let largest = wanted.iter().copied().fold(0.0, f64::max);
        let off = largest_difference(&turned(&plan), &wanted) / largest;
        eprintln!("{} {settings:?}: {off:e}, {} iterations", case["name"], plan.iterations);
        assert!(off < 2e-7 * steep, "{}: {off}", case["name"]);
        let cost = case["cost"].as_f64().unwrap();
        assert!((plan.transport_cost() - cost).abs() < 1e-6 * cost, "{}", plan.transport_cost());
        // Moving the mass that is off costs at most the largest cost, below 100, for each unit.
        let least = case["exact"].as_f64().unwrap() * (1.0 - 1e-6) - 100.0 * plan.marginal_error;
        assert!(plan.transport_cost() > least, "{} {least}", plan.transport_cost());
    }
}

#[test]
fn the_shared_closed_form_is_met() {
    let shared = std::env::var("PATHLINE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{shared}/golden/flow_closed_forms.json"))
    else {
        eprintln!("SKIPPED: no shared/golden/flow_closed_forms.json");
        return;
    };
    let golden: Value = serde_json::from_str::<Value>(&text).unwrap()["ot"].take();
    let plan = |reg| {
        // The numbers are those after 100 000 iterations, which set the columns' potential first.
        let settings = Sinkhorn {
            reg,
            relative: false,
            iterations: 100_000,
            tolerance: 1e-10,
            allow_unconverged: true,
        };
        settings.plan(&batch(&golden["Y"]), &batch(&golden["X"])).unwrap()
    };
    let wanted = golden["sinkhorn2_reg0.05"].as_f64().unwrap();
    assert!((plan(0.05).transport_cost() - wanted).abs() < 1e-6, "{wanted}");
    for (reg, key) in [(0.05, "sinkhorn_row0_reg0.05"), (0.5, "sinkhorn_row0_reg0.5")] {
        let row: Vec<f64> = serde_json::from_value(golden[key].clone()).unwrap();
        assert!(largest_difference(&turned(&plan(reg))[..6], &row) < 1e-6, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn marginals_are_within_the_tolerance(
        n in 1_usize..40, m in 1_usize..40, d in 1_usize..6, reg in 0.1_f64..2.0, tag in 0_u64..1000
    ) {
        let settings = Sinkhorn { reg, iterations: 100_000, ..Sinkhorn::default() };
        let plan = settings.plan(&gaussian(n, d, tag), &gaussian(m, d, tag + 1000)).unwrap();
        let [rows, columns] = marginal_errors(&plan);
        prop_assert!(plan.converged && plan.iterations >= 1);
        prop_assert!(plan.marginal_error <= settings.tolerance);
        prop_assert!((rows - plan.marginal_error).abs() < 1e-12, "{rows}");
        prop_assert!(columns < 1e-12, "{columns}");
    }
}

#[test]
fn small_reg_nears_exact_ot_and_large_reg_the_independent_plan() {
    let n = 32;
    let (source, target) = (gaussian(n, 2, 1), gaussian(n, 2, 2));
    let cost = squared_distances(&source, &target).unwrap();
    let exact = assignment(&cost, n).unwrap().cost / n as f64;
    let at = |reg| {
        let settings =
            Sinkhorn { reg, iterations: 200_000, tolerance: 1e-5, ..Sinkhorn::default() };
        settings.plan(&source, &target).unwrap()
    };
    let mut before = f64::INFINITY;
    for reg in [1.0, 0.1, 0.01, 1e-3] {
        let found = at(reg).transport_cost();
        assert!(found > exact * (1.0 - 1e-3) && found < before, "{reg}: {found} {exact}");
        before = found;
    }
    assert!(before < 1.01 * exact, "{before} {exact}");
    let uniform = vec![1.0 / (n * n) as f64; n * n];
    assert!(largest_difference(&dense(&at(1e6)), &uniform) < 1e-5 / (n * n) as f64);
}

#[test]
fn scale_and_offset_do_not_matter() {
    let (source, target) = (gaussian(20, 3, 3), gaussian(20, 3, 4));
    let moved = |batch: &Batch, scale: f32, offset: f32| {
        let values = batch.as_slice().iter().map(|v| v * scale + offset).collect();
        Batch::from_vec(values, Shape::vector(3)).unwrap()
    };
    let wanted = dense(&Sinkhorn::default().plan(&source, &target).unwrap());
    for (scale, offset) in [(1e15, 0.0), (1e-15, 0.0), (1.0, 100.0), (1024.0, -3e4)] {
        let (source, target) = (moved(&source, scale, offset), moved(&target, scale, offset));
        let plan = Sinkhorn::default().plan(&source, &target).unwrap();
        let off = largest_difference(&dense(&plan), &wanted) * 20.0;
        assert!(off < 2e-3, "{scale} {offset}: {off}");
        assert!(plan.transport_cost().is_finite());
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_the_remedy() {
    let (source, target) = (gaussian(30, 3, 5), gaussian(30, 3, 6));
    let short = Sinkhorn { reg: 1e-4, iterations: 3, ..Sinkhorn::default() };
    let message = short.plan(&source, &target).unwrap_err().to_string();
    for part in ["after 3 iterations", "larger reg", "more iterations", "allow_unconverged"] {
        assert!(message.contains(part), "{message}");
    }
    let allowed = Sinkhorn { allow_unconverged: true, ..short };
    let plan = allowed.plan(&source, &target).unwrap();
    assert!(!plan.converged && plan.iterations == 3 && plan.marginal_error > 1e-3);
    assert!((marginal_errors(&plan)[0] - plan.marginal_error).abs() < 1e-12);

    let mut spoilt = target.clone();
    spoilt.as_mut_slice()[4] = f32::NAN;
    assert!(Sinkhorn::default().pair(&source, &spoilt, Seed(0), 0).is_err());
    for cost in [f32::NAN, f32::INFINITY, -1.0] {
        let message = Sinkhorn::default().plan_for_cost(vec![0.0, 1.0, cost, 1.0], 2, 2);
        assert!(message.unwrap_err().to_string().contains("row 1, column 0"));
    }
    let good = Sinkhorn::default();
    for reg in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e-20] {
        assert!(Sinkhorn { reg, ..good }.plan(&source, &target).is_err(), "{reg}");
    }
    assert!(Sinkhorn { tolerance: f64::NAN, ..good }.plan(&source, &target).is_err());
    assert!(Sinkhorn { iterations: 0, ..good }.plan(&source, &target).is_err());
    assert!(good.plan_for_cost(vec![1.0; 3], 2, 2).is_err());
    assert!(good.plan_for_cost(Vec::new(), 2, 0).is_err());
    assert!(good.plan_for_cost(Vec::new(), usize::MAX, 2).is_err());
}

#[test]
fn empty_single_and_equal_batches_have_plans() {
    let empty = Batch::zeros(0, Shape::vector(3));
    assert!(Sinkhorn::default().pair(&empty, &empty, Seed(0), 0).unwrap().is_empty());
    let plan = Sinkhorn::default().plan(&gaussian(1, 3, 1), &gaussian(1, 3, 2)).unwrap();
    assert!((plan.row(0)[0] - 1.0).abs() < 1e-12 && plan.row(1).is_empty());
    assert_eq!(plan.draw(Seed(0), 0), [0]);
    let equal = Batch::zeros(4, Shape::vector(3));
    let plan = Sinkhorn::default().plan(&equal, &equal).unwrap();
    assert!(dense(&plan).iter().all(|p| (p - 1.0 / 16.0).abs() < 1e-15));
}

#[test]
fn no_byte_depends_on_the_number_of_threads() {
    let (source, target) = (gaussian(150, 20, 7), gaussian(150, 20, 8));
    let labels: Vec<u32> = (0..150).map(|i| i % 3).collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let plan = Sinkhorn::default().plan(&source, &target).unwrap();
            let aware = ConditionAware(Sinkhorn::default());
            let pairs = aware.pair_labelled(&source, &target, Some(&labels), Seed(1), 2).unwrap();
            (plan.draw(Seed(1), 2), pairs, plan.transport_cost().to_bits(), plan)
        })
    };
    assert!(with(1) == with(3));
}

#[test]
fn drawn_pairs_are_as_frequent_as_the_plan_says() {
    let n = 8;
    let plan = Sinkhorn { reg: 0.3, tolerance: 1e-12, ..Sinkhorn::default() }
        .plan(&gaussian(n, 2, 9), &gaussian(n, 2, 10))
        .unwrap();
    let draws = 20_000_u64;
    let mut counts = vec![0.0; n * n];
    for step in 0..draws {
        let pairs = plan.draw(Seed(3), step);
        pairs.iter().enumerate().for_each(|(i, &j)| counts[i * n + j] += 1.0);
    }
    let (mut statistic, mut cells) = (0.0, 0.0);
    for (count, mass) in counts.iter().zip(dense(&plan)) {
        let expected = mass * n as f64 * draws as f64;
        if expected > 5.0 {
            statistic += (count - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    // Chi-square with about `freedom` degrees of freedom: mean `freedom`, variance twice that.
    let freedom: f64 = cells - n as f64;
    assert!((statistic - freedom).abs() < 5.0 * (2.0 * freedom).sqrt(), "{statistic} {freedom}");
    let repeated = plan.draw(Seed(3), 0).iter().collect::<std::collections::BTreeSet<_>>().len();
    assert!(repeated < n, "a draw is not a permutation");
}

/// The largest |z| over the labels of the mean source value along the axis that tells them apart.
fn skew(pair: impl Fn(&Batch, &Batch, &[u32], u64) -> Vec<usize>) -> f64 {
    let (n, batches) = (64, 40);
    let mut sum = [0.0_f64; 2];
    let mut count = [0.0_f64; 2];
    for step in 0..batches {
        let source = gaussian(n, 2, 100 + step);
        let mut target = gaussian(n, 2, 5000 + step);
        let mut stream = Seed(4).stream(Purpose::Data, step, 1);
        let labels: Vec<u32> = (0..n).map(|_| u32::from(stream.uniform() < 0.3)).collect();
        for (row, &label) in target.as_mut_slice().chunks_mut(2).zip(&labels) {
            row[0] += if label == 1 { 4.0 } else { -4.0 };
        }
        for (i, &j) in pair(&source, &target, &labels, step).iter().enumerate() {
            sum[labels[j] as usize] += f64::from(source.row(i)[0]);
            count[labels[j] as usize] += 1.0;
        }
    }
    sum.iter().zip(count).map(|(s, c)| (s / c.sqrt()).abs()).fold(0.0, f64::max)
}

#[test]
fn labels_stay_independent_of_the_source_where_plain_ot_skews_them() {
    let aware = skew(|source, target, labels, step| {
        let aware = ConditionAware::<MinibatchOt>::default();
        let pairs = aware.pair_labelled(source, target, Some(labels), Seed(0), step).unwrap();
        let mut sorted = pairs.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..source.len()), "not a permutation");
        assert!(pairs.iter().enumerate().all(|(i, &j)| labels[i] == labels[j]));
        pairs
    });
    let plain =
        skew(|source, target, _, step| MinibatchOt.pair(source, target, Seed(0), step).unwrap());
    assert!(aware < 4.0, "z = {aware}");
    assert!(plain > 20.0, "z = {plain}");
    eprintln!("largest |z| of a label's mean source: aware {aware:.2}, plain {plain:.1}");
}

#[test]
fn one_label_is_plain_ot_and_bad_labels_are_refused() {
    let (source, target) = (gaussian(30, 3, 11), gaussian(30, 3, 12));
    let aware = ConditionAware::<MinibatchOt>::default();
    let pair = |labels: &[u32]| aware.pair_labelled(&source, &target, Some(labels), Seed(0), 0);
    assert_eq!(pair(&[5; 30]).unwrap(), MinibatchOt.pair(&source, &target, Seed(0), 0).unwrap());
    assert!(pair(&(0..30).collect::<Vec<_>>()).unwrap().into_iter().eq(0..30));
    assert!(matches!(pair(&[5; 29]), Err(Error::Count { .. })));
    let empty = Batch::zeros(0, Shape::vector(3));
    assert!(aware.pair_labelled(&empty, &empty, Some(&[]), Seed(0), 0).unwrap().is_empty());
    let message = aware.pair_labelled(&source, &target, None, Seed(0), 0).unwrap_err().to_string();
    assert!(message.contains("labels"), "{message}");
    // A coupling without labels is one that does not look at them.
    let plain = MinibatchOt.pair_labelled(&source, &target, Some(&[9]), Seed(0), 0).unwrap();
    assert_eq!(plain, MinibatchOt.pair(&source, &target, Seed(0), 0).unwrap());
}

#[test]
fn specs_name_sinkhorn_and_refuse_the_rest() {
    let read = serde_json::from_str::<CouplingSpec>;
    let spec = read(r#"{"kind": "sinkhorn", "reg": 0.1}"#).unwrap();
    assert_eq!(spec.build().name(), "sinkhorn");
    assert!(matches!(
        spec,
        CouplingSpec::Sinkhorn { reg: 0.1, relative: true, iterations: 1000, .. }
    ));
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<CouplingSpec>(&text).unwrap(), spec);
    assert!(read(r#"{"kind": "sinkhorn", "regularisation": 0.1}"#).is_err());
    let bad = read(r#"{"kind": "sinkhorn", "reg": -1}"#).unwrap().build();
    let (source, target) = (gaussian(2, 1, 1), gaussian(2, 1, 2));
    assert!(bad.pair_labelled(&source, &target, None, Seed(0), 0).is_err());
}
