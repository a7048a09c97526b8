//! The frame of an SVG picture: size, margins, grid, tick labels, and from values to places.
//!
//! Each picture is laid out twice, for wide and for narrow columns, and the style sheet shows one:
//! so text keeps its size on a small screen, where a scaled picture would shrink it.

use super::axis::{Axis, Domain};
use crate::escape;
use crate::number::coordinate;

/// The size a picture is laid out for, in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub class: &'static str,
    pub width: f64,
    pub height: f64,
    pub x_ticks: usize,
    pub y_ticks: usize,
}

/// For columns of 30 rem and more.
pub(crate) const WIDE: Layout =
    Layout { class: "wide", width: 720.0, height: 360.0, x_ticks: 8, y_ticks: 6 };
/// For telephones.
pub(crate) const NARROW: Layout =
    Layout { class: "narrow", width: 328.0, height: 270.0, x_ticks: 4, y_ticks: 5 };

/// Estimated width of `text` at the 12 px of tick labels; fonts differ, so a little generous.
pub(crate) fn text_width(text: &str) -> f64 {
    6.8 * text.chars().count() as f64
}

/// A picture's plotting area and its two domains.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub layout: Layout,
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Domain,
    pub y: Domain,
}

impl Frame {
    /// A frame with `top` pixels kept free above the plotting area.
    pub(crate) fn new(layout: Layout, top: f64, x: Domain, y: Domain) -> Self {
        let widest = y.ticks.iter().map(|t| text_width(&t.label)).fold(0.0, f64::max);
        let left = (widest + 10.0).clamp(24.0, layout.width / 3.0);
        // The last label may stand at the very end, half of it beyond.
        let last = x.ticks.last().map_or(0.0, |t| text_width(&t.label) / 2.0);
        let (right, bottom) = (last.clamp(14.0, 40.0), 24.0);
        let width = layout.width - left - right;
        Self { layout, left, top, width, height: layout.height - top - bottom, x, y }
    }

    /// The same with one unit as long on both (linear) axes: the shorter domain is widened.
    pub(crate) fn equal(self) -> Self {
        let per_x = (self.x.high - self.x.low) / self.width;
        let per_y = (self.y.high - self.y.low) / self.height;
        let unit = per_x.max(per_y);
        let widen = |d: &Domain, length: f64, target: usize| {
            let (mid, half) = ((d.low + d.high) / 2.0, unit * length / 2.0);
            Domain::between(d.scale, mid - half, mid + half, target)
        };
        let x = widen(&self.x, self.width, self.layout.x_ticks);
        let y = widen(&self.y, self.height, self.layout.y_ticks);
        Self { x, y, ..self }
    }

    /// Where a point stands inside the plotting area; `None` where it has no place.
    pub(crate) fn place(&self, point: [f64; 2]) -> Option<[f64; 2]> {
        let x = self.x.unit(point[0])? * self.width;
        let y = (1.0 - self.y.unit(point[1])?) * self.height;
        Some([x, y])
    }

    /// The whole SVG around `body` (drawn in the plotting area, cut at its edge) and `over`
    /// (drawn in the picture's own coordinates).
    pub(crate) fn svg(&self, alt: &str, body: &str, over: &str) -> String {
        let Layout { class, width, height, .. } = self.layout;
        // Dots at the very edge are shown whole.
        let edge = 5.0;
        let (left, top) = (coordinate(self.left - edge), coordinate(self.top - edge));
        let (w, h) = (coordinate(self.width + 2.0 * edge), coordinate(self.height + 2.0 * edge));
        format!(
            "<svg class=\"plot {class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}\">{}<svg x=\"{left}\" y=\"{top}\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"-{edge} -{edge} {w} {h}\">{body}</svg>{over}</svg>\n",
            escape::text(alt),
            self.grid(),
        )
    }

    /// Grid lines, the base line and the tick labels.
    fn grid(&self) -> String {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        let mut lines = String::new();
        let mut labels = String::new();
        for tick in &self.y.ticks {
            let Some(unit) = self.y.unit(tick.at) else { continue };
            let y = bottom - unit * self.height;
            lines += &format!("M{} {}H{}", coordinate(self.left), coordinate(y), coordinate(right));
            labels += &format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                coordinate(self.left - 6.0),
                coordinate(y + 4.0),
                tick.label
            );
        }
        let mut base =
            format!("M{} {}H{}", coordinate(self.left), coordinate(bottom), coordinate(right));
        for tick in &self.x.ticks {
            let Some(unit) = self.x.unit(tick.at) else { continue };
            let x = self.left + unit * self.width;
            base += &format!("M{} {}v4", coordinate(x), coordinate(bottom));
            // A label centred on the last tick must not leave the picture.
            let half = text_width(&tick.label) / 2.0;
            let x = x.clamp(half.min(self.left), (self.layout.width - half).max(half));
            labels += &format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                coordinate(x),
                coordinate(bottom + 18.0),
                tick.label
            );
        }
        format!("<path class=\"grid\" d=\"{lines}\"/><path class=\"base\" d=\"{base}\"/>{labels}")
    }
}

/// The axis labels around the layouts of a picture: y above, x below, as text that may wrap.
pub(crate) fn labelled(x: &Axis, y: &Axis, pictures: &str) -> String {
    let line = |class: &str, label: &str| {
        if label.is_empty() {
            String::new()
        } else {
            format!("<p class=\"{class}\">{}</p>\n", escape::inline(label))
        }
    };
    format!("{}{pictures}{}", line("y-label", &y.label), line("x-label", &x.label))
}
