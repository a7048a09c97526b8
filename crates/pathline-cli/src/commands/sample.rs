//! `pathline sample`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pathline::{Outcome, Save, Shape};
use pathline_data::atomic::Existing;
use pathline_data::{Array, DataSet, Values, csv, npz, png};
use pathline_study::{Files, Sampled};
use pathline_view::terminal;

use super::model;
use crate::args::Sample;
use crate::output::{Failure, check_apart, check_writable, data, note, write};
use crate::progress::Bar;

/// Endings of files that can be written.
const ENDINGS: &str = ".npz, .csv, .png, .safetensors";

pub(crate) fn run(args: &Sample) -> Result<bool, Failure> {
    check_apart(&args.out)?;
    for path in &args.out {
        check_writable(path, args.force)?;
        if !matches!(ending(path).as_str(), "npz" | "csv" | "png" | "safetensors") {
            let problem = format!("unknown file ending; known are {ENDINGS}");
            return Err(Failure::usage(&path.display().to_string(), &problem));
        }
    }
    let mut spec = model::spec(&args.model, &args.run, Save::End)?;
    let field = spec.field.build(&Files)?;
    check_drawable(&args.out, field.shape())?;
    let recorded = args.out.iter().any(|p| ending(p) == "safetensors");
    spec.run.save = match args.save_every {
        Some(0) => return Err(Failure::usage("--save-every", "is 0; use at least 1")),
        Some(n) => Save::Every(n),
        // All states of points are worth keeping by default, those of images are not.
        None if recorded && field.shape().elements() <= 16 => Save::Every(1),
        None => Save::End,
    };
    let mut bar = Bar::new();
    let sampled = pathline_study::sample_field(&*field, &spec, &Files, &mut bar)?;
    bar.done();
    for path in &args.out {
        put(path, &sampled, args.force)?;
    }
    sampled.notes.iter().for_each(|n| note(&format!("note: {n}")));
    report(args, &sampled)?;
    let completed = sampled.trajectory.outcome == (Outcome::Completed {});
    if !completed {
        let (t, spent) = (sampled.trajectory.t, sampled.trajectory.evaluations);
        note(&format!(
            "ended early: at t = {t} after {spent} evaluations; raise --max-evaluations or --rtol"
        ));
    }
    Ok(completed)
}

/// Fails if a picture is asked for of what are no images, before any sample is drawn.
fn check_drawable(out: &[PathBuf], shape: &Shape) -> Result<(), Failure> {
    let image = matches!(shape.extents(), [1 | 3, _, _]);
    match out.iter().find(|p| ending(p) == "png" && !image) {
        Some(path) => {
            let problem =
                format!("samples of shape {shape} are no images; name a .npz or .csv file");
            Err(Failure::usage(&path.display().to_string(), &problem))
        }
        None => Ok(()),
    }
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase()
}

fn put(path: &Path, sampled: &Sampled, force: bool) -> Result<(), Failure> {
    let end = &sampled.trajectory.end;
    let existing = if force { Existing::Replace } else { Existing::Keep };
    let labels = sampled.recording.labels.clone();
    match ending(path).as_str() {
        "safetensors" => return write(path, &sampled.recording.to_bytes()?, force),
        "png" => png::write_grid(path, end, columns(end.len()), existing)?,
        "csv" => csv::write(path, &DataSet::new(end.clone(), labels, path)?, existing)?,
        _ => {
            let mut shape = vec![end.len()];
            shape.extend(end.shape().extents());
            let mut arrays = BTreeMap::new();
            let mut add = |name: &str, shape: Vec<usize>, values: Values| {
                arrays.extend(Array::new(shape, values).map(|array| (name.to_owned(), array)));
            };
            add("x", shape, Values::F32(end.as_slice().to_vec()));
            if let Some(labels) = labels {
                let labels = labels.into_iter().map(i64::from).collect();
                add("y", vec![end.len()], Values::I64(labels));
            }
            let energy = sampled.energy.iter().map(|e| e.left).collect();
            add("energy", vec![end.len()], Values::F64(energy));
            npz::write(path, &arrays, existing)?;
        }
    }
    Ok(())
}

/// Columns of a picture of `n` images: ten for a hundred, a near square for fewer.
fn columns(n: usize) -> usize {
    (1..=10).find(|c| c * c >= n).unwrap_or(10)
}

fn report(args: &Sample, sampled: &Sampled) -> Result<(), Failure> {
    let end = &sampled.trajectory.end;
    if args.json {
        let record = serde_json::json!({
            "files": args.out,
            "run": sampled.recording.run,
            "samples": end.len(),
            "mean_energy": mean(sampled.energy.iter().map(|e| e.left)),
        });
        return data(&serde_json::to_string_pretty(&record)?);
    }
    if args.out.is_empty() && end.width() == 2 {
        let points: Vec<[f64; 2]> =
            end.rows().iter().map(|p| [f64::from(p[0]), f64::from(p[1])]).collect();
        data(&terminal::scatter(&[&points], 72, 24))?;
    }
    for path in &args.out {
        data(&path.display().to_string())?;
    }
    note(&format!(
        "{} samples, {} evaluations of the field each, mean kinetic energy {}",
        end.len(),
        sampled.trajectory.evaluations,
        pathline_view::number(mean(sampled.energy.iter().map(|e| e.left)))
    ));
    if args.out.is_empty() {
        note("nothing was written: name a file with --out");
    }
    Ok(())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    values.sum::<f64>() / n as f64
}
