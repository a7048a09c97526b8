//! `pathline compare`.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, Parser};

use pathline::Save;
use pathline_study::{
    Comparison, Files, Part, Progress, Side, compare, comparison_page, read_perceptual, sample,
};
use pathline_view::terminal;

use super::{measure, model};
use crate::args::{Cli, Compare, Run, Way};
use crate::output::{Failure, check_writable, command_line, data, note, write};
use crate::progress::Bar;

pub(crate) fn run(args: &Compare) -> Result<bool, Failure> {
    if let Some(page) = &args.page {
        check_writable(page, args.force)?;
    }
    let beside = args.beside.read()?;
    let metric = args.perceptual.as_deref().map(read_perceptual).transpose()?;
    let mut bar = Bar::new();
    let sides = sides(args, &mut Part::new(&mut bar, 0.0, 0.7))?;
    let mut found = compare(&sides, beside.as_ref(), &mut Part::new(&mut bar, 0.7, 1.0))?;
    if let Some(metric) = &metric {
        found.look(&sides, metric)?;
    }
    bar.done();
    if let Some(path) = &args.page {
        let page = comparison_page(&found, &sides, &command_line());
        write(path, pathline_view::html(&page)?.as_bytes(), args.force)?;
    }
    if args.json {
        data(&serde_json::to_string_pretty(&found)?)?;
    } else {
        print(&found)?;
    }
    let completed = found.runs.iter().all(|run| run.completed);
    if !completed {
        note("a run ended early: what is compared of it is a part");
    }
    Ok(completed)
}

fn print(found: &Comparison) -> Result<(), Failure> {
    data(&terminal::table(&found.run_table()))?;
    for run in 1..found.runs.len() {
        data(&terminal::table(&found.difference_table(run, true)))?;
    }
    let perceptual = found.perceptual_table();
    if !perceptual.rows.is_empty() {
        data(&terminal::table(&perceptual))?;
    }
    if !found.sets.is_empty() {
        data(&terminal::table(&found.set_table()))?;
    }
    found.notes.iter().for_each(|n| note(&format!("note: {n}")));
    Ok(())
}

/// What is still to be run, or is there already.
enum Planned {
    Recorded(Box<Side>),
    Run { name: String, model: String, flags: Box<Run> },
}

/// The runs in their order: recordings as they are, each model in every way. All flags are read before the
/// first run.
fn sides(args: &Compare, progress: &mut dyn Progress) -> Result<Vec<Side>, Failure> {
    let common = given(&Cli::command().get_matches());
    let mut planned = Vec::new();
    let mut sampled = 0;
    for model in &args.models {
        if let Some(recording) = measure::recording(model)? {
            planned.push(Planned::Recorded(Box::new(Side { name: model.clone(), recording })));
            continue;
        }
        sampled += 1;
        let plain = [String::new()];
        let ways = if args.ways.is_empty() { &plain[..] } else { &args.ways };
        for way in ways {
            let name = if way.is_empty() { model.clone() } else { format!("{model} {way}") };
            let flags = Box::new(flags(&common, way)?);
            planned.push(Planned::Run { name, model: model.clone(), flags });
        }
    }
    if sampled == 0 && !(args.run.is_default() && args.ways.is_empty()) {
        let problem =
            "only recordings are compared: their runs are over, and take no flags; leave them out";
        return Err(Failure::usage(&args.models[0], problem));
    }
    let count = planned.len();
    let mut sides = Vec::with_capacity(count);
    for (i, next) in planned.into_iter().enumerate() {
        sides.push(match next {
            Planned::Recorded(side) => *side,
            Planned::Run { name, model, flags } => {
                let spec = model::spec(&model, &flags, Save::End)?;
                let share = |i: usize| i as f64 / count as f64;
                let mut part = Part::new(progress, share(i), share(i + 1));
                let run = sample(&spec, &Files, &mut part)?;
                run.notes.iter().for_each(|n| note(&format!("note: {name}: {n}")));
                Side { name, recording: run.recording }
            }
        });
    }
    Ok(sides)
}

/// The flags of one run: those given for all, then its own, which win.
fn flags(common: &[String], way: &str) -> Result<Run, Failure> {
    let own = words(way)?;
    let read = Way::try_parse_from(common.iter().chain(&own));
    read.map(|way| way.run).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let remedy = "it takes the flags of `pathline sample` that say how to run";
        Failure::usage(&format!("--run '{way}'"), &format!("{line}; {remedy}"))
    })
}

/// The flags of a run among those of this command, as they were typed.
fn given(all: &ArgMatches) -> Vec<String> {
    let Some((_, own)) = all.subcommand() else { return Vec::new() };
    let mut words = Vec::new();
    for flag in Way::command().get_arguments() {
        let id = flag.get_id().as_str();
        let Some(long) = flag.get_long() else { continue };
        if own.value_source(id) == Some(ValueSource::CommandLine) {
            let values = own.get_raw(id).into_iter().flatten();
            words.extend(values.map(|value| format!("--{long}={}", value.to_string_lossy())));
        }
    }
    words
}

/// The words of quoted flags, as a shell would part them.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        let problem = format!("a quotation mark {open} is not closed; close it");
        return Err(Failure::usage(&format!("--run '{text}'"), &problem));
    }
    words.extend(word);
    Ok(words)
}
