//! `pathline completions`.

use clap::CommandFactory;

use crate::args::Cli;
use crate::output::{Failure, data};

pub(crate) fn run(shell: clap_complete::Shell) -> Result<bool, Failure> {
    // Not written to standard output directly: the generator panics when that is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pathline", &mut script);
    data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(true)
}
