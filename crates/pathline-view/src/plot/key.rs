//! The key of a picture: which colour and stroke means what. It stands outside the picture, so it
//! never covers data.

use super::RAMP;
use crate::escape;
use crate::number::{number, typeset};

/// What an entry of the key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swatch {
    /// A stroke, as the curve is drawn.
    Stroke,
    /// A dot.
    Dot,
    /// A filled bar.
    Bar,
}

/// One entry: its name, its classes in the style sheet, its look.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub name: String,
    pub class: String,
    pub swatch: Swatch,
}

/// The key as a list; empty for no entry.
pub(crate) fn key(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let items = entries.iter().map(|entry| {
        let shape = match entry.swatch {
            Swatch::Stroke => "<path class=\"line\" d=\"M1 6H25\"/>",
            Swatch::Dot => "<path class=\"dots\" d=\"M13 6h.01\"/>",
            Swatch::Bar => "<rect class=\"bar\" x=\"7\" y=\"1\" width=\"12\" height=\"10\"/>",
        };
        format!(
            "<li><svg class=\"{}\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">{shape}</svg>{}</li>",
            entry.class,
            escape::inline(&entry.name)
        )
    });
    format!("<ul class=\"key\">{}</ul>\n", items.collect::<String>())
}

/// The key of a colour ramp from `low` to `high`.
pub(crate) fn ramp(label: &str, low: f64, high: f64) -> String {
    let steps = (0..RAMP).map(|i| {
        format!("<rect class=\"v{i}\" x=\"{}\" y=\"0\" width=\"18\" height=\"10\"/>", i * 18)
    });
    format!(
        "<p class=\"ramp\"><span>{}</span> <span class=\"steps\"><span class=\"end\">{}</span> \
         <svg viewBox=\"0 0 {} 10\" aria-hidden=\"true\">{}</svg> <span class=\"end\">{}</span></span></p>\n",
        escape::inline(label),
        typeset(&number(low)),
        RAMP * 18,
        steps.collect::<String>(),
        typeset(&number(high)),
    )
}
