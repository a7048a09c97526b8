//! Points in a plane, by group or coloured by a value.

use serde::{Deserialize, Serialize};

use super::numbers;
use crate::error::Error;
use crate::escape;
use crate::number::{coordinate, number, typeset};
use crate::plot::axis::{Axis, Domain, Scale};
use crate::plot::frame::{Frame, Layout, NARROW, WIDE, labelled};
use crate::plot::key::{Entry, Swatch, key, ramp};
use crate::plot::{Drawn, HUES, RAMP, left_out};

/// Points over one pair of axes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scatter {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The groups, drawn in this order.
    pub groups: Vec<Group>,
    /// What the values of the groups measure; empty where none has values.
    pub value_label: String,
    /// Whether one unit is as long on both axes (points of a plane); ignored on log axes.
    pub equal: bool,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// What the key calls them.
    pub name: String,
    /// `[x, y]` each.
    #[serde(deserialize_with = "numbers::read")]
    pub points: Vec<[f64; 2]>,
    /// One value a point, shown as colour; one colour for the group where absent.
    #[serde(deserialize_with = "numbers::read")]
    pub values: Option<Vec<f64>>,
}

impl Group {
    /// A group in one colour.
    #[must_use]
    pub fn new(name: impl Into<String>, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), points, values: None }
    }

    /// The same, coloured by one value a point.
    #[must_use]
    pub fn coloured_by(self, values: Vec<f64>) -> Self {
        Self { values: Some(values), ..self }
    }
}

pub(crate) fn draw(scatter: &Scatter, figure: &str, alt: &str) -> Result<Drawn, Error> {
    for group in &scatter.groups {
        if let Some(values) = &group.values {
            Error::check_count(figure, "values of a group", group.points.len(), values.len())?;
        }
    }
    let span = value_span(&scatter.groups);
    let pictures: String = [WIDE, NARROW].map(|l| picture(scatter, l, span, alt)).concat();
    let entries: Vec<Entry> = scatter
        .groups
        .iter()
        .enumerate()
        .filter(|(_, g)| g.values.is_none())
        .map(|(i, g)| Entry {
            name: g.name.clone(),
            class: format!("c{}", i % HUES),
            swatch: Swatch::Dot,
        })
        .collect();
    let colours = span.map_or_else(String::new, |[a, b]| ramp(&scatter.value_label, a, b));
    let labelled = labelled(&scatter.x, &scatter.y, &pictures);
    let markup = format!("{}{colours}{labelled}", key(&entries));
    let shown = |g: &Group, i: usize| {
        g.points.get(i).is_some_and(|p| scatter.x.shows(p[0]) && scatter.y.shows(p[1]))
            && g.values.as_ref().is_none_or(|v| v.get(i).is_some_and(|v| v.is_finite()))
    };
    let total = scatter.groups.iter().map(|g| g.points.len()).sum();
    let kept: usize =
        scatter.groups.iter().map(|g| (0..g.points.len()).filter(|i| shown(g, *i)).count()).sum();
    let log = scatter.x.scale == Scale::Log || scatter.y.scale == Scale::Log;
    let notes = left_out("points", total - kept, total, log).into_iter().collect();
    Ok(Drawn { markup, notes, data: None })
}

/// The ends of the colour ramp: the 2nd and 98th percentile, so that one outlier does not take
/// all the colours. `None` where no group has values.
fn value_span(groups: &[Group]) -> Option<[f64; 2]> {
    let mut values: Vec<f64> =
        groups.iter().filter_map(|g| g.values.as_ref()).flatten().copied().collect();
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((share * values.len().saturating_sub(1) as f64) as usize);
    Some([*at(0.02)?, *at(0.98)?])
}

fn picture(scatter: &Scatter, layout: Layout, span: Option<[f64; 2]>, alt: &str) -> String {
    let layout =
        if scatter.equal { Layout { height: layout.height * 1.2, ..layout } } else { layout };
    let points = || scatter.groups.iter().flat_map(|g| &g.points);
    let x = Domain::of(&scatter.x, points().map(|p| p[0]), layout.x_ticks);
    let y = Domain::of(&scatter.y, points().map(|p| p[1]), layout.y_ticks);
    let linear = x.scale == Scale::Linear && y.scale == Scale::Linear;
    let frame = Frame::new(layout, 10.0, x, y);
    let frame = if scatter.equal && linear { frame.equal() } else { frame };
    let mut body = String::new();
    for (i, group) in scatter.groups.iter().enumerate() {
        body += &match (&group.values, span) {
            (Some(values), Some(span)) => by_value(group, values, span, &frame),
            _ => dots(&format!("c{}", i % HUES), &group.name, group.points.iter(), &frame),
        };
    }
    frame.svg(alt, &body, "")
}

/// One path for all points of one colour: a dot is a stroke of no length with round ends, some
/// ten bytes each where an element each would take sixty.
fn dots<'a>(
    class: &str,
    title: &str,
    points: impl Iterator<Item = &'a [f64; 2]>,
    frame: &Frame,
) -> String {
    let path: String = points
        .filter_map(|p| frame.place(*p))
        .map(|[x, y]| format!("M{} {}h0", coordinate(x), coordinate(y)))
        .collect();
    let title = escape::text(title);
    format!("<path class=\"dots {class}\" d=\"{path}\"><title>{title}</title></path>")
}

fn by_value(group: &Group, values: &[f64], [low, high]: [f64; 2], frame: &Frame) -> String {
    let width = ((high - low) / RAMP as f64).max(f64::MIN_POSITIVE);
    let step = |v: f64| (((v - low) / width).floor().max(0.0) as usize).min(RAMP - 1);
    let mut out = String::new();
    for k in 0..RAMP {
        let chosen = group.points.iter().zip(values);
        let chosen = chosen.filter(|(_, v)| v.is_finite() && step(**v) == k).map(|(p, _)| p);
        let from = low + k as f64 * width;
        let ends = (typeset(&number(from)), typeset(&number(from + width)));
        let title = format!("{}: {} to {}", group.name, ends.0, ends.1);
        out += &dots(&format!("v{k}"), &title, chosen, frame);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_points_stay_small() {
        let points: Vec<[f64; 2]> =
            (0..2000).map(|i| [f64::from(i).sin(), f64::from(i * i).cos()]).collect();
        let values = (0..2000).map(f64::from).collect();
        let group = Group::new("samples", points).coloured_by(values);
        let scatter = Scatter { groups: vec![group], equal: true, ..Scatter::default() };
        let drawn = draw(&scatter, "f", "").unwrap();
        assert!(drawn.markup.len() < 80_000, "{}", drawn.markup.len());
        assert!(drawn.notes.is_empty());
    }

    #[test]
    fn what_is_not_finite_is_left_out_and_said() {
        let points = vec![[0.0, 0.0], [f64::NAN, 0.0], [1.0, 1.0]];
        let group = Group::new("a", points).coloured_by(vec![1.0, 2.0, f64::INFINITY]);
        let scatter = Scatter { groups: vec![group], ..Scatter::default() };
        let drawn = draw(&scatter, "f", "").unwrap();
        assert_eq!(drawn.notes, ["Left out: 2 of 3 points (not finite)."]);
    }

    #[test]
    fn nothing_to_draw_is_drawn() {
        assert!(draw(&Scatter::default(), "f", "").is_ok());
        let same = Group::new("a", vec![[1.0, 1.0]; 3]).coloured_by(vec![2.0; 3]);
        let scatter = Scatter { groups: vec![same], equal: true, ..Scatter::default() };
        assert!(draw(&scatter, "f", "").is_ok());
    }
}
