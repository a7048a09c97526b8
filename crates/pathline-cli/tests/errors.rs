//! What goes wrong says so in one line that names place and remedy, ends with code 2, prints nothing
//! on standard output and leaves the folder as it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so where they cannot run"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{listing, pathline, succeed, words};
use pathline_data::atomic::Existing;
use pathline_data::{Array, Tensor, Values, npz, safetensors};

/// A safetensors file of these tensors.
fn tensors(list: &[(&str, Vec<usize>, f32)]) -> Vec<u8> {
    let tensor = |(name, shape, value): &(&str, Vec<usize>, f32)| {
        let data = vec![*value; shape.iter().product()];
        ((*name).to_owned(), Tensor::new(shape.clone(), data).unwrap())
    };
    safetensors::encode(&list.iter().map(tensor).collect(), None)
}

fn arrays(path: &Path, list: &[(&str, Vec<usize>, Values)]) {
    let array = |(name, shape, values): &(&str, Vec<usize>, Values)| {
        ((*name).to_owned(), Array::new(shape.clone(), values.clone()).unwrap())
    };
    let list: BTreeMap<_, _> = list.iter().map(array).collect();
    npz::write(path, &list, Existing::Keep).unwrap();
}

/// A folder with all that can be wrong with a file.
fn damaged() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, bytes: &[u8]| std::fs::write(at(name), bytes).unwrap();
    put("junk.pt", b"PK\x03\x04 and nothing more");
    put("old.pth", b"\x80\x02no pickle");
    put("empty.pt", b"");
    put("junk.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}");
    let net = [
        ("net.0.weight", vec![4, 3], 0.1),
        ("net.0.bias", vec![4], 0.1),
        ("net.2.weight", vec![2, 4], 0.1),
        ("net.2.bias", vec![2], 0.1),
    ];
    let whole = tensors(&net);
    put("good.safetensors", &whole);
    put("cut.safetensors", &whole[..whole.len() - 9]);
    let mut wide = net.clone();
    wide[0].1 = vec![4, 5];
    put("wide.safetensors", &tensors(&wide));
    let mut nan = net.clone();
    nan[2].2 = f32::NAN;
    put("nan.safetensors", &tensors(&nan));
    put("other.safetensors", &tensors(&[("encoder.weight", vec![4, 3], 0.1)]));
    let header = br#"{"net.0.weight":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}"#;
    let mut whole_numbers = (header.len() as u64).to_le_bytes().to_vec();
    whole_numbers.extend_from_slice(header);
    whole_numbers.extend_from_slice(&[0; 8]);
    put("i64.safetensors", &whole_numbers);
    arrays(&at("good.npz"), &[("x", vec![3, 2], Values::F32(vec![0., 1., 2., 3., 4., 5.]))]);
    let bytes = std::fs::read(at("good.npz")).unwrap();
    put("cut.npz", &bytes[..bytes.len() / 2]);
    arrays(&at("nan.npz"), &[("x", vec![2, 2], Values::F32(vec![0., 1., f32::NAN, 3.]))]);
    arrays(&at("five.npz"), &[("x", vec![1, 1, 1, 1, 1], Values::F32(vec![0.]))]);
    arrays(&at("unnamed.npz"), &[("weights", vec![1, 1], Values::F32(vec![0.]))]);
    let labels = ("y", vec![3], Values::I64(vec![0, 1, 2]));
    arrays(&at("labels.npz"), &[("x", vec![2, 2], Values::F32(vec![0.; 4])), labels]);
    put("cut-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3]);
    put("words.csv", b"1,2\n3,four\n");
    put("nan.csv", b"1,2\n3,nan\n");
    put("ragged.csv", b"1,2\n3\n");
    put("bad.png", b"\x89PNG\r\n\x1a\nand nothing more");
    put("no-format", b"hello");
    put("exists.npz", b"mine");
    put("new\nline.npz", b"hello");
    for inside in ["empty", "pictures", "foreign", "taken"] {
        std::fs::create_dir(at(inside)).unwrap();
    }
    put("pictures/bad.png", b"\x89PNG\r\n\x1a\nand nothing more");
    put("foreign/report.html", b"mine");
    put("taken/demo.json", b"mine");
    succeed(folder.path(), "pathline sample ring -n 3 --steps 2 --out run.safetensors");
    let recording = std::fs::read(at("run.safetensors")).unwrap();
    put("cut-run.safetensors", &recording[..recording.len() - 5]);
    folder
}

/// Command lines that must fail, each with what its message must hold.
const FAILURES: &[(&str, &[&str])] = &[
    // Models.
    ("sample missing.pt", &["missing.pt", "check the name"]),
    ("sample missing.safetensors", &["missing.safetensors", "check the name"]),
    ("sample junk.pt", &["junk.pt"]),
    ("sample old.pth", &["old.pth"]),
    ("sample empty.pt", &["empty.pt"]),
    ("sample junk.safetensors", &["junk.safetensors"]),
    ("sample cut.safetensors", &["cut.safetensors"]),
    ("sample wide.safetensors", &["wide.safetensors", "net.0.weight", "[4, 3]", "[4, 5]"]),
    ("sample nan.safetensors", &["nan.safetensors", "net.2.weight"]),
    ("sample other.safetensors", &["other.safetensors", "encoder.weight", "net.0.weight"]),
    ("sample i64.safetensors", &["i64.safetensors"]),
    ("sample run.safetensors", &["run.safetensors", "recording"]),
    ("sample empty", &["empty"]),
    ("sample pictures", &["pictures", "bad.png"]),
    ("sample good.safetensors --class 3", &["--class", "data set"]),
    ("sample good.safetensors --guidance 2 --class 1", &["--class"]),
    // Claims.
    ("claims 99", &["claim 99", "known are"]),
    ("claims --judge missing", &["missing", "cannot be read"]),
    ("claims --judge pictures", &["pictures", "no raw numbers"]),
    ("claims 24 --out foreign", &["foreign", "no ledger made"]),
    // Data sets.
    ("sample monos", &["monos", "moons", "fashion-mnist"]),
    ("sample moons:many", &["moons:many", "moons:500"]),
    ("sample moons:0", &["moons:0", "moons:500"]),
    ("sample moons:99999999999", &["moons:99999999999", "at most"]),
    ("sample missing.npz", &["missing.npz"]),
    ("sample cut.npz", &["cut.npz"]),
    ("sample nan.npz", &["nan.npz", "row 1", "column 0", "NaN"]),
    ("sample five.npz", &["five.npz", "[1, 1, 1, 1, 1]"]),
    ("sample unnamed.npz", &["unnamed.npz", "weights", "images"]),
    ("sample labels.npz", &["labels.npz", "3 labels for 2"]),
    ("sample cut-idx3-ubyte", &["cut-idx3-ubyte"]),
    ("sample words.csv", &["words.csv", "line 2", "four"]),
    ("sample nan.csv", &["nan.csv", "line 2"]),
    ("sample ragged.csv", &["ragged.csv", "line 2"]),
    ("sample bad.png", &["bad.png"]),
    ("sample no-format", &["no-format", ".npz"]),
    ("sample 'new\nline.npz'", &["line.npz"]),
    ("sample good.npz --class 0", &["good.npz", "no labels"]),
    ("sample good.npz --class each", &["good.npz", "no labels"]),
    ("sample ring --precision bf16", &["--precision", "network"]),
    ("sample fashion-mnist --class 10", &["10"]),
    ("sample fashion-mnist --class 3,11", &["11"]),
    ("sample fashion-mnist --class boot", &["--class", "boot"]),
    ("sample fashion-mnist --class 1 --switch-to 12 --switch-at 0.5", &["12"]),
    ("sample fashion-mnist --class 1 --switch-to 2 --switch-at 1.5", &["--switch-at", "1.5"]),
    ("sample fashion-mnist --class 1 --guidance nan", &["NaN", "guidance"]),
    ("sample fashion-mnist --class 1 --guidance inf", &["inf", "guidance"]),
    // Fields as JSON.
    (r#"sample '{"kind":"rong"}'"#, &["MODEL", "rong", "ring"]),
    (r#"sample '{"kind":"ring"}'"#, &["MODEL", "modes"]),
    (r#"sample '{"kind":"ring","modes":3,"radius":1,"std":1,"colour":2}'"#, &["colour", "radius"]),
    (r#"sample '{"kind":"ring","modes":0,"radius":1,"std":1}'"#, &["component"]),
    (
        r#"sample '{"kind":"ring","modes":4000000000,"radius":1,"std":1}'"#,
        &["4000000000", "at most"],
    ),
    (r#"sample '{"kind":"ring","modes":3,"radius":1,"std":-1}'"#, &["-1"]),
    (r#"sample '{"kind":"gaussian","mean":[],"std":1}'"#, &["coordinates", "found 0"]),
    (r#"sample '{"kind":"network","checkpoint":"missing.pt"}'"#, &["missing.pt"]),
    ("sample '{'", &["MODEL", "line 1"]),
    // Runs.
    ("sample ring -n 0", &["samples", "at least one"]),
    ("sample ring -n 99999999999999", &["99999999999999", "--first"]),
    ("sample ring -n 18446744073709551615", &["18446744073709551615", "--first"]),
    ("sample ring -n 2 --first 18446744073709551615", &["18446744073709551615", "--first"]),
    ("sample ring --steps 0", &["steps", "at least one"]),
    ("sample ring --steps 18446744073709551615", &["steps", "at most"]),
    ("sample ring -n 1000 --steps 9000000 --save-every 1", &["save-every"]),
    ("sample ring --save-every 0", &["--save-every", "at least 1"]),
    ("sample ring --solver hoin", &["hoin", "heun"]),
    ("sample ring --grid unifrom", &["--grid", "unifrom", "uniform"]),
    ("sample ring --grid shifted:x", &["--grid", "`x`"]),
    ("sample ring --grid shifted:0", &["shift", "positive"]),
    ("sample ring --grid power:-1", &["exponent", "positive"]),
    ("sample ring --grid 0,0.5,0.4", &["0.4", "rise"]),
    ("sample ring --grid 0,2", &["2", "0 (source)"]),
    ("sample ring --grid 0,0.5,1 --until 0.5", &["--until", "--grid"]),
    ("sample ring --until 2", &["--until", "2", "1 (target)"]),
    ("sample ring --until nan", &["NaN"]),
    ("sample ring --until 0", &["0"]),
    ("sample ring --rtol 1e-9 --solver dopri5", &["1e-6", "32-bit"]),
    ("sample ring --rtol 1e-3", &["euler", "dopri5"]),
    ("sample ring --rtol 1e-3 --atol -1 --solver dopri5", &["absolute tolerance", "positive"]),
    ("sample ring --kts 0,0.2", &["negative"]),
    ("sample ring --kts 0.1", &["--kts", "launch,landing"]),
    ("sample ring --kts a,b", &["--kts", "`a`"]),
    ("sample ring --ssc nan", &["--ssc", "NaN"]),
    ("sample ring --kts nan,0", &["--kts", "NaN"]),
    ("sample ring --kts -inf,0", &["--kts", "inf"]),
    (r#"sample ring --gain '{"kind":"scc"}'"#, &["--gain", "scc", "ssc"]),
    (r#"sample ring --gain '{"kind":"ssc","aera":1}'"#, &["--gain", "aera", "area"]),
    ("sample ring --source monos", &["monos", "moons"]),
    ("sample fashion-mnist --source moons", &["source points", "[1, 28, 28]"]),
    // Outputs.
    ("sample ring --out exists.npz", &["exists.npz", "--force"]),
    ("sample ring --out nowhere/a.npz", &["nowhere", "make it first"]),
    ("sample ring --out nowhere/a.npz --force", &["nowhere", "make it first"]),
    ("sample ring --out empty", &["empty", "folder"]),
    ("sample ring --out empty --force", &["empty", "folder"]),
    ("sample ring --out a.jpeg", &["a.jpeg", ".png"]),
    ("sample ring --out a", &["unknown file ending", ".npz"]),
    ("sample ring --out a.npz --out a.png", &["a.png", "no images"]),
    ("sample ring --out a.npz --out a.npz", &["a.npz", "twice"]),
    ("sample ring --out a.npz --out exists.npz", &["exists.npz", "--force"]),
    // Measure and view.
    ("measure missing.safetensors", &["missing.safetensors", "check the name"]),
    ("measure cut-run.safetensors", &["cut-run.safetensors"]),
    ("measure run.safetensors --data missing.npz", &["missing.npz"]),
    ("measure run.safetensors --data fashion-mnist", &["[2]", "28"]),
    ("sample ring --source-scale much", &["--source-scale", "much"]),
    ("sample ring --source-scale 0", &["divisor of the source", "positive"]),
    ("sample ring --clock-shift 3", &["shift of the clock", "from -1 to 1"]),
    ("measure run.safetensors --page exists.npz", &["exists.npz", "--force"]),
    (
        "measure run.safetensors --data moons --features good.safetensors",
        &["good.safetensors", "EfficientNet-Lite0"],
    ),
    ("measure run.safetensors --data moons --features missing.pth", &["missing.pth"]),
    (
        "compare moons --run=--steps=2 --run=--steps=3 --perceptual good.safetensors",
        &["good.safetensors", "ST-LPIPS"],
    ),
    ("measure run.safetensors --page nowhere/a.html", &["nowhere", "make it first"]),
    ("view missing.safetensors", &["missing.safetensors"]),
    ("view good.safetensors", &["good.safetensors", "pathline sample"]),
    ("view cut-run.safetensors", &["cut-run.safetensors", "pathline sample"]),
    ("view run.safetensors cut-run.safetensors", &["cut-run.safetensors"]),
    ("view run.safetensors cut-run.safetensors --out pages", &["cut-run.safetensors"]),
    ("view run.safetensors run.safetensors", &["run.html", "twice"]),
    ("view run.safetensors --out exists.npz", &["exists.npz"]),
    // Demo.
    ("demo --out foreign", &["report.html", "not made by the demo", "--out"]),
    ("demo --out taken", &["demo.json", "not made by the demo", "--out"]),
    ("demo --out exists.npz", &["exists.npz", "--out"]),
];

#[test]
fn every_failure_is_one_line_with_its_place_and_remedy_and_changes_nothing() {
    let folder = damaged();
    let before = listing(folder.path());
    let mut wrong = Vec::new();
    for (line, expected) in FAILURES {
        let ran = pathline(folder.path(), &words(line));
        let mut complain = |what: String| {
            wrong.push(format!("`{line}`: {what} (code {:?}, said {:?})", ran.code, ran.stderr));
        };
        if ran.code != Some(2) {
            complain("does not end with code 2".to_owned());
        }
        if !ran.stdout.is_empty() {
            complain(format!("prints {:?}", ran.stdout));
        }
        if !ran.stderr.starts_with("error: ") || ran.stderr.lines().count() != 1 {
            complain("is not one line that begins with `error: `".to_owned());
        }
        for part in expected.iter().filter(|part| !ran.stderr.contains(**part)) {
            complain(format!("does not say `{part}`"));
        }
        if std::env::var_os("PATHLINE_SHOW_ERRORS").is_some() {
            eprintln!("{line}\n    {}", ran.stderr.trim_end());
        }
    }
    let after = listing(folder.path());
    for name in after.keys().chain(before.keys()) {
        if after.get(name) != before.get(name) {
            wrong.push(format!("{name} was made, changed or taken away"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Clap's own errors may take several lines; the rest holds for them too.
#[test]
fn usage_errors_end_with_code_2_and_print_no_data() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "",
        "smaple ring",
        "sample",
        "sample ring -n minus",
        "sample ring --steps -1",
        "sample ring --threads 0",
        "sample ring --kts 0,0 --ssc 0.1",
        "sample ring --guidance 2",
        "sample ring --switch-to 1 --switch-at 0.5",
        "sample fashion-mnist --class 1 --switch-to 1",
        "sample ring --atol 1",
        "sample model.safetensors --precision f8",
        "measure ring --features net.pth",
        "measure ring --data ring --features net.pth --resizing nearest",
        "view",
        "completions sea-shell",
    ] {
        let ran = pathline(folder.path(), &words(line));
        assert_eq!(ran.code, Some(2), "`{line}`: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "`{line}`: {}", ran.stdout);
        assert!(!ran.stderr.is_empty(), "`{line}`");
    }
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn a_run_out_of_budget_ends_with_code_1_and_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        "sample ring -n 5 --solver dopri5 --rtol 1e-6 --max-evaluations 30 --out a.safetensors";
    let ran = pathline(folder.path(), &words(line));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!(ran.stdout.trim(), "a.safetensors");
    assert!(ran.stderr.contains("ended early") && ran.stderr.contains("--max-evaluations"));
    let bytes = std::fs::read(folder.path().join("a.safetensors")).unwrap();
    let recording = pathline::recording::Recording::from_bytes(&bytes).unwrap();
    let last = *recording.times.last().unwrap();
    assert!(last > 0.0 && last < 1.0, "{last}");
    assert!(matches!(recording.run.outcome, pathline::Outcome::OutOfBudget { t } if t == last));
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), "pathline sample ring -n 3 --steps 2 --out run.safetensors");
    for line in [
        "sample ring --json",
        "sample ring",
        "measure run.safetensors --json",
        "view run.safetensors",
        "completions bash",
        "sample --help",
        "--version",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pathline"))
            .args(words(line))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}`: {:?} {stderr}", output.status);
        assert!(!stderr.contains("panicked") && !stderr.contains("error:"), "`{line}`: {stderr}");
    }
}

/// The user id of this process is that of its own entry in `/proc`.
#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or(true, |own| own.uid() == 0)
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to_is_named() {
    use std::os::unix::fs::PermissionsExt;
    if is_root() {
        eprintln!(
            "SKIPPED: root may write anywhere; run as another user to test read-only folders"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let ran = pathline(folder.path(), &words("sample ring -n 2 --steps 2 --out closed/a.npz"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: closed/a.npz"), "{}", ran.stderr);
    assert!(ran.stderr.contains("a folder you may write to"), "{}", ran.stderr);
    assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1));
    assert!(listing(&closed).is_empty());
}
