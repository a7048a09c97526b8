//! JPEG images against what Pillow reads, and folders and Parquet files of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use pathline_data::{Error, Values, jpeg, load, npz};

use common::golden;

fn skipped(why: &str) {
    // Written past the test harness, which keeps the output of tests that pass.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

#[test]
fn levels_are_those_of_pillow_but_for_rounding() {
    let mut wanted = npz::read(&golden("jpegs.npz")).unwrap();
    // Colours at half the height too are made whole by another rounding than libjpeg's.
    for (name, largest, mean) in [
        ("gray", 1, 0.01),
        ("full", 2, 0.05),
        ("wide", 2, 0.2),
        ("half", 3, 0.4),
        ("progressive", 3, 0.4),
        ("restarts", 3, 0.4),
    ] {
        let image = jpeg::read(&golden(&format!("{name}.jpg"))).unwrap();
        let array = wanted.remove(name).unwrap();
        let channels = if name == "gray" { 1 } else { 3 };
        assert_eq!((image.height, image.width, image.channels), (29, 37, channels));
        let Values::U8(levels) = array.into_values() else { panic!("{name}: no levels") };
        assert_eq!(image.levels.len(), levels.len());
        let apart: Vec<u8> =
            image.levels.iter().zip(&levels).map(|(a, b)| a.abs_diff(*b)).collect();
        let share = apart.iter().filter(|&&d| d > 2).count() as f64 / apart.len() as f64;
        let average = apart.iter().map(|&d| f64::from(d)).sum::<f64>() / apart.len() as f64;
        assert!(apart.iter().all(|&d| d <= largest), "{name}: {:?}", apart.iter().max());
        assert!(average < mean && share < 1e-3, "{name}: mean {average}, {share} above 2");
    }
}

#[test]
fn inks_and_false_sizes_are_refused() {
    let error = jpeg::read(&golden("cmyk.jpg")).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    assert!(error.to_string().contains("RGB"), "{error}");
    // The size stands after the mark of the frame: 0xffc0, length, depth.
    let mut bytes = std::fs::read(golden("gray.jpg")).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    for (size, what) in [([0xff; 4], "takes more"), ([0x10, 0, 0x10, 0], "bytes for")] {
        bytes[frame + 5..frame + 9].copy_from_slice(&size);
        let error = jpeg::decode(&bytes, Path::new("a.jpg")).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn folders_of_jpeg_files_have_their_subfolders_as_classes() {
    let folder = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| {
        let path = folder.path().join(to);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(golden(from), path).unwrap();
    };
    put("full.jpg", "cat/b.jpeg");
    put("half.jpg", "cat/a.JPG");
    put("wide.jpg", "dog/a.jpg");
    let set = load(folder.path()).unwrap();
    assert_eq!((set.shape().extents(), set.scaled), (&[3, 29, 37][..], true));
    assert_eq!(set.labels, Some(vec![0, 0, 1]));
    // Channel after channel, from -1 to 1, in the order of the names.
    let image = jpeg::read(&golden("full.jpg")).unwrap();
    let green = f64::from(image.levels[3 * (2 * 37 + 5) + 1]) / 127.5 - 1.0;
    assert_eq!(set.batch.row(1)[29 * 37 + 2 * 37 + 5], green as f32);
    std::fs::write(
        folder.path().join("dog/b.jpg"),
        &std::fs::read(golden("wide.jpg")).unwrap()[..700],
    )
    .unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("b.jpg") && error.contains("again"), "{error}");
}

#[test]
fn parquet_files_go_through_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let false_file = folder.path().join("a.parquet");
    std::fs::write(&false_file, b"PAR1 and more").unwrap();
    let error = load(&false_file).unwrap_err().to_string();
    assert!(error.contains("a.parquet") && error.contains("parquet_to_npz.py"), "{error}");
    let shared = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let cifar = shared.join("data/cifar10/test-00000-of-00001.parquet");
    if !cifar.is_file() {
        skipped(&format!("no {}: set PATHLINE_SHARED", cifar.display()));
        return;
    }
    let python = std::env::var_os("PATHLINE_PYTHON").unwrap_or_else(|| "python3".into());
    let able = Command::new(&python).args(["-c", "import numpy, PIL, pyarrow"]).output();
    if !able.is_ok_and(|able| able.status.success()) {
        skipped("no Python with numpy, pillow and pyarrow: name one in PATHLINE_PYTHON");
        return;
    }
    let out = folder.path().join("cifar10.npz");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/parquet_to_npz.py");
    let run = Command::new(&python).args([&script, &cifar, &out]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let set = load(&out).unwrap();
    assert_eq!((set.batch.len(), set.shape().extents()), (10_000, &[3, 32, 32][..]));
    assert!(set.scaled && set.classes() == 10);
    let labels = set.labels.unwrap();
    assert!((0..10).all(|class| labels.iter().filter(|&&l| l == class).count() == 1000));
}
