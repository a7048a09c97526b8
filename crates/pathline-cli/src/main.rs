//! The `pathline` command: parse, call `pathline-study`, print.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 ended early
//! (out of budget), 2 could not run.

mod args;
mod commands;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use output::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever read our output had enough of it.
        Err(Failure::Pipe) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&format!("error: {failure}"));
            ExitCode::from(2)
        }
    }
}

/// Whether the command did all that was asked of it.
fn run(cli: &Cli) -> Result<bool, Failure> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(cli.threads.map_or(0, usize::from));
    let pool = threads.build().map_err(|e| Failure::usage("--threads", &e.to_string()))?;
    pool.install(|| match &cli.command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Sample(args) => commands::sample::run(args),
        Command::Measure(args) => commands::measure::run(args),
        Command::Compare(args) => commands::compare::run(args),
        Command::Convert(args) => commands::convert::run(args),
        Command::Claims(args) => commands::claims::run(args),
        Command::View(args) => commands::view::run(args),
        Command::Completions { shell } => commands::completions::run(*shell),
    })
}
