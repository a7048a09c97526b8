//! Specs: what is refused, what comes back, and what extreme numbers do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::field::Conditions;
use pathline::kernels::ProductPrecision;
use pathline::recording::Recording;
use pathline::solver::EULER;
use pathline::spec::{
    Data, FieldSpec, NoFiles, Resolver, RunSpec, SampleSpec, SolverSpec, SteppingSpec, from_json,
};
use pathline::{
    At, Batch, Error, Run, Samples, Seed, Shape, Source, TimeGrid, Times, VelocityField, integrate,
    sample,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Specs that between them name every key of every part.
fn wholes() -> Vec<Value> {
    let ring = json!({"kind": "ring", "modes": 8, "radius": 4.0, "std": 0.2});
    let gaussian = json!({"kind": "gaussian", "mean": [2.0, -1.0], "std": 0.5,
        "schedule": {"kind": "polynomial", "exponent": 2.0}});
    let guided = json!({"kind": "guided", "conditional": ring, "unconditional": ring, "scale": 2.5,
        "interval": [0.1, 0.8]});
    let switched = json!({"kind": "switched", "before": ring, "after": guided, "at": 0.3});
    let rescheduled = json!({"kind": "rescheduled", "field": gaussian,
        "from": {"kind": "polynomial", "exponent": 2.0},
        "to": {"kind": "vp", "beta_min": 0.2, "beta_max": 19.0}});
    let empirical = json!({"kind": "empirical", "data": "moons",
        "class": {"kind": "cycle", "classes": [0, 1]}, "schedule": {"kind": "cosine"}});
    let kts = json!({"kind": "kts", "launch_strength": 0.3, "landing_strength": 0.02, "tau": 0.5,
        "rate": 2.0, "launch": "exponential", "landing": "linear", "rule": "increment",
        "allow_negative": true});
    let runs = [
        json!({"solver": {"kind": "heun", "last_euler": true}, "gain": kts,
            "stepping": {"kind": "uniform", "steps": 20, "span": [0.0, 0.9]},
            "save": {"every": 5}}),
        json!({"solver": {"kind": "dopri5"}, "gain": {"kind": "ssc", "shape": "cosine", "area": 0.1},
            "stepping": {"kind": "adaptive", "rtol": 1e-4, "atol": 1e-6, "max_evaluations": 500}}),
        json!({"solver": {"kind": "euler"}, "gain": {"kind": "constant", "factor": 1.1},
            "stepping": {"kind": "shifted", "steps": 7, "shift": 3.0}, "save": "end"}),
        json!({"solver": {"kind": "midpoint"},
            "stepping": {"kind": "power", "steps": 7, "exponent": 1.5}}),
        json!({"solver": {"kind": "rk4"}, "stepping": {"kind": "custom", "times": [0.0, 0.3, 1.0]},
            "gain": {"kind": "window", "from": 0.2, "to": 0.4, "area": 0.02}}),
    ];
    let fields = [
        ring.clone(),
        gaussian,
        guided,
        switched,
        rescheduled,
        empirical,
        json!({"kind": "network", "checkpoint": "a.safetensors"}),
        json!({"kind": "empirical", "data": "moons", "class": {"kind": "one", "class": 3}}),
        json!({"kind": "low-rank", "data": "moons", "directions": 2, "least_std": 0.1,
            "class": {"kind": "one", "class": 1}}),
        json!({"kind": "clock-shifted", "delta": 0.01, "field":
            {"kind": "source-scaled", "lambda": 1.005, "from": 0.2, "field": ring}}),
        json!({"kind": "reversed", "field": {"kind": "ring", "modes": 3, "radius": 1, "std": 1,
            "schedule": {"kind": "linear-vp"}}}),
    ];
    let sources = [json!({"kind": "normal"}), json!({"kind": "points", "name": "ring"})];
    let whole = |(i, field): (usize, Value)| {
        json!({"field": field, "source": sources[i % 2], "run": runs[i % 5], "seed": 7 + i,
            "samples": 64, "first": 128})
    };
    fields.into_iter().enumerate().map(whole).collect()
}

fn parse(value: &Value) -> Result<SampleSpec, Error> {
    from_json("spec", &value.to_string())
}

#[test]
fn a_spec_comes_back_from_json_as_it_was() {
    for value in wholes() {
        let spec = parse(&value).unwrap_or_else(|e| panic!("{e}: {value}"));
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(from_json::<SampleSpec>("again", &text).unwrap(), spec);
        let pretty = serde_json::to_string_pretty(&spec).unwrap();
        assert_eq!(from_json::<SampleSpec>("again", &pretty).unwrap(), spec);
    }
}

/// Every value with one key too many in one of its objects.
fn with_a_key_too_many(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Value::Object(map) = value {
        let mut more = map.clone();
        more.insert("x".to_owned(), json!(1));
        all.push(Value::Object(more));
        for (key, inner) in map {
            for changed in with_a_key_too_many(inner) {
                let mut map = map.clone();
                map.insert(key.clone(), changed);
                all.push(Value::Object(map));
            }
        }
    }
    all
}

#[test]
fn a_key_too_many_is_refused_at_every_level() {
    let mut tried = 0;
    for whole in wholes() {
        for value in with_a_key_too_many(&whole) {
            assert!(parse(&value).is_err(), "{value}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    // Variants without a key of their own, where serde would let extra keys pass.
    for text in [r#"{"kind":"euler","order":5}"#, r#"{"kind":"euler","kind":"heun"}"#] {
        assert!(from_json::<SolverSpec>("solver", text).is_err(), "{text}");
    }
    for part in [
        json!({"kind": "empirical", "data": "a", "class": {"kind": "any", "x": 1}}),
        json!({"kind": "empirical", "data": "a", "schedule": {"kind": "cond-ot", "n": 2}}),
        json!({"kind": "empirical", "data": "a", "schedule": {"kind": "gvp", "n": 2}}),
    ] {
        assert!(from_json::<FieldSpec>("field", &part.to_string()).is_err(), "{part}");
    }
}

/// Every value with the name of one kind misspelt, and that name.
fn with_a_wrong_kind(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Value::Object(map) = value {
        for (key, inner) in map {
            let wrong = if key == "kind" { vec![json!("nope")] } else { with_a_wrong_kind(inner) };
            for changed in wrong {
                let mut map = map.clone();
                map.insert(key.clone(), changed);
                all.push(Value::Object(map));
            }
        }
    }
    all
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    for whole in wholes() {
        for value in with_a_wrong_kind(&whole) {
            let message = parse(&value).unwrap_err().to_string();
            assert!(message.contains("nope"), "{message}");
            let known =
                ["rescheduled", "dopri5", "adaptive", "linear-vp", "kts", "points", "cycle"];
            assert!(known.iter().any(|name| message.contains(name)), "{message}");
        }
    }
    let message = from_json::<RunSpec>("run.json", "{}").unwrap_err().to_string();
    assert!(message.contains("run.json") && message.contains("solver"), "{message}");
}

#[test]
fn building_twice_gives_equal_values() {
    for value in wholes() {
        let spec = parse(&value).unwrap();
        let (a, b) = (spec.run.build().unwrap(), spec.run.build().unwrap());
        assert_eq!(a.stepping, b.stepping);
        assert_eq!(a.solver.name(), b.solver.name());
        if let (Some(a), Some(b)) = (&a.gain, &b.gain) {
            assert!((0..=100).all(|i| a.at(f64::from(i) / 100.0) == b.at(f64::from(i) / 100.0)));
        }
        match (spec.field.build(&NoFiles), spec.field.build(&NoFiles)) {
            (Ok(a), Ok(b)) => assert_eq!(a.record(), b.record()),
            (a, b) => assert!(a.is_err() && b.is_err()),
        }
    }
}

#[test]
fn what_needs_files_says_so() {
    for text in
        [r#"{"kind":"network","checkpoint":"a.pt"}"#, r#"{"kind":"empirical","data":"a.pt"}"#]
    {
        let spec: FieldSpec = from_json("field", text).unwrap();
        let Err(error) = spec.build(&NoFiles) else { panic!("{text}") };
        assert!(error.to_string().contains("a.pt"), "{error}");
    }
}

/// Every value with one of its numbers replaced.
fn with_another_number(value: &Value, number: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => vec![number.clone()],
        Value::Array(items) => (0..items.len())
            .flat_map(|i| {
                let changed = with_another_number(&items[i], number);
                changed.into_iter().map(move |c| {
                    let mut items = items.clone();
                    items[i] = c;
                    Value::Array(items)
                })
            })
            .collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, inner)| {
                with_another_number(inner, number).into_iter().map(move |c| {
                    let mut map = map.clone();
                    map.insert(key.clone(), c);
                    Value::Object(map)
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Builds everything and, where that works, runs it on a few samples and records it.
fn try_all(spec: &SampleSpec) -> Result<(), Error> {
    let built = spec.run.build()?;
    let field = spec.field.build(&NoFiles)?;
    let run = built.run();
    let steps = match &run.stepping {
        pathline::Stepping::Grid(grid) => grid.len(),
        pathline::Stepping::Adaptive(how) => how.max_evaluations.min(1 << 40) as usize,
    };
    let done = if spec.samples > 100_000 || steps > 2000 {
        // Too long to run: the start must still be refused or right.
        let source = Source { count: spec.samples, ..spec.source(0) };
        if spec.samples > 100_000 {
            return sample(&*field, &source, &run, &mut ()).map(|_| ());
        }
        return Ok(());
    } else {
        let few = Source { count: spec.samples.min(5), ..spec.source(2) };
        let whole = sample(&*field, &few, &run, &mut ());
        // Chunks of an adaptive run that keeps states do not fit together: one chunk then.
        match whole {
            Ok(done) => done,
            Err(_) => {
                let noise = Source { first: 0, ..few.clone() }.noise(field.shape());
                integrate(&*field, noise, 0..few.count as u64, &run, &mut ())?
            }
        }
    };
    let record = serde_json::to_value(spec).unwrap();
    let recording = Recording::new(&done, field.record(), record);
    assert_eq!(Recording::from_bytes(&recording.to_bytes()?)?, recording);
    Ok(())
}

#[test]
fn extreme_numbers_give_errors_or_runs_and_never_aborts() {
    let big = u64::MAX;
    let numbers = [
        json!(1e308),
        json!(-1e308),
        json!(-1),
        json!(0),
        json!(5e-324),
        json!(1_000_000_000_000_000_000_u64),
        json!(big),
        json!(0.5),
    ];
    let (mut refused, mut ran) = (0, 0);
    for whole in wholes() {
        for number in &numbers {
            for value in with_another_number(&whole, number) {
                match parse(&value).and_then(|spec| try_all(&spec)) {
                    Ok(()) => ran += 1,
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 100 && ran > 50, "{refused} refused, {ran} ran");
}

#[test]
fn huge_counts_are_refused_with_the_limit() {
    for steps in [10_000_001_u64, 1_000_000_000_000_000_000, u64::MAX] {
        for kind in ["uniform", "shifted", "power"] {
            let mut value = json!({"kind": kind, "steps": steps});
            match kind {
                "shifted" => value["shift"] = json!(3),
                "power" => value["exponent"] = json!(2),
                _ => {}
            }
            let spec: SteppingSpec = from_json("stepping", &value.to_string()).unwrap();
            let message = spec.build().unwrap_err().to_string();
            assert!(message.contains("10000000"), "{message}");
        }
    }
    let ring = r#"{"kind":"ring","modes":4294967295,"radius":1,"std":1}"#;
    let ring: FieldSpec = from_json("field", ring).unwrap();
    assert!(ring.build(&NoFiles).is_err_and(|e| e.to_string().contains("at most")));
    let ring: FieldSpec =
        from_json("field", r#"{"kind":"ring","modes":2,"radius":1,"std":1}"#).unwrap();
    let (field, built) = (ring.build(&NoFiles).unwrap(), RunSpec::euler(1).build().unwrap());
    let source = Source::new(Seed(0), usize::MAX / 2);
    let message = sample(&*field, &source, &built.run(), &mut ()).unwrap_err().to_string();
    assert!(message.contains("chunk"), "{message}");
    let last = Source { first: u64::MAX, ..Source::new(Seed(0), 1) };
    assert!(sample(&*field, &last, &built.run(), &mut ()).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    const NAMES: &[&str] = &[
        "kind", "euler", "heun", "uniform", "ring", "guided", "field", "run", "steps", "every",
        "kts", "cond-ot", "normal", "solver", "stepping", "modes", "seed", "samples", "x",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::sample::select(NAMES).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let key = proptest::sample::select(NAMES).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_json_never_panics(value in any_json(), at in 0_usize..9, key in 0_usize..6) {
        let _ = parse(&value);
        // The same value as one part of a spec that is right otherwise.
        let mut whole = wholes()[at].clone();
        let keys: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
        whole[&keys[key]] = value;
        if let Ok(spec) = parse(&whole) {
            let _ = spec.run.build();
            let _ = spec.field.build(&NoFiles);
        }
    }

    #[test]
    fn every_number_comes_back_to_the_last_bit(bits: u64, seed: u64, first: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let spec = SampleSpec {
            field: FieldSpec::Gaussian { mean: vec![number], std: number, schedule: Default::default() },
            source: Default::default(),
            run: RunSpec::euler(3),
            seed: Seed(seed),
            samples: 1,
            first,
        };
        let text = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(from_json::<SampleSpec>("spec", &text).unwrap(), spec);
    }

    #[test]
    fn random_text_never_panics(text in "[\\[\\]{}\":,a-z0-9.eE+-]{0,60}") {
        let _ = from_json::<SampleSpec>("spec", &text);
        let _ = from_json::<SolverSpec>("spec", &text);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let mut text = r#"{"kind":"ring","modes":2,"radius":1,"std":1}"#.to_owned();
    for _ in 0..10_000 {
        text = format!(r#"{{"kind":"reversed","field":{text}}}"#);
        if text.len() > 200_000 {
            break;
        }
    }
    assert!(from_json::<FieldSpec>("field", &text).is_err());
}

#[test]
fn a_built_spec_runs_what_it_says() {
    let spec: SampleSpec = parse(&json!({"field": {"kind": "gaussian", "mean": [2], "std": 0.5},
        "run": {"solver": {"kind": "heun"}, "stepping": {"kind": "uniform", "steps": 50}},
        "seed": 1, "samples": 4}))
    .unwrap();
    let (field, built) = (spec.field.build(&NoFiles).unwrap(), spec.run.build().unwrap());
    let done = sample(&*field, &spec.source(3), &built.run(), &mut ()).unwrap();
    let noise: Batch = spec.source(0).noise(&Shape::vector(1));
    for (x0, x1) in noise.as_slice().iter().zip(done.end.as_slice()) {
        assert!((x1 - (2.0 + 0.5 * x0)).abs() < 1e-2, "{x0} {x1}");
    }
}

#[test]
fn every_network_within_a_field_can_be_asked_for_in_single_precision() {
    let network =
        |precision: &str| format!(r#"{{"kind": "network", "checkpoint": "a"{precision}}}"#);
    let nested = |precision: &str| {
        let inner = network(precision);
        let ring = r#"{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}"#;
        let text = format!(
            r#"{{"kind": "reversed", "field": {{"kind": "switched", "at": 0.5, "before": {ring}, "after":
                {{"kind": "guided", "scale": 2, "conditional": {inner}, "unconditional": {inner}}}}}}}"#
        );
        from_json::<FieldSpec>("field", &text).unwrap()
    };
    let (half, single) = (nested(r#", "precision": "bf16""#), nested(""));
    assert_ne!(half, single);
    assert_eq!(half.in_f32(), single);
    assert_eq!(single.in_f32(), single);
}

/// Two classes, apart by ten in the first coordinate.
struct TwoClouds;

impl Resolver for TwoClouds {
    fn data(&self, _: &str) -> Result<Data, Error> {
        let mut points = Source::new(Seed(5), 40).noise(&Shape::vector(3));
        let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
        for (row, label) in points.as_mut_slice().chunks_exact_mut(3).zip(&labels) {
            row[0] += 10.0 * *label as f32;
        }
        Ok(Data { points, labels: Some(labels) })
    }

    fn network(
        &self,
        _: &str,
        _: Conditions,
        _: ProductPrecision,
    ) -> Result<Arc<dyn VelocityField>, Error> {
        NoFiles.network("", Conditions::None, ProductPrecision::F32)
    }
}

#[test]
fn gaussians_of_low_rank_are_fitted_to_classes_and_drawn_by_them() {
    let ends = |class: &str| {
        let text = format!(r#"{{"kind": "low-rank", "data": "clouds", "directions": 99{class}}}"#);
        let field = from_json::<FieldSpec>("field", &text).unwrap().build(&TwoClouds)?;
        let run = Run::on(TimeGrid::uniform(60).unwrap(), &EULER);
        Ok::<_, Error>(sample(&*field, &Source::new(Seed(1), 200), &run, &mut ())?.end)
    };
    let right = |end: Batch| end.rows().iter().filter(|x| x[0] > 5.0).count();
    assert_eq!(right(ends(r#", "class": {"kind": "one", "class": 1}"#).unwrap()), 200);
    assert_eq!(right(ends(r#", "class": {"kind": "one", "class": 0}"#).unwrap()), 0);
    assert!((60..140).contains(&right(ends("").unwrap())));
    assert!(ends(r#", "class": {"kind": "one", "class": 7}"#).is_err());
}

#[test]
fn a_scaled_source_and_a_shifted_clock_are_the_fields_of_their_names() {
    let text = r#"{"kind": "clock-shifted", "delta": 0.05, "field":
        {"kind": "source-scaled", "lambda": 1.1, "field": {"kind": "gaussian", "mean": [0, 0], "std": 1}}}"#;
    let field = from_json::<FieldSpec>("field", text).unwrap().build(&NoFiles).unwrap();
    let x = Batch::from_vec(vec![1.0, -2.0], Shape::vector(2)).unwrap();
    let at = |t: f64| {
        let mut out = Batch::zeros(1, Shape::vector(2));
        let at = At::new(Samples::first(1), Times::Shared(t), x.rows()).unwrap();
        field.velocity(&at, out.rows_mut()).unwrap();
        out
    };
    // Told 0.5: v = (2 t - 1) x / (t^2 + (1 - t)^2) = 0 there, so all that is left is (1 - 1 / 1.1) x / t.
    let share = (1.0 - 1.0 / 1.1) / 0.5;
    for (found, x) in at(0.45).as_slice().iter().zip(x.as_slice()) {
        assert!((f64::from(*found) - share * f64::from(*x)).abs() < 1e-5, "{found}");
    }
    // Told 0.05, before the first time at which it is scaled.
    let plain = (2.0 * 0.05 - 1.0) / (0.05_f64.powi(2) + 0.95_f64.powi(2));
    assert!((f64::from(at(0.0).as_slice()[0]) - plain).abs() < 1e-5);
}
