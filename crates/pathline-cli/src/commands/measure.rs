//! `pathline measure`.

use std::path::Path;

use pathline::recording::Recording;
use pathline::{Outcome, Save};
use pathline_data::file::read_capped;
use pathline_study::{Files, is_recording, measure, measure_field, measurement_page};
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
    if let (Some(beside), Some(name)) = (&mut beside, &args.held_out) {
        beside.held_out = Some(Files.data_set(name)?);
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

/// The recording, if the model is one: a safetensors file with saved states.
pub(super) fn recording(model: &str) -> Result<Option<Recording>, Failure> {
    let path = Path::new(model);
    if !model.to_lowercase().ends_with(".safetensors") || !path.exists() {
        return Ok(None);
    }
    let bytes = read_capped(path, super::view::LARGEST)?;
    if is_recording(&bytes) { super::view::decode(&bytes, path).map(Some) } else { Ok(None) }
}
