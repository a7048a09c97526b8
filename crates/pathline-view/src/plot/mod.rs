//! What the SVG pictures share: axes, ticks, the frame and the key.

pub(crate) mod axis;
pub(crate) mod frame;
pub(crate) mod key;
pub(crate) mod ticks;

/// A drawn figure: its markup, what was left out of it, and what the script needs.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// HTML.
    pub markup: String,
    /// Sentences about what is not shown.
    pub notes: Vec<String>,
    /// JSON for the script, if the figure moves.
    pub data: Option<String>,
}

/// Hues that stay apart for colour-blind readers; the seventh series starts again, dashed.
pub(crate) const HUES: usize = 6;

/// Steps of the colour ramp for values.
pub(crate) const RAMP: usize = 7;

/// The sentence on values that could not be drawn, if there are any.
pub(crate) fn left_out(what: &str, dropped: usize, of: usize, log: bool) -> Option<String> {
    let why = if log { "not finite, or not positive on a log axis" } else { "not finite" };
    (dropped > 0).then(|| format!("Left out: {dropped} of {of} {what} ({why})."))
}
