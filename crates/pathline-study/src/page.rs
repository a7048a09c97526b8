//! Recordings and measurements as pages.

use pathline::Batch;
use pathline::recording::Recording;
use pathline_view::{
    Axis, Cell, Column, Content, Fact, Figure, Group, Image, Images, LineStyle, Lines, Panel,
    Particles, Report, Scatter, Section, Series, Table,
};

use crate::measure::Measurement;

/// Samples drawn at most on a page.
const SHOWN: usize = 400;

/// A recording as a page: its samples, how they got there, what each cost.
#[must_use]
pub fn recording_page(recording: &Recording, name: &str) -> Report {
    let mut figures = Vec::new();
    let command = format!("pathline view {name}");
    let end = recording.end();
    let extents = end.map(|e| e.shape().extents().to_vec()).unwrap_or_default();
    match (end, extents.as_slice()) {
        (Some(end), [2]) => figures.extend(plane(recording, end, &command)),
        (Some(end), [1 | 3, _, _]) => figures.extend(pictures(recording, end, &command)),
        _ => {}
    }
    figures.extend(energies(recording, &command));
    let run = &recording.run;
    let shape = format!("{extents:?}");
    let spec = |pointer: &str| run.spec.pointer(pointer).map_or_else(String::new, phrase);
    Report {
        title: format!("Recording {name}"),
        lead: format!(
            "{} samples of shape {shape}, {} saved times, {} evaluations of the field a sample.",
            recording.samples.len(),
            recording.times.len(),
            run.evaluations
        ),
        command,
        facts: vec![
            Fact::new("field", stack(&run.field)),
            Fact::new("solver", spec("/run/solver")),
            Fact::new("stepping", spec("/run/stepping")),
            Fact::new("gain", spec("/run/gain")),
            Fact::new("seed", spec("/seed")),
            Fact::new("steps", run.steps),
            Fact::new("rejected steps", run.rejected),
            Fact::new("Pathline", &run.version),
        ]
        .into_iter()
        .filter(|f| !f.value.is_empty())
        .collect(),
        sections: vec![Section {
            id: "run".to_owned(),
            title: "The run".to_owned(),
            text: String::new(),
            figures,
        }],
        references: Vec::new(),
        footer: "Made by Pathline.".to_owned(),
    }
}

/// A part of a spec in words: its kind first, then its numbers, `uniform, steps 20`.
fn phrase(value: &serde_json::Value) -> String {
    let plain = |v: &serde_json::Value| match v {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let serde_json::Value::Object(parts) = value else { return plain(value) };
    let kind = parts.get("kind").map(plain);
    let off = |v: &serde_json::Value| v.is_null() || *v == false;
    let rest = parts.iter().filter(|(name, v)| *name != "kind" && !off(v));
    let rest = rest.map(|(name, v)| format!("{} {}", name.replace('_', " "), plain(v)));
    kind.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}

/// A field and what it wraps, as `outer(inner, inner)`.
fn stack(field: &pathline::field::FieldRecord) -> String {
    if field.inner.is_empty() {
        return field.name.clone();
    }
    let inner: Vec<String> = field.inner.iter().map(stack).collect();
    format!("{}({})", field.name, inner.join(", "))
}

pub(crate) fn points(batch: &Batch) -> Vec<[f64; 2]> {
    let point = |row: &[f32]| [f64::from(row[0]), f64::from(row[1])];
    batch.rows().iter().map(point).collect()
}

fn plane(recording: &Recording, end: &Batch, command: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    let shown = end.len().min(SHOWN);
    if recording.states.len() > 1 {
        let place = |row: &[f32]| [row[0], row[1]];
        let frame = |states: &Batch| states.rows().iter().take(shown).map(place).collect();
        let mut times = recording.times.clone();
        let mut frames: Vec<_> = recording.states.iter().map(frame).collect();
        let ends = |times: &[f64]| times.first().copied().zip(times.last().copied());
        let (from, to) = ends(&times).unwrap_or((0.0, 1.0));
        // A reversed run: a panel's times ascend, so it is shown from its end.
        if from > to {
            times.reverse();
            frames.reverse();
        }
        figures.push(Figure {
            id: "particles".to_owned(),
            title: "The flow".to_owned(),
            caption: format!(
                "The first {shown} samples, run from t = {} to t = {} (0: source, 1: target).",
                pathline_view::number(from),
                pathline_view::number(to)
            ),
            look_for: "Straight lines walked at an even pace cost least, and can be walked in few \
                       steps."
                .to_owned(),
            command: command.to_owned(),
            alt: "Points that move from the source to the target distribution.".to_owned(),
            content: Content::Particles(Particles {
                panels: vec![Panel {
                    title: "samples".to_owned(),
                    times,
                    frames,
                    labels: recording.labels.as_ref().map(|l| l[..shown].to_vec()),
                    ..Panel::default()
                }],
            }),
        });
    }
    let mut ends = Group::new("ends", points(end));
    let energy = recording.diagnostics.get("energy.left");
    if let Some(energy) = energy {
        ends = ends.coloured_by(energy.clone());
    }
    figures.push(Figure {
        id: "ends".to_owned(),
        title: "Where the samples end".to_owned(),
        caption: "Every sample at its last time, coloured by its kinetic path energy.".to_owned(),
        look_for: String::new(),
        command: command.to_owned(),
        alt: "Points of the plane.".to_owned(),
        content: Content::Scatter(Scatter {
            x: Axis::new("x"),
            y: Axis::new("y"),
            groups: vec![ends],
            value_label: if energy.is_some() { "energy".to_owned() } else { String::new() },
            equal: true,
        }),
    });
    figures
}

/// One row as a picture, `[-1, 1]` to black and white.
pub(crate) fn picture(batch: &Batch, row: usize, label: String) -> Option<Image> {
    let &[channels, height, width] = batch.shape().extents() else { return None };
    let level = |v: f32| ((v.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8;
    let values = batch.row(row);
    if channels == 1 {
        return Some(Image::gray(values.iter().map(|&v| level(v)).collect(), width, height, label));
    }
    let plane = height * width;
    let pixels = (0..plane).flat_map(|p| (0..3).map(move |c| (c, p)));
    let rgb = pixels.map(|(c, p)| level(values[c * plane + p])).collect();
    Some(Image::rgb(rgb, width, height, label))
}

fn pictures(recording: &Recording, end: &Batch, command: &str) -> Vec<Figure> {
    let label = |i: usize| match &recording.labels {
        Some(labels) => format!("class {}", labels[i]),
        None => format!("no. {}", recording.samples[i]),
    };
    let shown = end.len().min(100);
    let grid = (0..shown).filter_map(|i| picture(end, i, label(i))).collect();
    let figure = |id: &str, title: &str, caption: String, images: Images| Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        caption,
        look_for: String::new(),
        command: command.to_owned(),
        alt: "A grid of generated images.".to_owned(),
        content: Content::Images(images),
    };
    let columns = 10.min(shown);
    let samples = Images { columns, cell: 56, items: grid, row_titles: Vec::new() };
    let mut figures = vec![figure("samples", "Samples", format!("The first {shown}."), samples)];
    if recording.states.len() > 2 {
        let rows = end.len().min(6);
        let last = recording.states.len() - 1;
        let columns = recording.states.len().min(9);
        let step = |c: usize| c * last / (columns - 1);
        let items = (0..rows)
            .flat_map(|i| (0..columns).map(move |c| (i, step(c))))
            .filter_map(|(i, s)| {
                picture(&recording.states[s], i, format!("t = {:.2}", recording.times[s]))
            })
            .collect();
        let row_titles = (0..rows).map(label).collect();
        let images = Images { columns, cell: 56, items, row_titles };
        let caption = "States along the way, from noise to image.".to_owned();
        figures.push(figure("way", "The way there", caption, images));
    }
    figures
}

fn energies(recording: &Recording, command: &str) -> Option<Figure> {
    let chord = recording.diagnostics.get("energy.chord")?;
    let bending = recording.diagnostics.get("energy.bending")?;
    Some(chord_against_bending(chord.iter().zip(bending).map(|(&c, &b)| [c, b]).collect(), command))
}

fn chord_against_bending(points: Vec<[f64; 2]>, command: &str) -> Figure {
    Figure {
        id: "chord-bending".to_owned(),
        title: "What each sample cost".to_owned(),
        caption:
            "Kinetic path energy, split exactly: the chord is what going straight at an even pace \
                  would have cost, the bending is the rest. One point a sample."
                .to_owned(),
        look_for:
            "Points near the lower edge went straight. The energy is the sum of the two axes."
                .to_owned(),
        command: command.to_owned(),
        alt: "Scatter of bending energy against chord energy.".to_owned(),
        content: Content::Scatter(Scatter {
            x: Axis::new("chord energy"),
            y: Axis::new("bending energy"),
            groups: vec![Group::new("samples", points)],
            ..Scatter::default()
        }),
    }
}

/// A measurement as a page.
#[must_use]
pub fn measurement_page(measured: &Measurement, command: &str) -> Report {
    let mut figures = vec![means(measured, command)];
    if !measured.power.is_empty() {
        figures.push(power(measured, command));
    }
    if !measured.chord_and_bending.is_empty() {
        figures.push(chord_against_bending(measured.chord_and_bending.clone(), command));
    }
    if !measured.deficit.is_empty() {
        figures.push(deficit(measured, command));
    }
    Report {
        title: format!("Measured: {}", measured.subject),
        lead: format!(
            "{} samples, {} evaluations of the field each. Intervals are 95 %.",
            measured.samples, measured.evaluations
        ),
        command: command.to_owned(),
        facts: Vec::new(),
        sections: vec![Section {
            id: "measured".to_owned(),
            title: "What was measured".to_owned(),
            text: String::new(),
            figures,
        }],
        references: Vec::new(),
        footer: "Made by Pathline.".to_owned(),
    }
}

fn means(measured: &Measurement, command: &str) -> Figure {
    let rows = measured.rows().into_iter().map(|(name, e)| {
        vec![Cell::text(name), Cell::number(e.value), Cell::number(e.low), Cell::number(e.high)]
    });
    Figure {
        id: "means".to_owned(),
        title: "Means over samples".to_owned(),
        caption: "Each diagnostic with its 95 % interval.".to_owned(),
        look_for: String::new(),
        command: command.to_owned(),
        alt: "A table of diagnostics.".to_owned(),
        content: Content::Table(Table {
            columns: vec![
                Column::text("diagnostic"),
                Column::numeric("mean"),
                Column::numeric("low"),
                Column::numeric("high"),
            ],
            rows: rows.collect(),
            note: String::new(),
        }),
    }
}

fn power(measured: &Measurement, command: &str) -> Figure {
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
        command: command.to_owned(),
        alt: "A curve of power against time.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("power, 1/2 |v|\u{b2}"),
            series: vec![Series::new("mean", points).with_band(band)],
            marks: Vec::new(),
        }),
    }
}

fn deficit(measured: &Measurement, command: &str) -> Figure {
    let of = |f: fn(&pathline::diagnostics::DeficitPoint) -> f64| {
        measured.deficit.iter().map(|p| [p.t, f(p)]).collect::<Vec<_>>()
    };
    let band = measured.deficit.iter().map(|p| [p.gain.low, p.gain.high]).collect();
    Figure {
        id: "deficit".to_owned(),
        title: "Velocity deficit and radial gain".to_owned(),
        caption: "On pairs of noise and data. Norm ratio: root mean square of |v| over |u|. Radial gain \
                  g*: the factor on v that fits u best (band: 95 %)."
            .to_owned(),
        look_for: "A ratio below 1 is no error: every field that predicts a mean has it. An exact field \
                   has g* = 1 whatever its ratio; 1 - g* is the radial error. Pairs from the training \
                   data flatter a memorising model."
            .to_owned(),
        command: command.to_owned(),
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

impl Measurement {
    /// Name and estimate of everything that has one, in reading order.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, pathline::statistics::Estimate)> {
        let mut rows = self.means.clone();
        rows.extend(self.straightness.map(|e| ("straightness (path / chord)".to_owned(), e)));
        rows.extend(self.bending_share.map(|e| ("bending / energy".to_owned(), e)));
        if let Some(m) = &self.memorisation {
            rows.push((format!("memorised (d1/d2 < 1/3 in {})", m.data), m.fraction));
            let floor = format!("its floor (a tenth of {} in the rest)", m.data);
            rows.extend(m.floor.map(|e| (floor, e)));
        }
        rows
    }
}
