//! Runs side by side: what is known to differ is found with its size, what is the same is not, and what
//! is not paired is refused.
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
use serde_json::Value;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&succeed(folder, &format!("{line} --json"))).unwrap()
}

fn recording(folder: &Path, name: &str) -> Recording {
    Recording::from_bytes(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value}"))
}

fn row<'a>(found: &'a Value, list: &str, quantity: &str, run: u64) -> &'a Value {
    let of = |row: &&Value| row["quantity"] == quantity && row["run"] == run;
    found[list].as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{quantity}"))
}

fn close(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()), "{what}: {found}, not {wanted}");
}

#[test]
fn a_run_compared_with_itself_does_not_differ() {
    let folder = folder();
    let here = folder.path();
    succeed(here, "pathline sample moons -n 60 --steps 8 --out r.safetensors");
    let found = json(here, "pathline compare r.safetensors r.safetensors --data moons");
    let rows = found["differences"].as_array().unwrap();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        for path in ["/difference/value", "/difference/low", "/difference/high", "/effect/value"] {
            assert_eq!(number(row, path), 0.0, "{row}");
        }
        assert_eq!((number(row, "/above"), number(row, "/below")), (0.0, 0.0));
        assert_eq!((number(row, "/p_value"), number(row, "/p_adjusted")), (1.0, 1.0));
    }
    let sets = found["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 8);
    for row in sets {
        for path in ["/difference/value", "/difference/low", "/difference/high"] {
            assert_eq!(number(row, path), 0.0, "{row}");
        }
    }
    assert_eq!(number(&found, "/distances/0/largest"), 0.0);
}

/// Wilcoxon's normal approximation, ranks counted pair by pair.
fn signed_ranks(differences: &[f64]) -> f64 {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let rank = |size: f64| {
        let below = kept.iter().filter(|d| d.abs() < size).count() as f64;
        below + (kept.iter().filter(|d| d.abs() == size).count() as f64 + 1.0) / 2.0
    };
    let signed: f64 = kept.iter().map(|d| d.signum() * rank(d.abs())).sum();
    let squares: f64 = kept.iter().map(|d| rank(d.abs()).powi(2)).sum();
    (signed / squares.sqrt()).abs()
}

#[test]
fn a_known_difference_is_found_with_its_sign_and_size() {
    let folder = folder();
    let here = folder.path();
    succeed(here, "pathline sample ring -n 300 --seed 5 --steps 8 --out a.safetensors");
    succeed(
        here,
        "pathline sample ring -n 300 --seed 5 --steps 8 --solver heun --out b.safetensors",
    );
    let found = json(here, "pathline compare a.safetensors b.safetensors --page c.html");
    let (a, b) = (recording(here, "a.safetensors"), recording(here, "b.safetensors"));
    let n = 300.0;
    for name in ["energy.left", "energy.chord", "energy.bending", "length.path"] {
        let pairs = a.diagnostics[name].iter().zip(&b.diagnostics[name]);
        let differences: Vec<f64> = pairs.map(|(a, b)| b - a).collect();
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let row = row(&found, "differences", name, 1);
        close(number(row, "/difference/value"), mean, name);
        // Student's quantile at .975 with 299 degrees of freedom.
        let half = 1.967_929_669 * (variance / n).sqrt();
        assert!((number(row, "/difference/high") - mean - half).abs() < 1e-6 * half, "{row}");
        close(number(row, "/effect/value"), mean / variance.sqrt(), name);
        let above = differences.iter().filter(|d| **d > 0.0).count() as f64 / n;
        close(number(row, "/above"), above, name);
        let column = |r: &Recording| r.diagnostics[name].iter().sum::<f64>() / n;
        close(number(row, "/baseline"), column(&a), name);
        close(number(row, "/value"), column(&b), name);
        // The tail beyond z, by the series of its asymptotic bounds: enough for a size.
        let (z, p) = (signed_ranks(&differences), number(row, "/p_value"));
        let upper = 2.0 * (-z * z / 2.0).exp() / (z * (2.0 * std::f64::consts::PI).sqrt());
        assert!(p <= upper && p >= upper * (1.0 - 1.0 / (z * z)), "{name}: z {z}, p {p}");
        assert!(number(row, "/p_adjusted") >= p);
    }
    // Euler's samples fall short of the modes, and bend more on the way.
    let end = |name: &str, which: &str| number(row(&found, "differences", name, 1), which);
    assert!(end("length.chord", "/difference/low") > 0.0);
    assert!(end("energy.bending", "/difference/high") < 0.0);
    assert!(end("energy.bending", "/p_adjusted") < 1e-6);
    let apart: Vec<f64> = {
        let ends = [&a, &b].map(|r| r.end().unwrap().clone());
        let pairs = ends[0].rows().iter().zip(ends[1].rows().iter()).map(|(a, b)| {
            a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        });
        pairs.collect()
    };
    let mean = apart.iter().sum::<f64>() / n;
    assert!((number(&found, "/distances/0/mean/value") - mean).abs() < 1e-5 * mean);
    let page = std::fs::read_to_string(here.join("c.html")).unwrap();
    for figure in ["effects", "differences-1", "apart", "energy", "ends-plane", "run-table"] {
        assert!(page.contains(&format!("<figure id=\"{figure}\"")), "{figure}");
    }
    // Runs told by their flags are the same runs.
    let told = json(
        here,
        "pathline compare ring -n 300 --seed 5 --steps 8 --run '' --run '--solver heun' --threads 1",
    );
    assert_eq!(told["differences"], found["differences"]);
    assert_eq!(told["distances"], found["distances"]);
    assert_eq!(told["runs"][1]["name"], "ring --solver heun");
    // A recording beside a model, in the same words.
    let mixed =
        json(here, "pathline compare a.safetensors ring -n 300 --seed 5 --steps 8 --solver heun");
    assert_eq!(mixed["differences"], found["differences"]);
}

#[test]
fn several_runs_share_one_baseline_and_one_correction() {
    let folder = folder();
    let here = folder.path();
    let line = "pathline compare ring -n 80 --steps 9 --run '--steps 20' --run '--solver heun --steps 10' \
                --run '--steps 20 --kts .01,.01' --run '--steps=20 --ssc .05'";
    let found = json(here, line);
    assert_eq!(found["runs"].as_array().unwrap().len(), 4);
    assert_eq!(number(&found, "/runs/0/evaluations"), 20.0);
    let rows = found["differences"].as_array().unwrap();
    let smallest = rows.iter().map(|r| number(r, "/p_value")).fold(1.0, f64::min);
    let adjusted = rows.iter().map(|r| number(r, "/p_adjusted")).fold(1.0, f64::min);
    close(adjusted, (smallest * rows.len() as f64).min(1.0), "the smallest p-value by Holm");
    // With a gain the raw energies are other numbers, without one they are not shown twice.
    let raw = |run: u64| rows.iter().any(|r| r["quantity"] == "energy.left_raw" && r["run"] == run);
    assert!(!raw(1) && raw(2) && raw(3));
    let plain = json(here, "pathline compare ring -n 20 --run '--steps 4' --run '--steps 5'");
    let names: Vec<_> =
        plain["differences"].as_array().unwrap().iter().map(|r| &r["quantity"]).collect();
    assert!(!names.iter().any(|n| *n == "energy.left_raw"), "{names:?}");
    let shown = succeed(here, "pathline compare ring -n 20 --run '--steps 4' --run '--steps 5'");
    for text in ["baseline", "B - A", "p (Holm)", "straightness", "energy.bending", "--steps 5"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    let quoted = "--steps 4 --gain '{\"kind\": \"constant\", \"factor\": 1.1}'";
    let ran =
        pathline(here, &["compare", "ring", "-n", "9", "--run", "--steps 4", "--run", quoted]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn sets_of_images_are_compared_in_the_features_of_the_judge() {
    let folder = folder();
    let here = folder.path();
    // The exact field against half the way to it: blurred images are further from the data.
    let line = "pathline compare fashion-mnist --class each -n 60 --steps 6 --data fashion-mnist \
                --run '' --run '--until 0.7' --page c.html";
    let found = json(here, line);
    for (measure, sign) in [
        ("KID", 1.0),
        ("Frechet distance", 1.0),
        ("precision", -1.0),
        ("sliced Wasserstein", 1.0),
        ("MMD (Gaussian)", 1.0),
    ] {
        let row = row(&found, "sets", measure, 1);
        let (low, high) = (number(row, "/difference/low"), number(row, "/difference/high"));
        assert!(sign * low > 0.0 && sign * high > 0.0, "{row}");
        let direct = number(row, "/value") - number(row, "/baseline");
        close(number(row, "/difference/value"), direct, measure);
    }
    // Images on half of their way are hardly of any class yet; the exact field's are the training images themselves.
    let margin = "margin of the class asked for (the embedded judge)";
    let margin = row(&found, "differences", margin, 1);
    assert!(number(margin, "/baseline") > 3.0, "{margin}");
    assert!(number(margin, "/difference/high") < 0.0, "{margin}");
    let confidence = "confidence in that class (the embedded judge)";
    let confidence = row(&found, "differences", confidence, 1);
    assert!(number(confidence, "/baseline") > 0.9, "{confidence}");
    // Without classes there is no margin.
    let unasked = "pathline compare fashion-mnist -n 4 --steps 2 --data fashion-mnist --run '' --run '--until 0.7'";
    assert!(!json(here, unasked)["differences"].to_string().contains("margin"));
    let copied = row(&found, "differences", "d1/d2 in fashion-mnist", 1);
    assert!(
        number(copied, "/baseline") < 0.1 && number(copied, "/difference/low") > 0.1,
        "{copied}"
    );
    // The share that is copied, as a difference of shares.
    let share = row(&found, "differences", "memorised (d1/d2 < 1/3 in fashion-mnist)", 1);
    assert_eq!(number(share, "/baseline"), 1.0, "{share}");
    close(number(share, "/difference/value"), number(share, "/value") - 1.0, "memorised");
    let density = row(&found, "differences", "log density in fashion-mnist (10-NN)", 1);
    assert!(number(density, "/p_adjusted") < 1e-3, "{density}");
    assert!(found["notes"].to_string().contains("another time"), "{}", found["notes"]);
    let page = std::fs::read_to_string(here.join("c.html")).unwrap();
    for figure in ["ends-first", "ends-furthest", "set-table"] {
        assert!(page.contains(&format!("<figure id=\"{figure}\"")), "{figure}");
    }
}

#[test]
fn what_is_not_paired_is_refused_in_one_line_that_names_it() {
    let folder = folder();
    let here = folder.path();
    for (name, flags) in [
        ("a", "ring -n 10"),
        ("seed", "ring -n 10 --seed 3"),
        ("fewer", "ring -n 9"),
        ("later", "ring -n 10 --first 10"),
        ("source", "ring -n 10 --source eight-gaussians"),
        ("one", "ring -n 1"),
        ("images", "fashion-mnist -n 10"),
    ] {
        succeed(here, &format!("pathline sample {flags} --steps 3 --out {name}.safetensors"));
    }
    std::fs::write(here.join("c.html"), "mine").unwrap();
    let before = listing(here);
    for (line, parts) in [
        (
            "compare a.safetensors seed.safetensors",
            &["seed.safetensors", "seed is 3", "0", "--seed"][..],
        ),
        ("compare a.safetensors fewer.safetensors", &["0 to 8", "0 to 9", "--samples"]),
        ("compare a.safetensors later.safetensors", &["10 to 19", "0 to 9", "--first"]),
        ("compare a.safetensors source.safetensors", &["eight-gaussians", "normal", "--source"]),
        ("compare a.safetensors images.safetensors", &["[1, 28, 28]", "[2]"]),
        ("compare one.safetensors one.safetensors", &["one.safetensors", "at least two", "-n"]),
        ("compare a.safetensors", &["at least two", "--run"]),
        ("compare ring", &["at least two", "--run"]),
        ("compare a.safetensors a.safetensors --steps 4", &["a.safetensors", "recordings"]),
        ("compare a.safetensors a.safetensors --run ''", &["recordings"]),
        ("compare a.safetensors ring -n 11", &["ring", "0 to 10"]),
        ("compare ring --run '' --run '--seed 3'", &["ring --seed 3", "seed is 3"]),
        ("compare ring --run '' --run '--step 3'", &["--run '--step 3'", "unexpected argument"]),
        ("compare ring --run '' --run '--kts .1,.1 --ssc .1'", &["--run", "cannot be used with"]),
        ("compare ring --run '' --run '--gain \"{'", &["--run", "close it"]),
        ("compare ring --run '' --run 'moons'", &["--run 'moons'", "unexpected argument"]),
        ("compare ring --run '' --run '--solver hoin'", &["hoin", "heun"]),
        ("compare ring --run '' --run '--steps 3' --page c.html", &["c.html", "--force"]),
        ("compare ring --run '' --run '--steps 3' --data monos", &["monos", "moons"]),
        ("compare ring --run '' --run '--steps 3' --data fashion-mnist", &["fashion-mnist", "[2]"]),
        ("compare missing.safetensors a.safetensors", &["missing.safetensors"]),
    ] {
        let ran = pathline(here, &words(line));
        assert_eq!(ran.code, Some(2), "{line}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.is_empty(), "{line}: {}", ran.stdout);
        let said = ran.stderr.lines().filter(|l| !l.starts_with("note: ")).collect::<Vec<_>>();
        assert!(said.len() == 1 && said[0].starts_with("error: "), "{line}: {}", ran.stderr);
        for part in parts {
            assert!(said[0].contains(part), "{line}: {part} in {}", said[0]);
        }
    }
    assert!(listing(here) == before, "a refused comparison left something behind");
}
