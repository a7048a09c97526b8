//! A progress bar with the time that is left, on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pathline_study::Progress;

/// The whole, in units of the bar.
const WHOLE: u64 = 10_000;

pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new() -> Self {
        // Drawing to a standard error that is no terminal draws nothing.
        let bar = ProgressBar::with_draw_target(Some(WHOLE), ProgressDrawTarget::stderr());
        let style = "{bar:30} {percent:>3} %  {eta:>4} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn at(&mut self, share: f64, doing: &str) {
        if self.bar.message() != doing {
            self.bar.set_message(doing.to_owned());
        }
        self.bar.set_position((share.clamp(0.0, 1.0) * WHOLE as f64) as u64);
    }
}
