//! What is said of the embedded networks is said of the files that are here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::path::{Path, PathBuf};

use pathline::kernels::ProductPrecision;
use pathline_data::sha256;
use pathline_study::{TableRows, quality_table};

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

fn digest(file: &str) -> String {
    sha256::hex(&std::fs::read(assets().join(file)).unwrap())
}

#[test]
fn the_readme_names_every_network_with_its_digest() {
    let readme = std::fs::read_to_string(assets().join("README.md")).unwrap();
    let mut networks = 0;
    for entry in std::fs::read_dir(assets()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".safetensors") {
            let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap();
            assert!(row.contains(&digest(&name)), "{name}: {}", digest(&name));
            networks += 1;
        }
    }
    assert_eq!(networks, 3);
}

#[test]
fn the_table_and_the_second_opinion_are_of_the_model_that_is_embedded() {
    let table = pathline_study::embedded_table().unwrap();
    let model = pathline_study::embedded_model().unwrap();
    assert_eq!(table.model, format!("{:016x}", model.parameters().fingerprint()));
    let opinion = std::fs::read_to_string(assets().join("second_opinion.json")).unwrap();
    let opinion: serde_json::Value = serde_json::from_str(&opinion).unwrap();
    assert_eq!(opinion["model_sha256"], digest("fashion-mnist-unet.safetensors").as_str());
}

/// The table of `demo --full`, with few rows: measured, and gone on with where it was.
#[test]
fn a_table_that_was_interrupted_goes_on_to_the_same_numbers() {
    let data = "/usr/share/datasets/fashion-mnist";
    if !Path::new(data).is_dir() {
        assert!(std::env::var_os("PATHLINE_REQUIRE_DATA").is_none(), "no {data}");
        eprintln!("SKIPPED: no {data}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("table.json");
    let rows = TableRows { compared: &[2, 4], guided: &[2], scales: &[1.0, 2.0] };
    let measure =
        |samples| quality_table(&rows, data, (samples, ProductPrecision::F32), &kept, &mut ());
    let whole = measure(40).unwrap();
    assert_eq!((whole.ways.len(), whole.guidance.len(), whole.samples), (10, 2, 40));
    assert!(whole.ways.iter().all(|row| row.kid.low < row.kid.value && row.frechet > 0.0));
    assert!(whole.ways.iter().all(|row| (row.method == "Euler") == row.kid_less_euler.is_none()));
    // As after a stop: some rows are missing.
    let mut part = whole.clone();
    part.ways.truncate(5);
    part.guidance.remove(0);
    std::fs::write(&kept, serde_json::to_string(&part).unwrap()).unwrap();
    assert_eq!(measure(40).unwrap(), whole);
    // Another number of samples is another table.
    assert!(measure(41).unwrap_err().to_string().contains("number of samples"));
}
