//! `pathline measure`.

use std::path::Path;

use pathline::neighbours::Bandwidth;
use pathline::recording::Recording;
use pathline::{Outcome, Save};
use pathline_data::file::read_capped;
use pathline_study::{
    DensityEstimate, DensityRule, Files, is_recording, measure, measure_field, measurement_page,
};
use pathline_view::terminal;

use super::model;
use crate::args::Measure;
use crate::output::{Failure, check_writable, command_line, data, note, write};
use crate::progress::Bar;

pub(crate) fn run(args: &Measure) -> Result<bool, Failure> {
    if let Some(page) = &args.page {
        check_writable(page, args.force)?;
    }
    let mut beside = args.beside.read()?;
    if let Some(beside) = &mut beside {
        let held_out = args.held_out.as_deref().map(|name| Files.data_set(name));
        beside.held_out = held_out.transpose()?;
        beside.density = density(args)?;
    }
    let (measured, outcome) = match recording(&args.model)? {
        Some(_) if !args.run.is_default() => {
            let problem =
                "is a recording: its run is over, and takes no more flags; leave them out";
            return Err(Failure::usage(&args.model, problem));
        }
        Some(recording) => {
            (measure(&recording, &args.model, beside.as_ref())?, recording.run.outcome)
        }
        None => {
            let spec = model::spec(&args.model, &args.run, Save::End)?;
            let mut bar = Bar::new();
            let (sampled, measured) = measure_field(&spec, &args.model, beside.as_ref(), &mut bar)?;
            bar.done();
            sampled.notes.iter().for_each(|n| note(&format!("note: {n}")));
            (measured, sampled.trajectory.outcome)
        }
    };
    if let Some(path) = &args.page {
        let page = measurement_page(&measured, &command_line());
        write(path, pathline_view::html(&page)?.as_bytes(), args.force)?;
    }
    if args.json {
        data(&serde_json::to_string_pretty(&measured)?)?;
    } else {
        data(&terminal::table(&measured.table()))?;
    }
    let completed = outcome == (Outcome::Completed {});
    if !completed {
        note("the run ended early: what is measured is a part of it");
    }
    Ok(completed)
}

/// How the density of the data is estimated.
fn density(args: &Measure) -> Result<DensityEstimate, Failure> {
    let components = args.components.map(|n| n as usize);
    let mut estimate = DensityEstimate { components, ..DensityEstimate::default() };
    if let Some(k) = args.neighbours {
        estimate.rule = DensityRule::Nearest(k as usize);
    }
    if let Some(bumps) = &args.bumps {
        estimate.rule = DensityRule::Kernel(match bumps.as_str() {
            "scott" => Bandwidth::Scott,
            "silverman" => Bandwidth::Silverman,
            "median" => Bandwidth::Median,
            width => Bandwidth::Fixed {
                width: width.parse().map_err(|_| {
                    let problem = format!(
                        "`{width}` is no width; known are scott, silverman, median, and numbers"
                    );
                    Failure::usage("--bumps", &problem)
                })?,
            },
        });
    }
    Ok(estimate)
}

/// The recording, if the model is one: a safetensors file with saved states.
pub(super) fn recording(model: &str) -> Result<Option<Recording>, Failure> {
    let path = Path::new(model);
    if !model.to_lowercase().ends_with(".safetensors") || !path.exists() {
        return Ok(None);
    }
    let bytes = read_capped(path, super::view::LARGEST)?;
    if is_recording(&bytes) { super::view::decode(&bytes, path).map(Some) } else { Ok(None) }
}
