//! What `measure` says of fields and recordings whose answers are known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;

use pathline::kernels::squared_distance;
use pathline::neighbours::Bandwidth;
use pathline::spec::{SampleSpec, from_json};
use pathline::{Batch, Seed, Shape, Source};
use pathline_data::DataSet;
use pathline_study::{
    Beside, DensityEstimate, DensityRelation, DensityRule, Files, Hints, Measurement, Precision,
    Resizing, SetFeatures, convert, measure, measure_field, measurement_page, sample,
};

fn spec(field: &str, samples: usize) -> SampleSpec {
    let text = format!(
        r#"{{"field": {field}, "seed": 3, "samples": {samples},
            "run": {{"solver": {{"kind": "euler"}}, "stepping": {{"kind": "uniform", "steps": 24}}}}}}"#
    );
    from_json("spec", &text).unwrap()
}

fn moons() -> DataSet {
    Files.data_set("moons:300").unwrap()
}

#[test]
fn a_perfect_memoriser_is_called_one_by_every_part() {
    let images = Files.data_set("fashion-mnist").unwrap();
    let field = r#"{"kind": "empirical", "data": "fashion-mnist"}"#;
    let (_, found) =
        measure_field(&spec(field, 60), "memoriser", Some(&Beside::new(images)), &mut ()).unwrap();

    let memorised = found.memorisation.as_ref().unwrap();
    assert_eq!(memorised.fraction.value, 1.0);
    assert!(memorised.floor.unwrap().value < 0.05);
    assert_eq!(memorised.closest.len(), 20);
    assert!(memorised.closest.windows(2).all(|pair| pair[0].ratio <= pair[1].ratio));

    let dominance = found.dominance.as_ref().unwrap();
    assert_eq!(dominance.share.value, 1.0);
    let first = dominance.curve.first().unwrap();
    assert!((first.entropy.median - 2000.0_f64.ln()).abs() < 1e-6 && first.t == 0.0);
    assert!(dominance.curve.last().unwrap().max_weight.least > 0.999);

    // An exact field is a gradient: nothing above the numerical floor but noise of its size.
    assert!(found.rotation.len() == 5, "{:?}", found.rotation);
    for at in &found.rotation {
        assert!(at.curl.share.estimate.value < 1e-3, "{at:?}");
    }
    assert!(found.quality.as_ref().unwrap().precision.value > 0.99);
    pages(&found);
}

/// The page of a measurement can be drawn, and its numbers survive as JSON.
fn pages(found: &Measurement) {
    let page = pathline_view::html(&measurement_page(found, "pathline measure")).unwrap();
    assert!(page.contains("Commitment to one point") && page.contains("The samples as a set"));
    let text = serde_json::to_string(found).unwrap();
    let again: Measurement = serde_json::from_str(&text).unwrap();
    assert_eq!(again.rows().len(), found.rows().len());
}

/// A recording of real points as if they were samples, with the energies of straight lines from noise that
/// has nothing to do with them: what a study of energy and density finds where no model was.
#[test]
fn where_no_model_was_energy_has_nothing_beyond_the_null() {
    let data = moons();
    let shape = Shape::vector(2);
    let sampled =
        sample(&spec(r#"{"kind": "empirical", "data": "moons:300"}"#, 300), &Files, &mut ());
    let mut recording = sampled.unwrap().recording;
    let end = Batch::from_vec(data.batch.as_slice().to_vec(), shape.clone()).unwrap();
    let noise = Source::new(Seed(77), end.len()).noise(&shape);
    let energy: Vec<f64> = end
        .rows()
        .iter()
        .zip(noise.rows().iter())
        .map(|(a, b)| 0.5 * squared_distance(a, b))
        .collect();
    recording.states = vec![end];
    recording.times = vec![1.0];
    recording.diagnostics = BTreeMap::from([("energy.left".to_owned(), energy)]);
    let found = measure(&recording, "no model", Some(&Beside::new(data))).unwrap();
    let density = &found.density[0];
    assert_eq!(found.density.len(), 1);
    let of = |what: &str| {
        density
            .correlations
            .iter()
            .find(|(name, _)| name.starts_with(what))
            .map(|(_, e)| *e)
            .unwrap()
    };
    let difference = of("energy less null");
    assert!(difference.contains(0.0) && difference.high - difference.low < 0.5, "{difference:?}");
    assert!(found.dominance.is_none() && found.rotation.is_empty());
}

#[test]
fn samples_of_another_law_are_far_from_the_data() {
    let data = moons();
    let ring = r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#;
    let (_, found) =
        measure_field(&spec(ring, 100), "ring", Some(&Beside::new(data.clone())), &mut ()).unwrap();
    let quality = found.quality.unwrap();
    assert!(quality.kid.low > 0.0 && quality.precision.value < 0.2, "{quality:?}");
    assert!(quality.frechet.value > 10.0 * quality.frechet_floor);
    assert!(quality.density.value < 0.2 && quality.coverage.high < 0.5 * quality.expected_coverage);
    let extrapolated = quality.frechet_extrapolated.unwrap();
    assert!((extrapolated / quality.frechet.value - 1.0).abs() < 0.5, "{extrapolated}");
    assert!(found.rotation.iter().all(|at| at.curl.share.estimate.value < 1e-3));
    assert_eq!(found.memorisation.unwrap().data, data.name);
}

#[test]
fn a_network_is_probed_in_single_precision_whatever_it_ran_in() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sit_tiny.pt");
    let hints = Hints { heads: Some(3), shape: None };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sit.safetensors");
    std::fs::write(&path, convert(&golden, &hints, Precision::Single).unwrap().bytes).unwrap();
    let rotation = |precision: &str| {
        let class = r#"{"kind": "one", "class": 1}"#;
        let (checkpoint, precision) = (path.to_str().unwrap(), format!("{precision:?}"));
        let field = format!(
            r#"{{"kind": "network", "checkpoint": {checkpoint:?}, "class": {class}, "precision": {precision}}}"#
        );
        measure_field(&spec(&field, 20), "network", None, &mut ()).unwrap().1.rotation
    };
    let (single, half) = (rotation("f32"), rotation("bf16"));
    for (a, b) in single.iter().zip(&half) {
        let (share, other) = (a.curl.share.estimate.value, b.curl.share.estimate.value);
        // A network of random weights is no gradient. The states differ by the run's rounding.
        assert!(share > 0.1 && (share - other).abs() < 0.05 * share, "{share} {other}");
        assert!(b.curl.floor < 0.01 * share, "{b:?}");
    }
    assert_eq!(single.len(), 5);
}

#[test]
fn features_from_a_file_are_those_of_the_network_in_it() {
    let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let beside = Beside::new(Files.data_set("fashion-mnist").unwrap());
    let judge = SetFeatures::read(&assets.join("fashion-mnist-judge.safetensors"), None).unwrap();
    let named = Beside { features: Some(judge), ..beside.clone() };
    let recording =
        sample(&spec(r#"{"kind": "empirical", "data": "fashion-mnist"}"#, 50), &Files, &mut ());
    let recording = recording.unwrap().recording;
    let of = |beside: &Beside| measure(&recording, "", Some(beside)).unwrap().quality.unwrap();
    let (a, b) = (of(&beside), of(&named));
    assert_eq!((a.kid, a.frechet, a.recall, a.real), (b.kid, b.frechet, b.recall, 2000));
    assert!(a.on.contains("embedded judge") && b.on.contains("fashion-mnist-judge"));
    let Ok(nets) = std::env::var("PATHLINE_FEATURE_NETS") else {
        eprintln!("SKIPPED: no folder of feature networks in PATHLINE_FEATURE_NETS");
        return;
    };
    let net = std::path::Path::new(&nets).join("efficientnet-lite0-57934424.pth");
    assert!(SetFeatures::read(&net, Some(Resizing::CornerBilinear)).is_err());
    let net = Some(SetFeatures::read(&net, None).unwrap());
    let found = of(&Beside { features: net, real: 60, ..beside });
    assert_eq!((found.real, found.on.as_str()), (60, "the features of EfficientNet-Lite0"));
    assert!(found.precision.value > 0.3, "{found:?}");
}

/// Real images as if they were samples of their classes.
fn images_as_samples(count: usize) -> (pathline::recording::Recording, DataSet) {
    let data = Files.data_set("fashion-mnist-test").unwrap();
    let sampled = sample(
        &spec(r#"{"kind": "empirical", "data": "fashion-mnist-test"}"#, count),
        &Files,
        &mut (),
    );
    let mut recording = sampled.unwrap().recording;
    recording.states = vec![data.batch.select(&(0..count).collect::<Vec<_>>()).unwrap()];
    recording.times = vec![1.0];
    recording.labels = Some(data.labels.as_ref().unwrap()[..count].to_vec());
    (recording, data)
}

#[test]
fn recognition_is_ranked_within_class() {
    let (mut recording, data) = images_as_samples(200);
    let labels = recording.labels.clone().unwrap();
    let judged = pathline_study::embedded_judge().unwrap().classify(&recording.states[0]).unwrap();
    let margins = judged.margins(&labels).unwrap();
    // Within a class energy rises with the margin; between classes it falls steeply with the class.
    let energy = margins.iter().zip(&labels).map(|(m, &class)| m + 1e4 * f64::from(10 - class));
    recording.diagnostics = BTreeMap::from([("energy.left".to_owned(), energy.collect())]);
    let found = measure(&recording, "images", Some(&Beside::new(data.clone()))).unwrap();
    let seen = found.recognition.as_ref().unwrap();
    let right = judged.classes().iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert_eq!(seen.agreement.value, right as f64 / 200.0);
    assert!(seen.real_agreement > 0.85 && seen.confidence.value > 0.7, "{seen:?}");
    let of = |what: &str| seen.correlations.iter().find(|(name, _)| name == what).unwrap().1;
    assert!((of("energy with margin").value - 1.0).abs() < 1e-12);
    assert!(of("energy less null energy with margin (difference)").low > 0.3, "{seen:?}");
    let thirds = &seen.thirds.iter().find(|(name, _)| name == "margin, by energy").unwrap().1;
    assert_eq!(thirds.highest_against_lowest.unwrap().superiority, 1.0);
    assert!(thirds.medians.windows(2).all(|pair| pair[0] < pair[1]));
    let density = &found.density[0].thirds;
    assert!(density.iter().any(|(name, _)| name == "energy, ranked within each class"));
    let page = pathline_view::html(&measurement_page(&found, "pathline measure")).unwrap();
    assert!(page.contains("Recognition by thirds of energy") && page.contains("thirds of density"));

    // Names of classes that the judge does not share: its judgement is left out.
    let mut strange = data.clone();
    strange.labels.iter_mut().flatten().for_each(|label| *label = (*label + 1) % 10);
    let without = |data: &DataSet| measure(&recording, "images", Some(&Beside::new(data.clone())));
    assert!(without(&strange).unwrap().recognition.is_none());
    strange.labels = None;
    assert!(without(&strange).unwrap().recognition.is_none());
}

/// One sample, samples that are all equal, and samples with what is no number: fewer rows, never a panic.
#[test]
fn odd_recordings_are_measured_or_refused() {
    let data = moons();
    let field = r#"{"kind": "empirical", "data": "moons:300"}"#;
    let (_, one) =
        measure_field(&spec(field, 1), "one", Some(&Beside::new(data.clone())), &mut ()).unwrap();
    assert_eq!(one.samples, 1);
    assert!(one.density.is_empty() && one.recognition.is_none());

    let mut recording = sample(&spec(field, 60), &Files, &mut ()).unwrap().recording;
    let width = recording.states[0].width();
    for state in &mut recording.states {
        let first = state.row(0).to_vec();
        state.as_mut_slice().chunks_exact_mut(width).for_each(|row| row.copy_from_slice(&first));
    }
    for values in recording.diagnostics.values_mut() {
        values.fill(1.0);
    }
    let equal = measure(&recording, "equal", Some(&Beside::new(data.clone()))).unwrap();
    assert!(
        equal.density.iter().all(|found| found.correlations.is_empty() && found.thirds.is_empty())
    );
    pathline_view::html(&measurement_page(&equal, "pathline measure")).unwrap();

    for broken in [f64::NAN, f64::INFINITY] {
        let mut recording = recording.clone();
        recording.diagnostics.get_mut("energy.left").unwrap()[3] = broken;
        if let Ok(found) = measure(&recording, "broken", Some(&Beside::new(data.clone()))) {
            assert!(
                found
                    .density
                    .iter()
                    .all(|found| found.thirds.iter().all(|(name, _)| name != "energy"))
            );
        }
    }
}

/// An exact field that is told classes has g* = 1 on pairs of its own data, and shows on others what it remembers;
/// its samples keep up with their path.
#[test]
fn a_field_with_classes_is_asked_about_pairs_of_those_classes() {
    let data = |name: &str| Files.data_set(name).unwrap();
    let field = r#"{"kind": "empirical", "data": "fashion-mnist",
                    "class": {"kind": "cycle", "classes": [3, 8]}}"#;
    let mut beside = Beside::new(data("fashion-mnist"));
    let own = measure_field(&spec(field, 40), "memoriser", Some(&beside), &mut ()).unwrap().1;
    assert_eq!(own.deficit.len(), 11);
    for point in &own.deficit {
        assert!((point.gain.value - 1.0).abs() < 0.03, "{point:?}");
    }
    // The lag is against the two classes alone: of all ten the spread would be another.
    assert!(own.lag.len() > 5 && own.lag[0].t == 0.0);
    assert!(own.lag.iter().all(|p| p.shortfall.value.abs() < 0.12), "{:?}", own.lag);
    beside.held_out = Some(data("fashion-mnist-test"));
    let (sampled, held) =
        measure_field(&spec(field, 40), "memoriser", Some(&beside), &mut ()).unwrap();
    let late = |found: &Measurement| found.deficit.iter().find(|p| p.t == 0.8).unwrap().gain.value;
    assert!(late(&held) < 0.9 && late(&own) > 0.98, "{} {}", late(&held), late(&own));
    let memorised = held.memorisation.as_ref().unwrap();
    assert_eq!(
        memorised.held_out.as_deref(),
        Some(beside.held_out.as_ref().unwrap().name.as_str())
    );
    assert!(memorised.floor.unwrap().value < 0.05 && memorised.fraction.value > 0.9);
    pages(&held);
    // Of the recording alone, all but what needs the field.
    let again = measure(&sampled.recording, "memoriser", Some(&beside)).unwrap();
    assert_eq!((again.lag, again.deficit.len()), (held.lag, 0));
    // Data without classes cannot say which pairs are of a class.
    let mut bare = data("fashion-mnist");
    bare.labels = None;
    let found = measure_field(&spec(field, 40), "memoriser", Some(&Beside::new(bare)), &mut ());
    let found = found.unwrap().1;
    assert!(found.deficit.is_empty() && found.lag.is_empty());
}

#[test]
fn raw_energies_are_shown_where_they_are_others() {
    let ring = r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#;
    let gain = r#""solver": {"kind": "euler"}, "gain": {"kind": "constant", "factor": 1.1}"#;
    let shown = |how: &str| {
        let text = format!(
            r#"{{"field": {ring}, "seed": 3, "samples": 20,
                "run": {{{how}, "stepping": {{"kind": "uniform", "steps": 8}}}}}}"#
        );
        let spec = from_json("spec", &text).unwrap();
        let found = measure_field(&spec, "ring", None, &mut ()).unwrap().1;
        assert!(found.means.iter().any(|(name, _)| name == "energy.late_raw"));
        found.rows().iter().filter(|(name, _)| name.ends_with("_raw")).count()
    };
    assert_eq!(shown(r#""solver": {"kind": "euler"}"#), 0);
    assert_eq!(shown(gain), 4);
}

#[test]
fn distances_stand_beside_those_of_real_points() {
    let beside = Beside::new(moons());
    let of = |field: &str| {
        let found = measure_field(&spec(field, 200), "field", Some(&beside), &mut ()).unwrap().1;
        pages(&found);
        found.quality.unwrap().distances.unwrap()
    };
    let same = of(r#"{"kind": "empirical", "data": "moons:300"}"#);
    let other = of(r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#);
    assert_eq!((same.points, same.kid_size), (150, 200));
    for (near, far, floor) in [
        (same.sliced.value, other.sliced.value, same.sliced_floor),
        (same.exact, other.exact, same.exact_floor),
    ] {
        assert!(near < 2.0 * floor && far > 3.0 * floor, "{near} {far} {floor}");
    }
    assert!(same.frechet < 6.0 * same.frechet_floor, "{} {}", same.frechet, same.frechet_floor);
    assert!(
        other.frechet > 20.0 * other.frechet_floor,
        "{} {}",
        other.frechet,
        other.frechet_floor
    );
    assert!(other.mmd > 0.1 && same.mmd.abs() < 0.05, "{} {}", same.mmd, other.mmd);
    assert!(other.kid_subsets > 10.0 * same.kid_subsets.abs());
    // Half of the points are one point: no kernel is as wide as the median distance.
    let alike = Batch::from_vec(vec![1.0; 600], Shape::vector(2)).unwrap();
    let alike = Beside::new(DataSet { batch: alike, ..moons() });
    let found = measure_field(
        &spec(r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#, 60),
        "f",
        Some(&alike),
        &mut (),
    );
    assert!(found.is_err() || found.unwrap().1.quality.is_none_or(|q| q.distances.is_none()));
}

#[test]
fn density_is_estimated_as_asked() {
    let of = |density: DensityEstimate| {
        let mut beside = Beside::new(moons());
        beside.density = density;
        let field = r#"{"kind": "gaussian", "mean": [0.5, 0.2], "std": 0.8}"#;
        let found = measure_field(&spec(field, 100), "field", Some(&beside), &mut ()).unwrap().1;
        found.density[0].clone()
    };
    let ten = of(DensityEstimate::default());
    assert_eq!(ten.by, "by the 10th neighbour");
    let rule = DensityRule::Kernel(Bandwidth::Scott);
    let bumps = of(DensityEstimate { rule, components: None });
    let line = of(DensityEstimate { rule, components: Some(1) });
    assert_eq!(line.by, "by Gaussian bumps of Scott's width in 1 principal components");
    let energy = |of: &DensityRelation| of.correlations[0].1.value;
    assert!((energy(&ten) - energy(&bumps)).abs() < 0.3, "{} {}", energy(&ten), energy(&bumps));
    assert!(energy(&bumps) != energy(&line) && energy(&ten) != energy(&bumps));
}
