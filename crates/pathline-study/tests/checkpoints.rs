//! The 17 checkpoints that torchcfm's examples published, loaded and sampled as `pathline sample` does.
//!
//! The straightness of 100 Euler steps is compared with that of an independent program (NumPy, 64-bit,
//! 20480 other noises): once as mean path length over mean chord length, which is stable, and once as
//! the mean of each sample's ratio, which has a heavy tail (a sample may end where it began): blocks of
//! 1024 samples of that program spread over 5 to 20 % of what exceeds 1.
//!
//! An earlier table of these checkpoints (CFM 1.58, OT-CFM 1.001, reflow 1.001, 1.001, 1.000, stochastic
//! interpolant 1.46, flow matching 1.37, VP 1.21) is the mean of ratios too, but its eight Gaussians had
//! variance 0.1. torchcfm passes `sqrt(0.1)` as the *covariance*, as does our set, so that its models
//! were trained from a wider source: with variance 0.1 the program above gives 1.62, 1.0014, 1.0012,
//! -, 1.0004 and 1.50, with torchcfm's source what is below. The last two start from one Gaussian,
//! where there is no difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say so where they cannot run"
)]

use std::path::{Path, PathBuf};

use pathline::diagnostics::Energy;
use pathline::field::Conditions;
use pathline::kernels::squared_distance;
use pathline::spec::{ClassSpec, FieldSpec, Resolver, RunSpec, SampleSpec, SourceSpec};
use pathline::{Batch, Seed};
use pathline_data::PointSet;
use pathline_study::{Files, Sampled, sample};

/// Name, and the straightness that was found elsewhere: ratio of means, mean of ratios.
const VELOCITIES: [(&str, Option<[f64; 2]>); 13] = [
    ("8gaussian-moons__cfm_v1", Some([1.3878, 1.5565])),
    ("8gaussian-moons__otcfm_v1", Some([1.0014, 1.0034])),
    ("8gaussian-moons__rect_1_v1", Some([1.0017, 1.0028])),
    ("8gaussian-moons__rect_2_v1", None),
    ("8gaussian-moons__rect_3_v1", Some([1.0006, 1.0010])),
    ("8gaussian-moons__sbcfm_v1", None),
    ("8gaussian-moons__stochastic_interpolant_v1", Some([1.3228, 1.5650])),
    ("gaussian-moons__cfm_v1", None),
    ("gaussian-moons__flow_matching_v1", Some([1.1420, 1.3108])),
    ("gaussian-moons__otcfm_v1", None),
    ("gaussian-moons__sbcfm_v1", None),
    ("gaussian-moons__stochastic_interpolant_v1", None),
    ("gaussian-moons__vp_flow_v1", Some([1.0666, 1.2127])),
];

const POTENTIALS: [&str; 4] = [
    "8gaussian-moons__action_matching_swish_v1",
    "8gaussian-moons__action_matching_v1",
    "gaussian-moons__action_matching_swish_v1",
    "gaussian-moons__action_matching_v1",
];

fn checkpoints() -> Option<PathBuf> {
    let root = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("data/torchcfm-2d");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no {}; set PATHLINE_SHARED to test real checkpoints", folder.display());
    None
}

/// 1024 samples, 100 Euler steps, from the noise that the model was trained with.
fn sampled(folder: &Path, name: &str) -> Sampled {
    let checkpoint = folder.join(format!("{name}.pt")).display().to_string();
    let source = if name.starts_with("8gaussian") {
        SourceSpec::Points { name: "eight-gaussians".to_owned() }
    } else {
        SourceSpec::Normal {}
    };
    let field =
        FieldSpec::Network { checkpoint, class: ClassSpec::Any {}, precision: <_>::default() };
    let run = RunSpec::euler(100);
    let spec = SampleSpec { field, source, run, seed: Seed(3), samples: 1024, first: 0 };
    sample(&spec, &Files, &mut ()).unwrap()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / f64::from(count)
}

/// Mean distance from each row of `from` to the nearest row of `to`.
fn to_nearest(from: &Batch, to: &Batch) -> f64 {
    let nearest = |x: &[f32]| {
        to.rows().iter().map(|y| squared_distance(x, y)).fold(f64::INFINITY, f64::min).sqrt()
    };
    mean(from.rows().iter().map(nearest))
}

#[test]
fn straightness_and_ends_are_as_known() {
    let Some(folder) = checkpoints() else { return };
    let moons = PointSet::TorchcfmMoons.generate(4000, Seed(9));
    let fresh = PointSet::TorchcfmMoons.generate(1024, Seed(10));
    let (floor, mut wrong) = (to_nearest(&fresh, &moons), Vec::new());
    for (name, known) in VELOCITIES {
        let run = sampled(&folder, name);
        let of_means = mean(run.energy.iter().map(|e| e.path_length))
            / mean(run.energy.iter().map(|e| e.chord_length));
        let of_ratios = mean(run.energy.iter().filter_map(Energy::straightness));
        let end = &run.trajectory.end;
        let (there, back) = (to_nearest(end, &moons), to_nearest(&fresh, end));
        eprintln!(
            "{name}: ratio of means {of_means:.4}, mean of ratios {of_ratios:.4}, known {known:?}; to \
             data {there:.3}, from data {back:.3} (floor {floor:.3})"
        );
        if let Some([means, ratios]) = known {
            let near = |found: f64, known: f64, slack: f64| {
                (found - known).abs() <= slack * (known - 1.0) + 0.0005
            };
            // Two standard errors of 1024 samples, and of the tail.
            if !near(of_means, means, 0.1)
                || !near(of_ratios, ratios, 0.25 + 0.004 / (ratios - 1.0))
            {
                wrong.push(format!("{name}: {of_means:.4} and {of_ratios:.4}, known {known:?}"));
            }
        } else if !(1.0..2.0).contains(&of_ratios) {
            wrong.push(format!("{name}: {of_ratios:.4} is no path over chord"));
        }
        if there > 0.1 || back > 0.3 {
            wrong
                .push(format!("{name}: ends {there:.3} off the data, which is {back:.3} off them"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn potentials_are_refused_with_the_reason() {
    let Some(folder) = checkpoints() else { return };
    for name in POTENTIALS {
        let path = folder.join(format!("{name}.pt")).display().to_string();
        let error =
            Files.network(&path, Conditions::None, <_>::default()).err().expect(name).to_string();
        assert!(error.contains(&path) && error.contains("stores a potential"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn every_checkpoint_of_the_folder_is_accounted_for() {
    let Some(folder) = checkpoints() else { return };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "pt") {
            found.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort_unstable();
    let mut known: Vec<&str> = VELOCITIES.iter().map(|(n, _)| *n).chain(POTENTIALS).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}
