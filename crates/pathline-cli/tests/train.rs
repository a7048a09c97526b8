//! Training from the command line: it ends with the same bytes however often it is killed and on any
//! number of threads, its model can be sampled and measured, and bad configurations change nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{listing, pathline, succeed, words};
use pathline::{Purpose, Seed};
use pathline_data::atomic::Existing;
use pathline_data::{Array, Values, npz};

const FILES: [&str; 6] = [
    "config.json",
    "log.jsonl",
    "events.out.tfevents.pathline",
    "state.safetensors",
    "model.safetensors",
    "report.json",
];

/// Quick, and with every draw there is: a set as the source, a clock, a coupling, odd intervals.
const CONFIG: &str = r#"{
    "data": "moons:300", "source": {"kind": "points", "name": "eight-gaussians"},
    "network": {"kind": "mlp", "hidden": [16, 16]}, "coupling": {"kind": "minibatch-ot"}, "checkpoint_every": 70,
    "training": {
        "steps": 1230, "batch": 24, "seed": 5,
        "clock": {"kind": "shifted", "shift": 2, "of": {"kind": "beta", "alpha": 0.7, "beta": 2}},
        "optimiser": {"learning_rate": {"peak": 0.003, "warm_up": 10}, "clip": 1, "ema": [0.99]}
    }
}"#;

/// Images with labels, parts of a batch, mirroring, a prediction with its weights, two averages.
const IMAGES: &str = r#"{
    "data": "images.npz", "checkpoint_every": 70, "held_out": 0.05,
    "network": {"kind": "dit", "patch": 4, "width": 16, "depth": 1, "heads": 2}, "coupling": {"kind": "condition-aware"},
    "training": {
        "steps": 430, "batch": 24, "accumulate": 3, "seed": 5, "label_dropout": 0.3, "mirror": true,
        "output": {"prediction": "target", "limit": 0.1},
        "weighting": {"kind": "min-snr", "most": 5},
        "optimiser": {"learning_rate": {"peak": 0.003}, "ema": [0.99, 0.9]}
    }
}"#;

/// The recipe of the embedded model, small: a U-Net with attention, products in bf16, a rate that falls at the end.
const U_NET: &str = r#"{
    "data": "images.npz", "checkpoint_every": 20, "held_out": 0.05,
    "network": {"kind": "unet", "model_channels": 32, "channel_mult": [1, 2], "res_blocks": 1, "attention": [2]},
    "training": {
        "steps": 90, "batch": 8, "seed": 5, "precision": "bf16",
        "clock": {"kind": "logit-normal", "mean": 0.0, "std": 1.0},
        "optimiser": {
            "learning_rate": {"peak": 0.001, "warm_up": 5, "decay": {"kind": "cooldown", "updates": 30}},
            "beta2": 0.99, "clip": 1, "ema": [0.99]
        }
    }
}"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.json"), CONFIG).unwrap();
    folder
}

/// 200 images of 8 by 8, light on the side that their class says.
fn images(here: &Path) {
    let (mut levels, mut labels) = (Vec::new(), Vec::new());
    let mut noise = Seed(2).stream(Purpose::Data, 0, 0);
    for i in 0..200_usize {
        let class = i % 2;
        labels.push(class as u8);
        let side = |at: usize| if (at % 8 < 4) == (class == 0) { 150 } else { 20 };
        levels.extend((0..64).map(|at| (side(at) + noise.below(80)) as u8));
    }
    let array = |shape, values| Array::new(shape, Values::U8(values)).unwrap();
    let arrays = [("x", array(vec![200, 8, 8], levels)), ("y", array(vec![200], labels))];
    npz::write(
        &here.join("images.npz"),
        &arrays.map(|(name, array)| (name.to_owned(), array)).into(),
        Existing::Keep,
    )
    .unwrap();
    std::fs::write(here.join("i.json"), IMAGES).unwrap();
}

fn assert_same(here: &Path, one: &str, other: &str) {
    for file in FILES {
        let read = |dir| std::fs::read(here.join(dir).join(file)).unwrap();
        assert!(read(one) == read(other), "{file} of {one} and {other} differ");
    }
}

/// Starts a run and kills it after a while; whether it was killed rather than done.
fn killed(here: &Path, config: &str, out: &str, after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pathline"))
        .args(["train", config, "--threads", "1", "--out", out])
        .current_dir(here)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Kills runs of a configuration 20 times, at any moment; they must end as one that was left alone.
fn survives(here: &Path, config: &str) {
    let start = std::time::Instant::now();
    succeed(here, &format!("pathline train {config} --threads 1 --out whole"));
    let whole = start.elapsed();
    let mut moments = Seed(9).stream(Purpose::Probe, 0, 0);
    let (mut kills, mut runs, mut gone_on) = (0, 0, 0);
    for _ in 0..200 {
        if kills >= 20 {
            break;
        }
        let out = format!("run{runs}");
        if killed(here, config, &out, whole.mul_f64(0.5 * moments.uniform())) {
            kills += 1;
            // The next one goes on from there, not from the beginning.
            gone_on += usize::from(here.join(&out).join("state.safetensors").exists());
        } else {
            assert_same(here, "whole", &out);
            runs += 1;
        }
    }
    assert!(kills >= 20 && gone_on >= 5, "{kills} kills, {gone_on} of them with a state");
    let out = format!("run{runs}");
    succeed(here, &format!("pathline train {config} --threads 1 --out {out}"));
    assert_same(here, "whole", &out);
}

#[test]
fn a_run_killed_twenty_times_ends_with_the_bytes_of_an_undisturbed_one() {
    let folder = folder();
    survives(folder.path(), "c.json");
}

#[test]
fn so_does_one_on_labelled_images_in_parts_of_a_batch() {
    let folder = folder();
    let here = folder.path();
    images(here);
    survives(here, "i.json");
    // The second average lies beside the first.
    let read = |name: &str| std::fs::read(here.join("whole").join(name)).unwrap();
    assert!(read("model.safetensors") != read("model-ema-0.9.safetensors"));
    // The model is sampled by class, and says what it predicts.
    let line = "pathline sample whole/model.safetensors --class 1 -n 64 --json --out s.npz";
    assert!(succeed(here, line).contains("\"prediction\": \"target\""));
    // What the data were is part of the report.
    let report: serde_json::Value = serde_json::from_slice(&read("report.json")).unwrap();
    assert_eq!(report["data"]["classes"], 2);
    assert_eq!(report["data"]["values"], "level / 127.5 - 1");
    assert_eq!(report["data"]["shape"], serde_json::json!([1, 8, 8]));
}

#[test]
fn so_does_a_u_net_in_bf16() {
    let folder = folder();
    images(folder.path());
    std::fs::write(folder.path().join("u.json"), U_NET).unwrap();
    survives(folder.path(), "u.json");
}

#[test]
fn products_may_multiply_in_bf16_and_the_record_says_so() {
    let folder = folder();
    let here = folder.path();
    images(here);
    succeed(here, "pathline train i.json --precision bf16 --steps 30 --out half");
    let config = std::fs::read_to_string(here.join("half/config.json")).unwrap();
    assert!(config.contains("\"precision\": \"bf16\""), "{config}");
    let sampled = |flag: &str| {
        let line =
            "pathline sample half/model.safetensors --class 1 --guidance 2 -n 3 --force --json";
        let said = succeed(here, &format!("{line} {flag} --out s.npz"));
        (said.contains("\"precision\": \"bf16\""), std::fs::read(here.join("s.npz")).unwrap())
    };
    let (exact, near) = (sampled(""), sampled("--precision bf16"));
    assert!(!exact.0 && near.0 && exact.1 != near.1);
    assert_eq!(near, sampled("--precision bf16"));
}

#[test]
fn a_longer_run_goes_on_from_a_shorter_one() {
    let folder = folder();
    let here = folder.path();
    let line = |steps, out| format!("pathline train c.json --steps {steps} --out {out}");
    succeed(here, &line(430, "whole"));
    succeed(here, &line(130, "parts"));
    let ran = pathline(here, &words(&line(250, "parts")));
    assert!(ran.stderr.contains("went on from step 130"), "{}", ran.stderr);
    succeed(here, &line(430, "parts"));
    assert_same(here, "whole", "parts");
    // Back to fewer steps there is no way.
    let ran = pathline(here, &words(&line(250, "parts")));
    assert!(ran.code == Some(2) && ran.stderr.contains("has done 430 already"), "{}", ran.stderr);
    // A rate that decays towards the last step makes it another run.
    let cosine = r#"--set 'training.optimiser.learning_rate.decay={"kind":"cosine","floor":0}'"#;
    succeed(here, &format!("{} {cosine}", line(130, "decays")));
    let ran = pathline(here, &words(&format!("{} {cosine}", line(250, "decays"))));
    assert!(ran.code == Some(2) && ran.stderr.contains("another run"), "{}", ran.stderr);
    // One that falls at the end only is the same run until it falls.
    let cooldown =
        r#"--set 'training.optimiser.learning_rate.decay={"kind":"cooldown","updates":100}'"#;
    succeed(here, &format!("{} {cooldown}", line(430, "cooled")));
    succeed(here, &line(130, "cooled-in-parts"));
    succeed(here, &format!("{} {cooldown}", line(430, "cooled-in-parts")));
    assert_same(here, "cooled", "cooled-in-parts");
}

#[test]
fn settings_are_taken_by_name() {
    let folder = folder();
    let here = folder.path();
    succeed(
        here,
        "pathline train c.json --steps 2 --out run --set network.hidden=[8] --set data=spiral \
         --set training.weighting.kind=like --set training.weighting.prediction=target \
         --set training.magnitude.scale=0.1 --ema none",
    );
    let text = std::fs::read_to_string(here.join("run/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["data"], "spiral");
    assert_eq!(config["network"]["hidden"], serde_json::json!([8]));
    assert_eq!(config["training"]["batch"], 24);
    let like = serde_json::json!({"kind": "like", "prediction": "target"});
    assert_eq!(config["training"]["weighting"], like);
    assert_eq!(config["training"]["magnitude"]["scale"], 0.1);
    assert_eq!(config["training"]["optimiser"]["ema"], serde_json::json!([]));
}

#[test]
fn threads_change_no_byte_and_a_finished_run_is_left_alone() {
    let folder = folder();
    let here = folder.path();
    succeed(here, "pathline train c.json --threads 1 --out one");
    succeed(here, "pathline train c.json --threads 2 --out two");
    assert_same(here, "one", "two");
    let before = listing(here);
    let again = pathline(here, &words("pathline train c.json --out one"));
    assert!(again.code == Some(0) && again.stderr.contains("finished already"), "{}", again.stderr);
    assert_eq!(again.stdout.trim(), Path::new("one").join("model.safetensors").to_str().unwrap());
    assert!(listing(here) == before);
    // The log: what the data are, a line every hundred steps, and the last one.
    let log = std::fs::read_to_string(here.join("one/log.jsonl")).unwrap();
    let steps: Vec<u64> = log
        .lines()
        .skip(1)
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (1..=12).map(|i| 100 * i).chain([1230]).collect::<Vec<_>>());
}

#[test]
fn the_examples_work_and_the_model_samples_and_measures() {
    let folder = folder();
    let here = folder.path();
    let help = succeed(here, "pathline train --help");
    let examples: Vec<&str> =
        help.lines().map(str::trim).filter(|l| l.starts_with("pathline train ")).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        succeed(here, &format!("{example} --hidden 32,32"));
    }
    succeed(here, "pathline sample run/model.safetensors -n 8 --out s.safetensors");
    let measured = succeed(here, "pathline measure run/model.safetensors -n 8 --data moons --json");
    assert!(serde_json::from_str::<serde_json::Value>(&measured).is_ok());
    let text = succeed(here, "pathline train run/config.json --out run --json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let report = &value["report"];
    assert_eq!(report["held_out_rows"], 200);
    assert_eq!(report["training_rows"], 1800);
    let bins = report["held_out"].as_array().unwrap();
    assert_eq!(bins.len(), 10);
    // A network that gives zero loses E|x_1 - x_0|^2 / 2, which for unit noise is above 1.
    for bin in &bins[..5] {
        let loss = bin["loss"].as_f64().unwrap();
        assert!(loss > 0.0 && loss < 2.5, "{bin}");
        assert!(bin["standard_error"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn what_cannot_be_trained_is_one_line_and_changes_nothing() {
    let folder = folder();
    let here = folder.path();
    let put = |name: &str, text: &str| std::fs::write(here.join(name), text).unwrap();
    put("nan.csv", "1,2\n3,nan\n");
    put("one.csv", "1,2\n");
    put("three.csv", "1,2,3\n4,5,6\n");
    put("key.json", r#"{"data": "moons", "step": 3}"#);
    put("inner.json", r#"{"data": "moons", "training": {"clock": {"kind": "uniform", "x": 1}}}"#);
    put("nodata.json", "{}");
    put("junk.json", "[");
    for (dir, file) in [("foreign", "model.safetensors"), ("other", "config.json")] {
        std::fs::create_dir(here.join(dir)).unwrap();
        put(&format!("{dir}/{file}"), "mine");
    }
    succeed(here, "pathline train moons --hidden 4 --steps 3 --out done");
    let before = listing(here);
    for (line, needle) in [
        ("key.json", "step"),
        ("inner.json", "unknown field"),
        ("nodata.json", "data"),
        ("junk.json", "junk.json"),
        ("missing.json", "missing.json"),
        ("missing.csv", "missing.csv"),
        ("nan.csv", "nan.csv"),
        ("one.csv", "held out"),
        ("three.csv --source moons", "source points"),
        ("moons --source sun", "sun"),
        ("moons --steps 0", "at least 1"),
        ("moons --batch 0", "batch"),
        ("moons --checkpoint-every 0", "at least 1"),
        ("moons --learning-rate -1", "learning rate"),
        ("moons --learning-rate nan", "learning rate"),
        ("moons --held-out 1", "held_out"),
        ("moons --held-out nan", "held_out"),
        ("moons --hidden 4,x", "--hidden"),
        ("moons --hidden 0", "width"),
        ("moons --network cnn", "mlp"),
        ("moons --prediction noise", "velocity"),
        ("moons --prediction target --set training.magnitude.scale=1", "magnitude"),
        ("moons --ema 1", "moving average"),
        ("moons --ema x", "ema"),
        ("moons --accumulate 300", "parts of a batch"),
        ("moons --mirror", "mirror"),
        ("moons --set training.stepz=3", "training.stepz=3: unknown field `stepz`"),
        ("moons --set training.steps=many", "training.steps=many"),
        ("moons --set network.kind.x=1", "network.kind"),
        ("moons --set steps", "KEY=VALUE"),
        ("moons --coupling ot", "minibatch-ot"),
        ("moons --coupling sinkhorn:x", "number"),
        ("three.csv --coupling condition-aware", "no labels"),
        ("moons --clock late", "logit-normal"),
        ("moons --clock mode:9", "1.7519"),
        ("moons --clock logit-normal:0,-1", "std"),
        ("moons --clock beta:1", "beta:alpha,beta"),
        ("moons --out foreign", "config.json"),
        ("moons --out other", "not the spec"),
        ("moons --hidden 4 --steps 2 --out done", "has done 3 already"),
        ("moons --hidden 5 --steps 3 --out done", "hidden is [4] there and [5] here"),
        ("moons --out nan.csv/inside", "nan.csv"),
    ] {
        let out = if line.contains("--out") { "" } else { " --out new" };
        let ran = pathline(here, &words(&format!("pathline train {line}{out}")));
        let said = ran.stderr.trim_end();
        assert_eq!(ran.code, Some(2), "`{line}` said: {said}");
        assert!(ran.stdout.is_empty() && said.lines().count() == 1, "`{line}` said: {said}");
        assert!(said.starts_with("error: ") && said.contains(needle), "`{line}` said: {said}");
        assert!(listing(here) == before, "`{line}` changed the folder");
    }
}

#[test]
fn data_that_changed_are_noticed() {
    let folder = folder();
    let here = folder.path();
    let table = |last: f64| {
        let rows = (0..50).map(|i| format!("{},{}\n", f64::from(i) / 25.0, last));
        std::fs::write(here.join("d.csv"), rows.collect::<String>()).unwrap();
    };
    table(1.0);
    succeed(here, "pathline train d.csv --hidden 4 --steps 30 --out run");
    std::fs::remove_file(here.join("run/report.json")).unwrap();
    table(2.0);
    let ran = pathline(here, &words("pathline train d.csv --hidden 4 --steps 30 --out run"));
    assert!(ran.code == Some(2) && ran.stderr.contains("data"), "{}", ran.stderr);
    table(1.0);
    succeed(here, "pathline train d.csv --hidden 4 --steps 30 --out run");
}
