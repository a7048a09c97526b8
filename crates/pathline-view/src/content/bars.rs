//! Horizontal bars by category, with intervals and their values in figures.

use serde::{Deserialize, Serialize};

use super::numbers;
use crate::error::Error;
use crate::escape;
use crate::number::{coordinate, number, typeset};
use crate::plot::axis::{Axis, Domain, Scale};
use crate::plot::frame::{Layout, NARROW, WIDE, labelled, text_width};
use crate::plot::key::{Entry, Swatch, key};
use crate::plot::{Drawn, HUES, left_out};

/// Bars: for each category one a series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bars {
    /// The axis of the values. Bars start at zero; on a log axis, at its low end.
    pub value: Axis,
    /// The categories, from the top.
    pub categories: Vec<String>,
    /// The series, each with a value for every category.
    pub series: Vec<BarSeries>,
}

/// One value a category.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BarSeries {
    /// What the key calls it.
    pub name: String,
    /// One value a category; one that is not finite has no bar, and says so.
    #[serde(deserialize_with = "numbers::read")]
    pub values: Vec<f64>,
    /// `[low, high]` a category.
    #[serde(deserialize_with = "numbers::read")]
    pub intervals: Option<Vec<[f64; 2]>>,
}

impl BarSeries {
    /// Values without intervals.
    #[must_use]
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values, intervals: None }
    }

    /// The same with `[low, high]` a category.
    #[must_use]
    pub fn with_intervals(self, intervals: Vec<[f64; 2]>) -> Self {
        Self { intervals: Some(intervals), ..self }
    }
}

/// Heights of a category's name, of a bar, and of the air below a category.
const NAME: f64 = 20.0;
const BAR: f64 = 15.0;
const AIR: f64 = 10.0;

pub(crate) fn draw(bars: &Bars, figure: &str, alt: &str) -> Result<Drawn, Error> {
    let count = bars.categories.len();
    for series in &bars.series {
        Error::check_count(figure, "values of a series of bars", count, series.values.len())?;
        if let Some(intervals) = &series.intervals {
            Error::check_count(figure, "intervals of a series", count, intervals.len())?;
        }
    }
    let several = bars.series.len() > 1;
    let entries: Vec<Entry> = bars
        .series
        .iter()
        .enumerate()
        .filter(|_| several)
        .map(|(i, s)| Entry {
            name: s.name.clone(),
            class: format!("c{}", i % HUES),
            swatch: Swatch::Bar,
        })
        .collect();
    let pictures: String = [WIDE, NARROW].map(|l| picture(bars, l, alt)).concat();
    let markup = format!("{}{}", key(&entries), labelled(&bars.value, &Axis::default(), &pictures));
    let all = || bars.series.iter().flat_map(|s| &s.values);
    let dropped = all().filter(|v| !bars.value.shows(**v)).count();
    let log = bars.value.scale == Scale::Log;
    let intervals = || bars.series.iter().flat_map(|s| s.intervals.iter().flatten());
    let open = intervals().filter(|i| i.iter().any(|v| !bars.value.shows(*v))).count();
    let notes = [
        left_out("values", dropped, all().count(), log),
        left_out("intervals", open, intervals().count(), log),
    ];
    let notes = notes.into_iter().flatten().collect();
    Ok(Drawn { markup, notes, data: None })
}

/// The places of a picture of bars.
struct Rows {
    domain: Domain,
    left: f64,
    width: f64,
    base: f64,
}

impl Rows {
    fn x(&self, value: f64) -> Option<f64> {
        self.domain.unit(value).map(|u| self.left + u.clamp(0.0, 1.0) * self.width)
    }
}

fn picture(bars: &Bars, layout: Layout, alt: &str) -> String {
    let values = bars.series.iter().flat_map(|s| {
        s.values.iter().copied().chain(s.intervals.iter().flatten().flatten().copied())
    });
    let zero = (bars.value.scale == Scale::Linear).then_some(0.0);
    let domain = Domain::of(&bars.value, values.chain(zero), layout.x_ticks);
    let widest = bars
        .series
        .iter()
        .flat_map(|s| &s.values)
        .map(|v| text_width(&number(*v)))
        .fold(0.0, f64::max);
    let (left, right) = (1.0, widest + 16.0);
    let width = layout.width - left - right;
    let base = zero.and_then(|z| domain.unit(z)).unwrap_or(0.0).clamp(0.0, 1.0);
    let rows = Rows { base: left + base * width, domain, left, width };
    let step = NAME + BAR * bars.series.len() as f64 + AIR;
    let bottom = step * bars.categories.len() as f64 + 4.0;
    let mut body = String::new();
    for (c, category) in bars.categories.iter().enumerate() {
        let top = c as f64 * step;
        body += &name(category, top + 14.0, layout.width - left);
        for (s, series) in bars.series.iter().enumerate() {
            let y = top + NAME + s as f64 * BAR;
            body += &bar(series, c, s, y, &rows);
            let figure = typeset(&number(series.values[c]));
            body += &format!(
                "<text class=\"value\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{figure}</text>",
                coordinate(layout.width - 4.0),
                coordinate(y + 11.5),
            );
        }
    }
    format!(
        "<svg class=\"plot {}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}{body}</svg>\n",
        layout.class,
        layout.width,
        coordinate(bottom + 26.0),
        escape::text(alt),
        grid(&rows, bottom)
    )
}

/// A category's name, cut where it would leave the picture; the whole stays as its tooltip.
fn name(category: &str, y: f64, room: f64) -> String {
    let most = (room / text_width("n")) as usize;
    let whole = escape::text(category);
    let shown = if category.chars().count() > most {
        let cut: String = category.chars().take(most.saturating_sub(1)).collect();
        format!("{}…", escape::text(&cut))
    } else {
        whole.clone()
    };
    format!(
        "<text class=\"name\" x=\"0\" y=\"{}\"><title>{whole}</title>{shown}</text>",
        coordinate(y)
    )
}

fn bar(series: &BarSeries, category: usize, index: usize, y: f64, rows: &Rows) -> String {
    let value = series.values[category];
    let Some(end) = rows.x(value) else { return String::new() };
    let (from, to) = (rows.base.min(end), rows.base.max(end));
    let interval = series.intervals.as_ref().map(|i| i[category]);
    let range = interval.map_or_else(String::new, |[low, high]| {
        format!(" [{}, {}]", typeset(&number(low)), typeset(&number(high)))
    });
    let mut out = format!(
        "<g class=\"c{}\"><rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">\
         <title>{}: {}{range}</title></rect></g>",
        index % HUES,
        coordinate(from),
        coordinate(y + 1.0),
        coordinate((to - from).max(1.0)),
        coordinate(BAR - 3.0),
        escape::text(&series.name),
        typeset(&number(value)),
    );
    if let Some((low, high)) = interval.and_then(|[l, h]| Some((rows.x(l)?, rows.x(h)?))) {
        let (low, high, mid) = (coordinate(low), coordinate(high), coordinate(y + 6.5 + 0.5));
        let top = coordinate(y + 4.0);
        out += &format!(
            "<path class=\"whisker\" d=\"M{low} {mid}H{high}M{low} {top}v6M{high} {top}v6\"/>"
        );
    }
    out
}

fn grid(rows: &Rows, bottom: f64) -> String {
    let mut lines = String::new();
    let mut labels = String::new();
    for tick in &rows.domain.ticks {
        let Some(x) = rows.x(tick.at) else { continue };
        lines += &format!("M{} 0V{}", coordinate(x), coordinate(bottom));
        let half = text_width(&tick.label) / 2.0;
        labels += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            coordinate(x.max(half)),
            coordinate(bottom + 18.0),
            tick.label
        );
    }
    let base = format!("M{} 0V{}", coordinate(rows.base), coordinate(bottom));
    format!("<path class=\"grid\" d=\"{lines}\"/><path class=\"base\" d=\"{base}\"/>{labels}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_finite_has_no_bar() {
        let bars = Bars {
            categories: vec!["a".into(), "b".into()],
            series: vec![BarSeries::new("s", vec![1.0, f64::NAN])],
            ..Bars::default()
        };
        let drawn = draw(&bars, "f", "").unwrap();
        assert_eq!(drawn.markup.matches("<rect").count(), 2, "one bar in each of two layouts");
        assert!(drawn.markup.contains("n/a"));
        assert_eq!(drawn.notes, ["Left out: 1 of 2 values (not finite)."]);
    }

    #[test]
    fn counts_must_agree() {
        let bars = Bars { series: vec![BarSeries::new("s", vec![1.0])], ..Bars::default() };
        assert!(draw(&bars, "f", "").is_err());
        let series = BarSeries::new("s", vec![1.0]).with_intervals(vec![]);
        let bars = Bars { categories: vec!["a".into()], series: vec![series], ..Bars::default() };
        assert!(draw(&bars, "f", "").is_err());
    }

    #[test]
    fn negative_bars_end_at_zero() {
        let rows = Rows {
            domain: Domain::between(Scale::Linear, -1.0, 1.0, 4),
            left: 0.0,
            width: 100.0,
            base: 50.0,
        };
        let markup = bar(&BarSeries::new("s", vec![-0.5]), 0, 0, 0.0, &rows);
        assert!(markup.contains("x=\"25\"") && markup.contains("width=\"25\""), "{markup}");
    }
}
