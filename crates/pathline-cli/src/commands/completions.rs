//! `pathline completions`.

use clap::CommandFactory;

use crate::args::Cli;

pub(crate) fn run(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "pathline", &mut std::io::stdout());
}
