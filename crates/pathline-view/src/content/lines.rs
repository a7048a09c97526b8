//! Curves over an axis, with bands and vertical reference lines.

use serde::{Deserialize, Serialize};

use super::curve::curve;
use super::numbers;
use crate::error::Error;
use crate::escape;
use crate::number::coordinate;
use crate::plot::axis::{Axis, Domain, Scale};
use crate::plot::frame::{Frame, Layout, NARROW, WIDE, labelled, text_width};
use crate::plot::key::{Entry, Swatch, key};
use crate::plot::{Drawn, HUES, left_out};

/// Curves over one pair of axes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves; six hues, then the same again dashed.
    pub series: Vec<Series>,
    /// Vertical reference lines.
    pub marks: Vec<Mark>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Series {
    /// What the key calls it.
    pub name: String,
    /// `[x, y]` in drawing order; a point that is not finite breaks the curve.
    #[serde(deserialize_with = "numbers::read")]
    pub points: Vec<[f64; 2]>,
    /// `[low, high]` at the x of each point, such as a 95 % interval; as many as points.
    #[serde(deserialize_with = "numbers::read")]
    pub band: Option<Vec<[f64; 2]>>,
    /// How it is drawn.
    pub style: LineStyle,
}

impl Series {
    /// A solid curve without a band.
    #[must_use]
    pub fn new(name: impl Into<String>, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), points, ..Self::default() }
    }

    /// The same with `[low, high]` at each point.
    #[must_use]
    pub fn with_band(self, band: Vec<[f64; 2]>) -> Self {
        Self { band: Some(band), ..self }
    }

    /// The same drawn as `style`.
    #[must_use]
    pub fn styled(self, style: LineStyle) -> Self {
        Self { style, ..self }
    }
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineStyle {
    /// An unbroken stroke.
    #[default]
    Solid,
    /// Dashes: predictions and references.
    Dashed,
    /// Dots along the curve: bounds.
    Dotted,
    /// Only the points: raw measurements.
    Points,
}

/// A vertical reference line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Where it stands on the horizontal axis.
    #[serde(deserialize_with = "numbers::read")]
    pub at: f64,
    /// Its label, set above the picture.
    pub label: String,
}

/// Height of one row of mark labels.
const MARK_ROW: f64 = 16.0;

pub(crate) fn draw(lines: &Lines, figure: &str, alt: &str) -> Result<Drawn, Error> {
    for series in &lines.series {
        if let Some(band) = &series.band {
            Error::check_count(figure, "entries of a band", series.points.len(), band.len())?;
        }
    }
    let pictures: String = [WIDE, NARROW].map(|layout| picture(lines, layout, alt)).concat();
    let entries: Vec<Entry> = lines.series.iter().enumerate().map(|(i, s)| entry(i, s)).collect();
    let markup = format!("{}{}", key(&entries), labelled(&lines.x, &lines.y, &pictures));
    Ok(Drawn { markup, notes: notes(lines), data: None })
}

/// What is not drawn: points, ends of bands and marks without a place.
fn notes(lines: &Lines) -> Vec<String> {
    let log = lines.x.scale == Scale::Log || lines.y.scale == Scale::Log;
    let points = || lines.series.iter().flat_map(|s| &s.points);
    let bands = || lines.series.iter().flat_map(|s| s.band.iter().flatten());
    let no_point = points().filter(|p| !(lines.x.shows(p[0]) && lines.y.shows(p[1]))).count();
    let no_band = bands().filter(|b| b.iter().any(|v| !lines.y.shows(*v))).count();
    let no_mark = lines.marks.iter().filter(|m| !lines.x.shows(m.at)).count();
    [
        left_out("points", no_point, points().count(), log),
        left_out("band entries", no_band, bands().count(), log),
        left_out("marks", no_mark, lines.marks.len(), log),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn entry(index: usize, series: &Series) -> Entry {
    let swatch = if series.style == LineStyle::Points { Swatch::Dot } else { Swatch::Stroke };
    Entry { name: series.name.clone(), class: class(index, series.style), swatch }
}

/// The style sheet's classes of a curve.
fn class(index: usize, style: LineStyle) -> String {
    let stroke = match style {
        LineStyle::Solid if index >= HUES => " dashed",
        LineStyle::Dashed => " dashed",
        LineStyle::Dotted => " dotted",
        LineStyle::Solid | LineStyle::Points => "",
    };
    format!("c{}{stroke}", index % HUES)
}

fn picture(lines: &Lines, layout: Layout, alt: &str) -> String {
    let xs = lines.series.iter().flat_map(|s| s.points.iter().map(|p| p[0]));
    let x = Domain::of(&lines.x, xs.chain(lines.marks.iter().map(|m| m.at)), layout.x_ticks);
    let bands = lines.series.iter().flat_map(|s| s.band.iter().flatten().flatten().copied());
    let ys = lines.series.iter().flat_map(|s| s.points.iter().map(|p| p[1])).chain(bands);
    let y = Domain::of(&lines.y, ys, layout.y_ticks);
    let frame = Frame::new(layout, 10.0, x, y);
    let (rows, labels) = mark_labels(lines, &frame);
    let frame = Frame {
        top: frame.top + rows as f64 * MARK_ROW,
        height: frame.height - rows as f64 * MARK_ROW,
        ..frame
    };
    let mut body = String::new();
    for mark in &lines.marks {
        if let Some(unit) = frame.x.unit(mark.at) {
            body += &format!(
                "<path class=\"mark\" d=\"M{} 0V{}\"/>",
                coordinate(unit * frame.width),
                coordinate(frame.height)
            );
        }
    }
    for (i, series) in lines.series.iter().enumerate() {
        body += &format!("<g class=\"{}\">{}</g>", class(i, series.style), curve(series, &frame));
    }
    frame.svg(alt, &body, &labels)
}

/// Labels above the marks, in as many rows as keep them apart.
fn mark_labels(lines: &Lines, frame: &Frame) -> (usize, String) {
    let mut ends: Vec<f64> = vec![];
    let mut placed = vec![];
    let mut marks: Vec<_> = lines
        .marks
        .iter()
        .filter(|m| !m.label.is_empty())
        .filter_map(|m| Some((frame.x.unit(m.at)?, &m.label)))
        .filter(|(unit, _)| (0.0..=1.0).contains(unit))
        .collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (unit, label) in marks {
        let half = text_width(label) / 2.0;
        let most = (frame.layout.width - half).max(half);
        let x = (frame.left + unit * frame.width).clamp(half.min(most), most);
        let free = ends.iter().position(|end| x - half > end + 8.0);
        let row = free.unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(x + half);
        } else {
            ends[row] = x + half;
        }
        placed.push((row, x, label));
    }
    let rows = ends.len();
    let text = placed.iter().map(|(row, x, label)| {
        format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            coordinate(*x),
            coordinate((rows - row) as f64 * MARK_ROW - 3.0),
            escape::text(label)
        )
    });
    (rows, text.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_break_the_curve_and_are_said() {
        let points = vec![[0.0, 1.0], [1.0, f64::NAN], [2.0, 3.0], [3.0, f64::INFINITY]];
        let lines = Lines { series: vec![Series::new("a", points)], ..Lines::default() };
        let drawn = draw(&lines, "f", "alt").unwrap();
        assert_eq!(drawn.notes, ["Left out: 2 of 4 points (not finite)."]);
        assert!(!drawn.markup.contains("NaN") && !drawn.markup.contains("inf"));
    }

    #[test]
    fn a_band_of_another_length_is_refused() {
        let series = Series::new("a", vec![[0.0, 1.0]]).with_band(vec![]);
        let lines = Lines { series: vec![series], ..Lines::default() };
        let error = draw(&lines, "energy", "").unwrap_err().to_string();
        assert!(error.contains("energy") && error.contains("expected 1, found 0"), "{error}");
    }

    #[test]
    fn close_marks_take_rows_of_their_own() {
        let mark = |at, label: &str| Mark { at, label: label.into() };
        let lines = Lines {
            x: Axis::new("t").within(0.0, 1.0),
            marks: vec![mark(0.5, "a long label"), mark(0.51, "another one"), mark(9.0, "out")],
            ..Lines::default()
        };
        let frame = Frame::new(
            NARROW,
            10.0,
            Domain::of(&lines.x, std::iter::empty(), 4),
            Domain::of(&lines.y, std::iter::empty(), 4),
        );
        let (rows, text) = mark_labels(&lines, &frame);
        assert_eq!(rows, 2);
        assert!(!text.contains("out"));
    }
}
