//! `pathline demo`.

use std::path::Path;

use pathline::Seed;

use pathline_study::demo::{DemoSpec, demo};
use pathline_study::{TableRows, quality_table};

use crate::args::Demo;
use crate::output::{Failure, data, note, write};
use crate::progress::Bar;

/// What `demo.json` begins with: by it a later run knows that the folder is its own to write to.
const MADE_BY: &str = "pathline demo";

const FILES: [&str; 3] = ["report.html", "demo.json", "run.safetensors"];

pub(crate) fn run(args: &Demo) -> Result<bool, Failure> {
    claim(&args.out)?;
    let mut bar = Bar::new();
    let mut spec = DemoSpec::new(Seed(args.seed))?;
    spec.samples = args.samples.map(|n| n as usize);
    if args.full {
        let (samples, kept) = (args.full_samples as usize, args.out.join("table.json"));
        spec.table = quality_table(
            &TableRows::PUBLISHED,
            &args.data,
            (samples, args.full_precision),
            &kept,
            &mut bar,
        )?;
    }
    let demo = demo(&spec, &mut bar)?;
    bar.done();
    let page = pathline_view::html(&demo.report())?;
    let numbers = serde_json::json!({"made_by": MADE_BY, "demo": demo});
    let numbers = serde_json::to_string_pretty(&numbers)?;
    // The numbers first: they mark the folder as ours.
    write(&args.out.join("demo.json"), numbers.as_bytes(), true)?;
    write(&args.out.join("report.html"), page.as_bytes(), true)?;
    if let Some(recording) = demo.recording() {
        write(&args.out.join("run.safetensors"), &recording.to_bytes()?, true)?;
    }
    if args.json {
        data(&numbers)?;
    } else {
        for line in demo.summary() {
            data(&line)?;
        }
    }
    let report = args.out.join("report.html");
    let shown = std::path::absolute(&report).unwrap_or(report);
    if args.json {
        note(&format!("page: {}", shown.display()));
    } else {
        data(&format!("\nopen {}", shown.display()))?;
    }
    Ok(true)
}

/// Makes the folder, and fails unless it is empty of our files or they are of an earlier demo.
fn claim(out: &Path) -> Result<(), Failure> {
    let place = out.display().to_string();
    std::fs::create_dir_all(out).map_err(|e| {
        Failure::usage(&place, &format!("cannot be made ({e}); choose another --out"))
    })?;
    let made = std::fs::read_to_string(out.join("demo.json")).unwrap_or_default();
    let ours = serde_json::from_str::<serde_json::Value>(&made)
        .is_ok_and(|v| v.get("made_by").is_some_and(|m| m == MADE_BY));
    match FILES.iter().find(|f| out.join(f).exists()) {
        Some(file) if !ours => Err(Failure::usage(
            &out.join(file).display().to_string(),
            "exists and was not made by the demo; choose another --out",
        )),
        _ => {
            // Half a minute of work should not end at a folder that cannot be written to.
            let probe = out.join(format!(".pathline-{}", std::process::id()));
            write(&probe, b"", true)?;
            let _ = std::fs::remove_file(probe);
            Ok(())
        }
    }
}
