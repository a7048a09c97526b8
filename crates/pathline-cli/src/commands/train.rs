//! `pathline train`.

use std::path::Path;

use pathline::spec::{SourceSpec, from_json};
use pathline_data::file::read_capped;
use pathline_study::{TrainSpec, train};
use pathline_view::terminal;
use pathline_view::{Cell, Column, Table};

use crate::args::Train;
use crate::output::{Failure, data, note};
use crate::progress::Bar;

/// Largest configuration that is read, in bytes.
const LARGEST: u64 = 1 << 20;

pub(crate) fn run(args: &Train) -> Result<bool, Failure> {
    let spec = spec(args)?;
    let mut bar = Bar::new();
    let trained = train(&spec, &args.out, &mut bar)?;
    bar.done();
    let (report, model) = (&trained.report, trained.model.display().to_string());
    if trained.from == report.steps {
        note(&format!("finished already, at step {}: nothing was done", trained.from));
    } else if trained.from > 0 {
        note(&format!("went on from step {}", trained.from));
    }
    if args.json {
        let value = serde_json::json!({
            "model": model, "from": trained.from, "spec": spec, "report": report,
        });
        return data(&serde_json::to_string_pretty(&value)?).map(|()| true);
    }
    note(&terminal::table(&table(&trained.report)));
    data(&model)?;
    let source = match &spec.source {
        SourceSpec::Points { name } => format!(" --source {name}"),
        SourceSpec::Normal {} => String::new(),
    };
    note(&format!("next: pathline sample {model}{source} --out run.safetensors"));
    note(&format!("      pathline measure {model}{source} --data {}", spec.data));
    Ok(true)
}

/// The spec: a configuration or the defaults, with what the flags say in its place.
fn spec(args: &Train) -> Result<TrainSpec, Failure> {
    let path = Path::new(&args.data);
    let mut spec = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        let bytes = read_capped(path, LARGEST)?;
        from_json(&args.data, &String::from_utf8_lossy(&bytes))?
    } else {
        TrainSpec::new(args.data.clone())
    };
    let set = |to: &mut u64, from: Option<u64>| *to = from.unwrap_or(*to);
    set(&mut spec.training.steps, args.steps);
    set(&mut spec.training.seed.0, args.seed);
    set(&mut spec.checkpoint_every, args.checkpoint_every);
    spec.training.batch = args.batch.unwrap_or(spec.training.batch);
    spec.held_out = args.held_out.unwrap_or(spec.held_out);
    let rate = &mut spec.training.optimiser.learning_rate.peak;
    *rate = args.learning_rate.unwrap_or(*rate);
    spec.training.accumulate = args.accumulate.unwrap_or(spec.training.accumulate);
    spec.training.mirror |= args.mirror;
    if let Some(kind) = &args.network {
        spec = spec.with(&[("network.kind", kind)])?;
    }
    if let Some(widths) = &args.hidden {
        let widths: Result<Vec<usize>, _> = widths.split(',').map(|w| w.trim().parse()).collect();
        let widths = widths.map_err(|_| Failure::usage("--hidden", "write widths like 128,128"))?;
        spec = spec.with(&[("network.hidden", &serde_json::to_string(&widths)?)])?;
    }
    if let Some(name) = &args.coupling {
        spec.coupling = name.parse()?;
    }
    if let Some(decays) = &args.ema {
        let decays = if decays == "none" { "" } else { decays };
        spec = spec.with(&[("training.optimiser.ema", &format!("[{decays}]"))])?;
    }
    if let Some(prediction) = &args.prediction {
        spec = spec.with(&[("training.output.prediction", prediction)])?;
    }
    if let Some(precision) = args.precision {
        spec.training.precision = precision;
    }
    if let Some(clock) = &args.clock {
        spec.training.clock = clock.parse()?;
    }
    match args.source.as_deref() {
        Some("normal") => spec.source = SourceSpec::Normal {},
        Some(name) => spec.source = SourceSpec::Points { name: name.to_owned() },
        None => {}
    }
    // Last, so that what is spelt out wins.
    let mut settings = Vec::with_capacity(args.set.len());
    for setting in &args.set {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            let problem = format!("`{setting}` is no KEY=VALUE; write training.steps=200");
            Failure::usage("--set", &problem)
        })?;
        settings.push((key.trim(), value));
    }
    Ok(spec.with(&settings)?)
}

fn table(report: &pathline_study::TrainReport) -> Table {
    let rows = report.training.iter().enumerate().map(|(i, seen)| {
        let held = report.held_out.get(i);
        let mut row = vec![
            Cell::text(format!("{:.1} to {:.1}", seen.from, seen.to)),
            Cell::number(seen.loss),
        ];
        if let Some(held) = held {
            row.extend([Cell::number(held.loss), Cell::number(held.standard_error)]);
        }
        let of = held.unwrap_or(seen);
        row.push(match (of.gain, of.gain_standard_error) {
            (Some(gain), Some(error)) => Cell::text(format!("{gain:.3} ({error:.3})")),
            _ => Cell::text("none"),
        });
        row
    });
    let mut columns = vec![Column::text("time"), Column::numeric("loss, training rows")];
    if !report.held_out.is_empty() {
        columns.extend([Column::numeric("held-out rows"), Column::numeric("standard error")]);
    }
    columns.push(Column::text("gain g* (s.e.)"));
    let note = "g*: the factor on the velocity that fits best, 1 for an exact field".to_owned();
    Table { columns, rows: rows.collect(), note }
}
