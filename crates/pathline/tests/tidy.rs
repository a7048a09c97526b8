//! Keeps the house in order: layers, sizes, words, references, budgets. What it enforces is written
//! down in ARCHITECTURE.md and CONTRIBUTING.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn crates() -> Vec<PathBuf> {
    let dirs = fs::read_dir(root().join("crates")).unwrap().flatten().map(|e| e.path());
    let mut dirs: Vec<_> = dirs.filter(|d| d.join("Cargo.toml").exists()).collect();
    dirs.sort();
    dirs
}

/// Every source file of every crate, tests and examples left out.
fn sources() -> Vec<PathBuf> {
    crates().iter().flat_map(|c| files(&c.join("src"), "rs")).collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The library's modules, lowest first. A module may use those on lower lines, and its neighbours on
/// its own line.
const LAYERS: &[&[&str]] = &[
    &["batch", "seed", "error"],
    &["kernels"],
    &["schedule", "statistics"],
    &["path", "coupling", "neighbours"],
    &["field"],
    &["time_grid"],
    &["clock"],
    &["gain", "solver"],
    &["trajectory"],
    &["observer"],
    &["integrate"],
    &["diagnostics", "quality", "recording"],
    &["spec"],
];

#[test]
fn library_modules_use_only_what_lies_below_them() {
    let level = |module: &str| LAYERS.iter().position(|line| line.contains(&module));
    let src = root().join("crates/pathline/src");
    let mut wrong = Vec::new();
    for file in files(&src, "rs") {
        let relative = file.strip_prefix(&src).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let Some(own) = level(module) else {
            panic!("module `{module}` has no layer; give it one")
        };
        // Unit tests at the end of a file may use anything.
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(theirs) = level(&used) else { continue };
                if theirs > own {
                    wrong.push(format!("{} uses crate::{used}", name(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Which crates of ours each crate may depend on.
const MAY_USE: &[(&str, &[&str])] = &[
    ("pathline", &[]),
    ("pathline-nn", &["pathline"]),
    ("pathline-data", &["pathline"]),
    ("pathline-features", &["pathline"]),
    ("pathline-view", &["pathline"]),
    (
        "pathline-study",
        &["pathline", "pathline-nn", "pathline-data", "pathline-features", "pathline-view"],
    ),
    ("pathline-cli", &["pathline", "pathline-data", "pathline-study", "pathline-view"]),
];

fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|l| l.split(['.', '=', ' ']).next());
    names.filter(|n| !n.is_empty() && !n.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn crates_use_only_the_crates_they_may() {
    for dir in crates() {
        let this = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(n, _)| *n == this)
            .unwrap_or_else(|| panic!("crate {this} is not in the table"));
        for used in dependencies(&dir.join("Cargo.toml")) {
            if used.starts_with("pathline") {
                assert!(allowed.contains(&used.as_str()), "{this} may not depend on {used}");
            }
        }
    }
}

#[test]
fn the_library_has_few_dependencies() {
    let used = dependencies(&root().join("crates/pathline/Cargo.toml"));
    assert!(used.len() <= 8, "{used:?}");
}

#[test]
fn files_are_small() {
    let mut sizes: Vec<(usize, PathBuf)> = sources()
        .into_iter()
        .map(|f| (fs::read_to_string(&f).unwrap().lines().count(), f))
        .collect();
    sizes.sort();
    let n = sizes.len();
    let (median, ninety) = (sizes[n / 2].0, sizes[n * 9 / 10].0);
    assert!(median <= 150, "median file has {median} lines");
    assert!(ninety <= 450, "nine in ten files have at most {ninety} lines");
    let (largest, file) = sizes.last().unwrap();
    assert!(*largest <= 800, "{} has {largest} lines", name(file));
}

/// A word that is not used, what is used for it, and the files that must name it all the same
/// because they deal with another project's files.
const WORDS: &[(&str, &str)] = &[
    ("scheduler", "schedule, time grid or solver"),
    ("callback", "observer"),
    ("timestep", "time"),
    ("sampler", "solver"),
    ("vector field", "velocity field"),
    ("nfe", "evaluations"),
    ("interpolant", "path"),
];

#[test]
fn one_word_for_one_thing() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            for (word, instead) in WORDS {
                let found = lower.match_indices(word).any(|(at, _)| {
                    let before = lower[..at].chars().next_back();
                    let after = lower[at + word.len()..].chars().next();
                    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
                    !letter(before) && !letter(after)
                });
                if found {
                    wrong.push(format!("{}:{}: `{word}`: say {instead}", name(&file), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Folders in which each file is one method, and must say what it computes and where it comes from.
const METHODS: &[&str] = &["schedule", "coupling", "solver", "gain", "diagnostics", "quality"];

/// Files in those folders that are machinery, not methods; so are all files of inner folders.
const MACHINERY: &[&str] =
    &["mod.rs", "spec.rs", "tableau.rs", "explicit_runge_kutta.rs", "cost.rs"];

#[test]
fn each_method_gives_its_formula_and_its_references() {
    let mut wrong = Vec::new();
    for folder in METHODS {
        let folder = root().join("crates/pathline/src").join(folder);
        for file in files(&folder, "rs").into_iter().filter(|f| f.parent() == Some(&*folder)) {
            let base = file.file_name().unwrap().to_str().unwrap();
            if MACHINERY.contains(&base) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let docs: Vec<&str> = text.lines().take_while(|l| l.starts_with("//!")).collect();
            let docs = docs.join("\n");
            if !docs.contains("# References") {
                wrong.push(format!("{}: no `# References` in its module docs", name(&file)));
            }
            if !docs.contains('`') {
                wrong.push(format!("{}: no formula in its module docs", name(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_in_the_kernels_only() {
    for file in sources() {
        if name(&file).contains("pathline/src/kernels") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let found =
            text.lines().any(|l| !l.trim_start().starts_with("//") && l.contains("unsafe {"));
        assert!(!found, "{}", name(&file));
    }
}

#[test]
fn the_first_screen_is_short_and_assets_are_light() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 120, "README.md has {} lines", readme.lines().count());
    let mut bytes = 0;
    for dir in crates() {
        for entry in fs::read_dir(dir.join("assets")).into_iter().flatten().flatten() {
            let each = entry.metadata().unwrap().len();
            assert!(each <= 4_000_000, "{} weighs {each} bytes", entry.path().display());
            bytes += each;
        }
    }
    // Real images, the demo's model, its judge, and the network that the claims were measured on.
    assert!(bytes <= 8_000_000, "assets weigh {bytes} bytes");
}

#[test]
fn every_dependency_is_justified() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let all: BTreeSet<String> =
        crates().iter().flat_map(|c| dependencies(&c.join("Cargo.toml"))).collect();
    for used in all.iter().filter(|n| !n.starts_with("pathline")) {
        assert!(
            architecture.contains(&format!("`{used}`")),
            "ARCHITECTURE.md does not say why {used}"
        );
    }
}
