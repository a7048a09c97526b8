//! A measurement as a page.

use pathline::diagnostics::cumulative;
use pathline::statistics::Estimate;
use pathline_view::{
    Axis, Cell, Column, Content, Figure, LineStyle, Lines, Report, Section, Series, Table, number,
};

use super::{Measurement, beside_data};
use crate::page::chord_against_bending;

/// A measurement as a page.
#[must_use]
pub fn measurement_page(measured: &Measurement, command: &str) -> Report {
    let mut way = vec![means(measured)];
    if !measured.power.is_empty() {
        way.extend([power(measured), energy_so_far(measured)]);
    }
    if measured.lag.len() > 1 {
        way.push(lag(measured));
    }
    if !measured.chord_and_bending.is_empty() {
        way.push(chord_against_bending(measured.chord_and_bending.clone(), ""));
    }
    let mut field = Vec::new();
    if !measured.deficit.is_empty() {
        field.push(deficit(measured));
    }
    if !measured.rotation.is_empty() {
        field.push(rotation(measured));
    }
    let section = |id: &str, title: &str, figures: Vec<Figure>| Section {
        id: id.to_owned(),
        title: title.to_owned(),
        text: String::new(),
        figures,
    };
    let sections = [
        section("measured", "The trajectories", way),
        section("field", "The field", field),
        section("data", "Beside the data", beside_data::figures(measured)),
    ];
    Report {
        title: format!("Measured: {}", measured.subject),
        lead: format!(
            "{} samples, {} evaluations of the field each. Intervals are 95 %.",
            measured.samples, measured.evaluations
        ),
        command: command.to_owned(),
        facts: Vec::new(),
        sections: sections.into_iter().filter(|section| !section.figures.is_empty()).collect(),
        references: Vec::new(),
        footer: "Made by Pathline.".to_owned(),
    }
}

fn means(measured: &Measurement) -> Figure {
    Figure {
        id: "means".to_owned(),
        title: "Means over samples".to_owned(),
        caption: "Each diagnostic with its 95 % interval.".to_owned(),
        look_for: String::new(),
        command: String::new(),
        alt: "A table of diagnostics.".to_owned(),
        content: Content::Table(estimates(["diagnostic", "mean"], measured.of_the_way())),
    }
}

/// Names and estimates as a table; titles of the names and of the values.
pub(super) fn estimates(
    [names, values]: [&str; 2],
    rows: impl IntoIterator<Item = (String, Estimate)>,
) -> Table {
    let rows = rows.into_iter().map(|(name, e)| {
        vec![Cell::text(name), Cell::number(e.value), Cell::number(e.low), Cell::number(e.high)]
    });
    Table {
        columns: vec![
            Column::text(names),
            Column::numeric(values),
            Column::numeric("low 95 %"),
            Column::numeric("high 95 %"),
        ],
        rows: rows.collect(),
        note: String::new(),
    }
}

fn power(measured: &Measurement) -> Figure {
    let points = measured.power.iter().map(|p| [p.t, p.mean]).collect();
    let band =
        measured.power.iter().map(|p| [p.mean - p.deviation, p.mean + p.deviation]).collect();
    Figure {
        id: "power".to_owned(),
        title: "Power over time".to_owned(),
        caption: "Half the squared speed at the start of each step: mean over samples, and one \
                  standard deviation around it."
            .to_owned(),
        look_for: "The area under the curve is the mean kinetic path energy.".to_owned(),
        command: String::new(),
        alt: "A curve of power against time.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("power, 1/2 |v|\u{b2}"),
            series: vec![Series::new("mean", points).with_band(band)],
            marks: Vec::new(),
        }),
    }
}

fn energy_so_far(measured: &Measurement) -> Figure {
    let effective = cumulative(measured.power.iter().map(|p| (p.t, p.dt, p.mean)));
    let raw = cumulative(measured.power.iter().map(|p| (p.t, p.dt, p.mean_raw)));
    let mut series = vec![Series::new("as sampled", effective.clone())];
    // They differ where a gain was applied.
    if raw != effective {
        series.push(Series::new("without the gain", raw).styled(LineStyle::Dashed));
    }
    Figure {
        id: "energy-so-far".to_owned(),
        title: "Energy so far".to_owned(),
        caption: "Mean over samples of the kinetic path energy up to each time.".to_owned(),
        look_for:
            "A straight line spends its energy evenly. What is steep is where the way is fast."
                .to_owned(),
        command: String::new(),
        alt: "A curve of cumulative energy against time.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("energy up to t"),
            series,
            marks: Vec::new(),
        }),
    }
}

fn lag(measured: &Measurement) -> Figure {
    let points = measured.lag.iter().map(|p| [p.t, p.shortfall.value]).collect();
    let band = measured.lag.iter().map(|p| [p.shortfall.low, p.shortfall.high]).collect();
    Figure {
        id: "lag".to_owned(),
        title: "Whether samples keep up".to_owned(),
        caption: "The share by which samples are nearer to the mean of their path than its states are at that time, \
                  root mean square (band: 95 %)."
            .to_owned(),
        look_for: "Zero is what an exact field gives, followed exactly. Above zero samples lag behind, below they \
                   overshoot: through steps that are too coarse, or a field that is wrong; many more steps tell the \
                   two apart. Guidance moves samples on purpose."
            .to_owned(),
        command: String::new(),
        alt: "Shortfall of the spread against time.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("shortfall of the spread"),
            series: vec![
                Series::new("run", points).with_band(band),
                Series::new("exact", vec![[0.0, 0.0], [1.0, 0.0]]).styled(LineStyle::Dashed),
            ],
            marks: Vec::new(),
        }),
    }
}

fn deficit(measured: &Measurement) -> Figure {
    let of = |f: fn(&pathline::diagnostics::DeficitPoint) -> f64| {
        measured.deficit.iter().map(|p| [p.t, f(p)]).collect::<Vec<_>>()
    };
    let band = measured.deficit.iter().map(|p| [p.gain.low, p.gain.high]).collect();
    Figure {
        id: "deficit".to_owned(),
        title: "Velocity deficit and radial gain".to_owned(),
        caption: "On pairs of noise and data, without guidance. Norm ratio: root mean square of |v| over |u|. Radial gain \
                  g*: the factor on v that fits u best (band: 95 %)."
            .to_owned(),
        look_for: "A ratio below 1 is no error: every field that predicts a mean has it. An exact field \
                   has g* = 1 whatever its ratio; 1 - g* is the radial error. Pairs from the training \
                   data flatter a memorising model."
            .to_owned(),
        command: String::new(),
        alt: "Norm ratio and radial gain against time.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("ratio"),
            series: vec![
                Series::new("norm ratio |v|/|u|", of(|p| p.ratio.value)),
                Series::new("radial gain g*", of(|p| p.gain.value)).with_band(band),
                Series::new("exact field's g*", vec![[0.0, 1.0], [1.0, 1.0]])
                    .styled(LineStyle::Dashed),
            ],
            marks: Vec::new(),
        }),
    }
}

fn rotation(measured: &Measurement) -> Figure {
    let points = measured.rotation.iter().map(|r| [r.t, r.curl.share.estimate.value]).collect();
    let band = |r: &super::Rotation| {
        let share = r.curl.share.estimate;
        [share.low.max(0.0), share.high.min(1.0)]
    };
    let floor = measured.rotation.iter().map(|r| [r.t, r.curl.floor]).collect();
    Figure {
        id: "rotation".to_owned(),
        title: "How much of the field is no gradient".to_owned(),
        caption: format!(
            "The antisymmetric part of the Jacobian as a share of all of it, by random probes of {} states of \
             the run at each time (band: 95 %). Dashed: the numerical floor, below which a share means nothing.",
            measured.rotation.first().map_or(0, |r| r.states)
        ),
        look_for: "A field learnt from noise that was paired with data at random should be a gradient: what lies \
                   above the floor is error of the model, seen without any data. Other couplings promise no \
                   gradient."
            .to_owned(),
        command: String::new(),
        alt: "Share of the antisymmetric part against time, and its floor.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("antisymmetric share"),
            series: vec![
                Series::new("share", points).with_band(measured.rotation.iter().map(band).collect()),
                Series::new("numerical floor", floor).styled(LineStyle::Dashed),
            ],
            marks: Vec::new(),
        }),
    }
}

impl Measurement {
    /// Name and estimate of everything that has one, in reading order.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, Estimate)> {
        let mut rows = self.of_the_way();
        if let Some(q) = &self.quality {
            rows.push((format!("KID to {}, on {}", q.data, q.on), q.kid));
            rows.push(("Frechet distance to it, on the same".to_owned(), q.frechet));
            rows.push(("precision".to_owned(), q.precision));
            rows.push(("recall".to_owned(), q.recall));
            rows.push(("density".to_owned(), q.density));
            rows.push(("coverage".to_owned(), q.coverage));
            let sliced = q.distances.as_ref().map(|d| d.sliced);
            rows.extend(sliced.map(|e| ("sliced Wasserstein distance".to_owned(), e)));
        }
        if let Some(r) = &self.recognition {
            let judge = &r.judge;
            rows.push((format!("share that {judge} calls what was asked for"), r.agreement));
            rows.push(("margin of its logits".to_owned(), r.margin));
            rows.push(("its confidence".to_owned(), r.confidence));
            let of = |what: &str| format!("Spearman within class: {what}");
            rows.extend(r.correlations.iter().map(|(what, e)| (of(what), *e)));
        }
        for density in &self.density {
            let of = |what: &str| format!("Spearman with log density of {}: {what}", density.on);
            rows.extend(density.correlations.iter().map(|(what, e)| (of(what), *e)));
        }
        for r in &self.rotation {
            let floor = number(r.curl.floor);
            let name =
                format!("antisymmetric share of the Jacobian at t = {:.2} (floor {floor})", r.t);
            rows.push((name, r.curl.share.estimate));
        }
        rows
    }

    /// [`Measurement::rows`] as a table.
    #[must_use]
    pub fn table(&self) -> Table {
        estimates(["mean over samples", "value"], self.rows())
    }

    /// Those of the trajectories and of memorisation.
    fn of_the_way(&self) -> Vec<(String, Estimate)> {
        // Without a gain the raw energies are the others again.
        let again = |(name, mean): &(String, Estimate)| {
            let of = name.strip_suffix("_raw");
            of.is_some_and(|of| self.means.iter().any(|(n, m)| n == of && m == mean))
        };
        let mut rows: Vec<_> = self.means.iter().filter(|row| !again(row)).cloned().collect();
        rows.extend(self.straightness.map(|e| ("straightness (path / chord)".to_owned(), e)));
        rows.extend(self.bending_share.map(|e| ("bending / energy".to_owned(), e)));
        if let Some(end) = self.lag.last() {
            let name = format!("lag: shortfall of the spread at t = {}", number(end.t));
            rows.push((name, end.shortfall));
        }
        if let Some(m) = &self.memorisation {
            rows.push((format!("memorised (d1/d2 < 1/3 in {})", m.data), m.fraction));
            let floor = match &m.held_out {
                Some(held_out) => format!("its floor ({held_out} in {})", m.data),
                None => format!("its floor (a tenth of {} in the rest)", m.data),
            };
            rows.extend(m.floor.map(|e| (floor, e)));
        }
        rows
    }
}
