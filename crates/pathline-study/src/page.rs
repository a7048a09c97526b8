//! Recordings as pages.

use pathline::Batch;
use pathline::recording::Recording;
use pathline_view::{
    Axis, Content, Fact, Figure, Group, Image, Images, Panel, Particles, Report, Scatter, Section,
};

/// A p-value in words, to three digits after the point.
pub(crate) fn p_words(p: f64) -> String {
    if p < 0.001 {
        "< .001".to_owned()
    } else {
        pathline_view::number((p * 1000.0).round() / 1000.0)
    }
}

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

pub(crate) fn chord_against_bending(points: Vec<[f64; 2]>, command: &str) -> Figure {
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
