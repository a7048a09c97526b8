//! PyTorch files: made by the standard library's pickler, and 17 real checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};

use pathline_data::torch::{self, Scalar};
use pathline_data::{Error, Tensor};

use common::golden;

fn tensor(shape: &[usize], data: &[f32]) -> Tensor {
    Tensor::new(shape.to_vec(), data.to_vec()).unwrap()
}

#[test]
fn a_state_dictionary_reads_alike_in_every_protocol_and_form() {
    let values = tensor(&[2, 3], &[1.5, -2.0, 0.25, 4.0, 5.0, -6.5]);
    let files = ["state-2.pt", "state-3.pt", "state-4.pt", "state-5.pt", "state-legacy.pth"];
    for file in files {
        let state = torch::state_dict(&golden(file)).unwrap();
        assert_eq!(state.len(), 11, "{file}");
        for name in ["f32", "f16", "bf16", "f64"] {
            assert_eq!(state[name], values, "{file} {name}");
        }
        assert_eq!(state["i64"], tensor(&[1, 2], &[-3.0, 4.0]));
        assert_eq!(state["u8"], tensor(&[2], &[0.0, 255.0]));
        assert_eq!(state["flag"], tensor(&[2], &[1.0, 0.0]));
        assert_eq!(state["scalar"], tensor(&[], &[7.0]));
        assert_eq!(state["empty"], tensor(&[0, 4], &[]));
        let by_columns = [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0];
        assert_eq!(state["transposed"], tensor(&[3, 4], &by_columns), "{file}");
        assert_eq!(state["tail"], tensor(&[2, 2], &[8.0, 9.0, 10.0, 11.0]));
    }
    let big = torch::state_dict(&golden("big-endian.pt")).unwrap();
    assert_eq!(big["w"], tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]));
}

#[test]
fn a_whole_module_has_the_names_of_its_state_dict() {
    let read = torch::read(&golden("module.pt")).unwrap();
    let names: Vec<_> = read.tensors.keys().map(String::as_str).collect();
    let expected = ["ema.0", "model.0.lasting", "model.0.weight", "model.lasting", "model.weight"];
    assert_eq!(names, expected);
    assert_eq!(read.scalars["step"], Scalar::Int(12));
    assert_eq!(read.scalars["lr"], Scalar::Float(1e-3));
    assert_eq!(read.scalars["note"], Scalar::Text("hi".into()));
    assert_eq!(read.classes["model.0"], "torch.nn.modules.linear.Linear");
}

#[test]
fn a_pickle_that_calls_the_system_is_inert() {
    let read = torch::read(&golden("evil.pt")).unwrap();
    assert_eq!(read.tensors["w"].data(), [1.0]);
    assert!(read.classes["x"].ends_with(".system"), "{:?}", read.classes);
    assert!(!Path::new("pickle-ran-code").exists());
}

#[test]
fn what_never_ends_or_grows_is_refused() {
    for (file, expected) in [
        ("cycle.pt", "nested too deeply"),
        ("doubling.pt", "far more memory than the file"),
        ("expanded.pt", "far more memory than the file"),
        ("outside.pt", "past the end of its storage"),
    ] {
        let error = torch::state_dict(&golden(file)).unwrap_err().to_string();
        assert!(error.contains(expected), "{file}: {error}");
        assert!(error.contains(file) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_file_without_tensors_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    std::fs::write(&path, b"hello").unwrap();
    assert!(matches!(torch::state_dict(&path), Err(Error::Malformed(_))));
}

/// A folder of the shared data, or a word about its absence.
fn shared(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join(name);
    if !folder.is_dir() {
        // Written past the test harness, which keeps the output of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no {}: set PATHLINE_SHARED to the folder of shared data",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

#[test]
fn the_real_two_dimensional_checkpoints_load() {
    let Some(folder) = shared("data/torchcfm-2d") else { return };
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "pt"));
    assert_eq!(files.len(), 17);
    for file in files {
        let read = torch::read(&file).unwrap();
        let potential = file.to_string_lossy().contains("action_matching");
        let outputs = if potential { 1 } else { 2 };
        let inputs = [3, 64, 64, 64, outputs];
        let linear: Vec<_> = read.classes.iter().filter(|(_, c)| c.ends_with(".Linear")).collect();
        assert_eq!((linear.len(), read.tensors.len()), (4, 8), "{}", file.display());
        for ((name, _), sides) in linear.into_iter().zip(inputs.windows(2)) {
            let (weight, bias) =
                (&read.tensors[&format!("{name}.weight")], &read.tensors[&format!("{name}.bias")]);
            assert_eq!(weight.shape(), [sides[1], sides[0]], "{} {name}", file.display());
            assert_eq!(bias.shape(), [sides[1]]);
            assert!(
                weight.data().iter().chain(bias.data()).all(|v| v.is_finite() && v.abs() < 20.0)
            );
        }
        if !potential {
            let names: Vec<_> = read.tensors.keys().map(String::as_str).collect();
            assert_eq!(names[..3], ["net.0.bias", "net.0.weight", "net.2.bias"]);
            assert_eq!(read.classes["net.1"], "torch.nn.modules.activation.SELU");
            if file.ends_with("8gaussian-moons__otcfm_v1.pt") {
                // Unpacked from the archive's storage 0 with Python's struct module.
                let weight = read.tensors["net.0.weight"].data();
                assert_eq!(weight[..3], [0.363_606_36, -0.334_547_88, -0.399_369_84]);
                assert_eq!(weight[191], 0.706_762_8);
            }
        }
    }
}

#[test]
fn a_real_half_precision_state_dictionary_loads() {
    let Some(shared) = shared("data/taef2") else { return };
    let state = torch::state_dict(&shared.join("taef2_encoder.pth")).unwrap();
    let parameters: usize = state.values().map(|t| t.data().len()).sum();
    assert!((1_300_000..1_400_000).contains(&parameters), "{parameters}");
    assert!(state.values().flat_map(Tensor::data).all(|v| v.is_finite()));
}
