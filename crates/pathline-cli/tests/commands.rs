//! Every command does what its help says, and gives the same bytes however it is cut up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so where they cannot run"
)]

mod common;

use std::path::Path;

use common::{listing, pathline, succeed, words};
use pathline::recording::Recording;
use pathline_data::{Values, csv, npz, png};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn recording(folder: &Path, name: &str) -> Recording {
    Recording::from_bytes(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

/// The commands under `Examples:` of a help text, without the remarks beside them.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|l| *l != "Examples:").skip(1);
    let command = |line: &str| line.trim().split("   ").next().unwrap().to_owned();
    lines.map(command).take_while(|l| l.starts_with("pathline ")).collect()
}

const COMMANDS: [&str; 9] =
    ["demo", "train", "sample", "measure", "compare", "convert", "claims", "view", "completions"];

#[test]
fn every_help_shows_two_examples_that_work() {
    let folder = folder();
    let here = folder.path();
    // What the examples take for granted: a checkpoint, and recordings of earlier runs.
    match common::shared("data/torchcfm-2d/8gaussian-moons__cfm_v1.pt") {
        Some(real) => drop(std::fs::copy(real, here.join("cfm.pt")).unwrap()),
        None => eprintln!("SKIPPED: the example with cfm.pt; set PATHLINE_SHARED to run it"),
    }
    for name in ["a", "b"] {
        succeed(here, &format!("pathline sample moons -n 4 --steps 3 --out {name}.safetensors"));
    }
    let ledger = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/claims/raw");
    std::fs::create_dir_all(here.join("docs/claims/raw")).unwrap();
    for file in std::fs::read_dir(ledger).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), here.join("docs/claims/raw").join(file.file_name())).unwrap();
    }
    let mut all = examples(&succeed(here, "pathline --help"));
    for command in COMMANDS {
        let help = succeed(here, &format!("pathline {command} --help"));
        let examples = examples(&help);
        assert!(examples.len() >= 2, "{command} --help shows {examples:?}");
        all.extend(examples);
    }
    all.sort_unstable();
    all.dedup();
    // The demo has a test of its own, which takes long enough; the whole ledger takes hours.
    let own = |line: &str| line.starts_with("pathline demo") || line.contains("claims --full");
    // Checkpoints of other programs; small ones of their layouts are read in the tests of the study.
    let foreign = ["SiT-XL-2-256.pt", "unet.pt", "efficientnet-lite0.pth"];
    let unavailable = |line: &str| {
        line.contains("cfm.pt") && !here.join("cfm.pt").exists()
            || foreign.iter().any(|file| line.contains(file))
    };
    // A recording is made before it is looked at, and a network before it is used.
    all.sort_by_key(|line| {
        (!line.starts_with("pathline sample"), !line.starts_with("pathline train"))
    });
    assert!(all.len() >= 10, "{all:?}");
    for line in all.iter().filter(|l| !own(l) && !unavailable(l)) {
        if line.starts_with("pathline measure run") || line.starts_with("pathline view run") {
            let _ = std::fs::copy(here.join("a.safetensors"), here.join("run.safetensors"));
        }
        succeed(here, line);
    }
    for made in ["ring.safetensors", "ring.html", "garments.png", "measured.html", "pages/a.html"] {
        assert!(here.join(made).exists(), "{made}: {:?}", listing(here).keys());
    }
}

#[test]
fn samples_come_back_the_same_from_every_format() {
    let folder = folder();
    let here = folder.path();
    let line = "pathline sample fashion-mnist --class each -n 12 --steps 4 --seed 5 --out s.npz --out \
                s.csv --out s.png --out s.safetensors --json";
    let json: serde_json::Value = serde_json::from_str(&succeed(here, line)).unwrap();
    assert_eq!(json["samples"], 12);
    assert_eq!(json["files"].as_array().unwrap().len(), 4);
    assert_eq!(json["run"]["spec"]["seed"], 5);
    let recorded = recording(here, "s.safetensors");
    let end = recorded.end().unwrap();
    assert_eq!(end.shape().extents(), [1, 28, 28]);
    assert_eq!(recorded.states.len(), 1, "images keep their end only");
    let labels: Vec<u32> = (0..12).map(|i| i % 10).collect();
    assert_eq!(recorded.labels.as_ref(), Some(&labels));

    let arrays = npz::read(&here.join("s.npz")).unwrap();
    assert_eq!(arrays["x"].shape(), [12, 1, 28, 28]);
    assert_eq!(*arrays["x"].values(), Values::F32(end.as_slice().to_vec()));
    assert_eq!(arrays["y"].labels().unwrap(), labels);
    let energy = Values::F64(recorded.diagnostics["energy.left"].clone());
    assert_eq!(*arrays["energy"].values(), energy);

    let table = csv::read(&here.join("s.csv")).unwrap();
    assert_eq!(table.batch.as_slice(), end.as_slice());
    assert_eq!(table.labels, Some(labels));

    // Four columns and three rows of 28 pixels, with gaps of two between or around them.
    let picture = png::read(&here.join("s.png")).unwrap();
    assert_eq!(picture.channels, 1);
    assert!((4 * 28..4 * 28 + 12).contains(&picture.width), "{}", picture.width);
    assert!((3 * 28..3 * 28 + 12).contains(&picture.height), "{}", picture.height);

    // A set that was written can be sampled from in turn.
    succeed(here, "pathline sample s.npz --class 3 -n 2 --steps 3 --out again.npz");
    succeed(here, "pathline sample s.csv --class 3 -n 2 --steps 3 --out again.csv");
}

#[test]
fn a_recording_of_points_keeps_every_state_and_can_be_viewed_and_measured() {
    let folder = folder();
    let here = folder.path();
    succeed(here, "pathline sample ring -n 30 --steps 8 --solver heun --out r.safetensors");
    let recorded = recording(here, "r.safetensors");
    assert_eq!((recorded.states.len(), recorded.times.len()), (9, 9));
    succeed(
        here,
        "pathline sample ring -n 30 --steps 8 --solver heun --save-every 4 --out s.safetensors",
    );
    let thinned = recording(here, "s.safetensors");
    assert_eq!(thinned.times, [0.0, 0.5, 1.0]);
    assert_eq!(thinned.states[1], recorded.states[4]);
    assert_eq!(thinned.end(), recorded.end());

    assert_eq!(succeed(here, "pathline view r.safetensors").trim(), "r.html");
    let page = String::from_utf8(bytes(here, "r.html")).unwrap();
    assert!(page.contains("<canvas") && page.contains("type=\"range\""));
    let refused = pathline(here, &["view", "r.safetensors"]);
    assert_eq!(refused.code, Some(2));
    succeed(here, "pathline view r.safetensors --force");

    let shown = succeed(here, "pathline measure r.safetensors --page m.html");
    assert!(shown.contains("straightness") && shown.contains("energy.chord"), "{shown}");
    assert!(String::from_utf8(bytes(here, "m.html")).unwrap().contains("id=\"chord-bending\""));
    let line = "pathline measure r.safetensors --data moons --json";
    let json: serde_json::Value = serde_json::from_str(&succeed(here, line)).unwrap();
    assert_eq!((json["samples"].as_u64(), json["evaluations"].as_u64()), (Some(30), Some(16)));
    assert_eq!(json["memorisation"]["points"], 2000);
    let means = json["means"].as_array().unwrap();
    let mean =
        |name: &str| means.iter().find(|m| m[0] == name).unwrap()[1]["value"].as_f64().unwrap();
    let split = mean("energy.chord") + mean("energy.bending");
    assert!((split - mean("energy.quadrature")).abs() < 1e-9 * split, "{split}");
    let column = &recorded.diagnostics["energy.left"];
    let direct = column.iter().sum::<f64>() / column.len() as f64;
    assert!((mean("energy.left") - direct).abs() < 1e-9 * direct);
}

#[test]
fn measuring_a_field_is_measuring_the_recording_of_its_run() {
    let folder = folder();
    let here = folder.path();
    let flags = "-n 40 --steps 6 --seed 2";
    succeed(here, &format!("pathline sample moons {flags} --out r.safetensors"));
    let of = |model: &str, flags: &str| -> serde_json::Value {
        let line =
            format!("pathline measure {model} {flags} --data moons --json --page {model}.html");
        serde_json::from_str(&succeed(here, &line)).unwrap()
    };
    let (field, recorded) = (of("moons", flags), of("r.safetensors", ""));
    assert_eq!(field["means"], recorded["means"]);
    assert_eq!(field["memorisation"]["fraction"], recorded["memorisation"]["fraction"]);
    // Only with the field at hand are there its power and its deficit; the exact field has none.
    assert_eq!(field["power"].as_array().unwrap().len(), 6);
    for point in field["deficit"].as_array().unwrap() {
        let gain = &point["gain"];
        let (low, high) = (gain["low"].as_f64().unwrap(), gain["high"].as_f64().unwrap());
        let slack = 2.0 * (high - low);
        assert!(low - slack <= 1.0 && 1.0 <= high + slack, "{point}");
    }
    let page = String::from_utf8(bytes(here, "moons.html")).unwrap();
    for figure in ["means", "power", "deficit", "chord-bending"] {
        assert!(page.contains(&format!("<figure id=\"{figure}\"")), "{figure}");
    }
}

#[test]
fn density_is_estimated_as_asked() {
    let folder = folder();
    let here = folder.path();
    let of = |flags: &str| -> String {
        let line =
            format!("pathline measure moons -n 50 --steps 4 --data moons:200 --json {flags}");
        let found: serde_json::Value = serde_json::from_str(&succeed(here, &line)).unwrap();
        found["density"][0]["by"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("--neighbours 3"), "by the 3rd neighbour");
    let bumps = "by Gaussian bumps of width 0.5 in 1 principal components";
    assert_eq!(of("--bumps 0.5 --components 1"), bumps);
}

#[test]
fn a_run_may_step_by_the_clock_that_training_drew_its_times_by() {
    let folder = folder();
    let here = folder.path();
    let times = |grid: &str, name: &str| -> Vec<f64> {
        let line = format!("pathline sample ring -n 2 --steps 8 --grid {grid} --out {name} --json");
        let record: serde_json::Value = serde_json::from_str(&succeed(here, &line)).unwrap();
        assert_eq!(record["run"]["spec"]["run"]["stepping"]["steps"], 8, "{record}");
        recording(here, name).times
    };
    let shifted = times("shifted:3", "a.safetensors");
    let clock = r#"'{"kind":"shifted","shift":3,"of":{"kind":"uniform"}}'"#;
    let same = times(clock, "b.safetensors");
    assert!(shifted.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-12), "{shifted:?} {same:?}");
    let normal = times("logit-normal:0,1", "c.safetensors");
    assert!((normal[4] - 0.5).abs() < 1e-12 && normal[1] > 0.2, "{normal:?}");
}

#[test]
fn bytes_do_not_depend_on_threads_runs_or_cuts() {
    let folder = folder();
    let here = folder.path();
    for (model, steps) in [
        ("ring --solver rk4", 7),
        ("fashion-mnist --class each", 5),
        ("moons --source eight-gaussians", 9),
    ] {
        let run = |name: &str, flags: &str| {
            let line = format!(
                "pathline sample {model} --steps {steps} --seed 9 {flags} --out {name} --force"
            );
            succeed(here, &line);
        };
        run("one.safetensors", "-n 20 --threads 1");
        run("two.safetensors", "-n 20 --threads 2");
        run("two-again.safetensors", "-n 20 --threads 2");
        let whole = bytes(here, "one.safetensors");
        assert!(whole == bytes(here, "two.safetensors"), "{model}: threads");
        assert!(whole == bytes(here, "two-again.safetensors"), "{model}: runs");
        run("front.safetensors", "-n 10");
        run("back.safetensors", "-n 10 --first 10");
        run("other.safetensors", "-n 100 --first 3");
        let whole = recording(here, "one.safetensors");
        let parts = ["front.safetensors", "back.safetensors"].map(|n| recording(here, n));
        let company = recording(here, "other.safetensors");
        for (s, states) in whole.states.iter().enumerate() {
            let mut joined = parts[0].states[s].clone();
            joined.append(&parts[1].states[s]).unwrap();
            assert!(*states == joined, "{model}: shards, state {s}");
            assert_eq!(states.row(7), company.states[s].row(4), "{model}: company, state {s}");
        }
        for (name, values) in &whole.diagnostics {
            let joined = [&parts[0], &parts[1]].map(|p| p.diagnostics[name].clone()).concat();
            assert_eq!(*values, joined, "{model}: {name}");
        }
        assert_eq!(parts[1].samples, (10..20).collect::<Vec<_>>());
    }
}

#[test]
fn every_solver_grid_and_gain_runs() {
    let folder = folder();
    let here = folder.path();
    let ends = |flags: &str| {
        succeed(here, &format!("pathline sample ring -n 6 {flags} --out a.npz --force"));
        match npz::read(&here.join("a.npz")).unwrap().remove("x").unwrap().into_values() {
            Values::F32(x) => x,
            other => panic!("{other:?}"),
        }
    };
    let apart = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).abs()).fold(0.0, f64::max)
    };
    let exact = ends("--steps 2000 --solver heun");
    for (flags, tolerance) in [
        ("--steps 400 --solver euler", 0.05),
        ("--steps 60 --solver midpoint", 0.05),
        ("--steps 60 --solver heun", 0.05),
        ("--steps 40 --solver rk4", 0.02),
        ("--steps 40 --solver dopri5", 0.02),
        ("--solver dopri5 --rtol 1e-5", 0.005),
        ("--steps 200 --solver heun --grid shifted:0.5", 0.02),
        ("--steps 200 --solver heun --grid power:0.7", 0.02),
    ] {
        let off = apart(&ends(flags), &exact);
        assert!(off < tolerance, "{flags}: {off}");
    }
    let plain = ends("--steps 20");
    for flags in [
        "--steps 20 --kts 0.05,0",
        "--steps 20 --ssc 0.05",
        r#"--steps 20 --gain '{"kind":"constant","factor":1.1}'"#,
        "--steps 20 --until 0.5",
        "--grid 0,0.3,0.9,1",
        "--steps 20 --seed 1",
    ] {
        assert!(apart(&ends(flags), &plain) > 1e-3, "{flags} changes nothing");
    }
    assert_eq!(ends("--steps 20 --until 1"), plain);
    assert_eq!(ends(r#"--steps 20 --gain '{"kind":"constant","factor":1}'"#), plain);
}

#[test]
fn a_switch_of_class_is_followed_and_recorded() {
    let folder = folder();
    let here = folder.path();
    let run = |flags: &str| {
        let line = format!(
            "pathline sample fashion-mnist -n 5 --steps 20 {flags} --out a.safetensors --force"
        );
        succeed(here, &line);
        recording(here, "a.safetensors")
    };
    let (old, new) = (run("--class 1"), run("--class 8"));
    let (early, late) = (
        run("--class 1 --switch-to 8 --switch-at 0.1"),
        run("--class 1 --switch-to 8 --switch-at 0.7"),
    );
    assert_eq!(late.labels, Some(vec![8; 5]));
    assert!(early.end() != old.end() && late.end() != old.end());
    let off = |a: &Recording| -> f64 {
        let (a, b) = (a.end().unwrap().as_slice(), new.end().unwrap().as_slice());
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    assert!(off(&early) < off(&late), "{} {}", off(&early), off(&late));
    // Guidance of scale 1 is the conditional field, up to rounding.
    let guided = run("--class 8 --guidance 1");
    assert!(off(&guided) < 1e-6, "{}", off(&guided));
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let folder = folder();
    for (shell, check) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")] {
        let script = succeed(folder.path(), &format!("pathline completions {shell}"));
        for word in COMMANDS.iter().chain(&["switch-to", "threads"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let file = folder.path().join(shell);
        std::fs::write(&file, script).unwrap();
        // The shells read it without running it, where they are installed.
        if let Ok(read) = std::process::Command::new(check).arg("-n").arg(&file).output() {
            assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
}

#[test]
fn points_are_drawn_where_nothing_is_written() {
    let folder = folder();
    let ran = pathline(folder.path(), &words("sample ring -n 200 --steps 20"));
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.lines().count() > 20, "{}", ran.stdout);
    assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    assert!(listing(folder.path()).is_empty());
    // A singular field with Heun says what was done about it.
    let ran = pathline(folder.path(), &words("sample moons -n 5 --steps 5 --solver heun"));
    assert!(ran.stderr.starts_with("note: "), "{}", ran.stderr);
}

#[test]
fn snapshots_of_stable_texts() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}

#[test]
fn measuring_with_data_gives_the_floor_and_measuring_a_recording_takes_no_run_flags() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let printed = succeed(here, "pathline measure moons -n 50 --steps 20 --data moons");
    assert!(printed.contains("memorised") && printed.contains("floor"), "{printed}");
    succeed(here, "pathline sample ring -n 5 --steps 3 --out r.safetensors");
    let refused = pathline(here, &words("pathline measure r.safetensors --steps 8"));
    assert_eq!(refused.code, Some(2));
    let said = refused.stderr;
    assert!(said.starts_with("error:") && said.lines().count() == 1, "{said}");
}
