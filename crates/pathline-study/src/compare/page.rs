//! A comparison as a page.

use pathline::Batch;
use pathline_view::{
    Axis, BarSeries, Bars, Content, Fact, Figure, Group, Images, LineStyle, Lines, Report, Scatter,
    Section, Series,
};

use super::{Comparison, Side, apart, pairing, tables::letter};
use crate::page::{picture, points};

/// Samples drawn at most in one figure.
const SHOWN: usize = 400;
/// Images of a row.
const COLUMNS: usize = 10;
/// Rows of images at most.
const MOST_ROWS: usize = 8;
/// Numbers drawn as images at most in one figure: a page has a limit.
const MOST_VALUES: usize = 300_000;

/// A comparison as a page; `sides` are what was compared.
#[must_use]
pub fn comparison_page(found: &Comparison, sides: &[Side], command: &str) -> Report {
    let figure = |id: String, title: String, caption: &str, look_for: &str, content: Content| {
        let alt = format!("{title}.");
        let (caption, look_for) = (caption.to_owned(), look_for.to_owned());
        // One command makes the whole page: it stands at its head.
        Figure { id, title, caption, look_for, command: String::new(), alt, content }
    };
    let mut differences = vec![figure(
        "effects".to_owned(),
        "Differences, one scale".to_owned(),
        "Cohen's d_z of each quantity with its 95 % interval: the mean difference from A in units of \
         the standard deviation of the differences.",
        "Bars whose interval holds 0 may be chance. A long bar is a difference that nearly every sample \
         shows, which may still be tiny: the tables have the sizes.",
        effects(found),
    )];
    for run in 1..found.runs.len() {
        let title = format!("{} less A, pair by pair", letter(run));
        let content = Content::Table(found.difference_table(run, false));
        differences.push(figure(format!("differences-{run}"), title, "", "", content));
    }
    let mut samples = vec![figure(
        "apart".to_owned(),
        "How far apart paired samples end".to_owned(),
        "The share of samples whose ends lie at most this far from the end of the baseline's sample \
         of the same start.",
        "A curve that rises late in one step: a few samples went elsewhere, the rest agree.",
        apart_curves(found, sides),
    )];
    let perceptual = found.perceptual_table();
    if !perceptual.rows.is_empty() {
        let title = "How unlike paired samples look".to_owned();
        let caption = "A perceptual distance of each pair of images: 0 for equal ones.";
        let content = Content::Table(perceptual);
        samples.push(figure("perceptual".to_owned(), title, caption, "", content));
    }
    if let Some(content) = scattered(found, sides) {
        let title = "Energy of each sample".to_owned();
        let caption = "Kinetic path energy of a sample in each run against the baseline's.";
        let look_for = "Points on the dashed line cost as much in both.";
        samples.push(figure("energy".to_owned(), title, caption, look_for, content));
    }
    samples.extend(ends(sides, &figure));
    let section = |id: &str, title: &str, text: &str, figures| Section {
        id: id.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        figures,
    };
    let runs = figure(
        "run-table".to_owned(),
        "The runs".to_owned(),
        "|x - x_A|: distance between the ends of samples with one start.",
        "",
        Content::Table(found.run_table()),
    );
    let mut sections = vec![
        section("runs", "What is compared", &notes(found), vec![runs]),
        section("differences", "What differs", "", differences),
        section("samples", "Sample by sample", "", samples),
    ];
    if !found.sets.is_empty() {
        let caption = "KID and Frechet distance are better when lower, precision, recall and coverage when higher; density is \
             about 1 for samples of the same law, and more is not better.";
        let content = Content::Table(found.set_table());
        let title = "Sets against real ones".to_owned();
        let sets = vec![figure("set-table".to_owned(), title, caption, "", content)];
        sections.push(section("sets", "The sets as wholes", "", sets));
    }
    Report {
        title: format!("{} runs compared", found.runs.len()),
        lead: lead(found),
        command: command.to_owned(),
        facts: facts(found, sides),
        sections,
        references: vec![
            "Wilcoxon (1945), Individual comparisons by ranking methods".to_owned(),
            "Holm (1979), A simple sequentially rejective multiple test procedure".to_owned(),
            "Cohen (1988), Statistical power analysis for the behavioral sciences".to_owned(),
        ],
        footer: "Made by Pathline.".to_owned(),
    }
}

/// One paragraph: what was compared, and how much of it differs.
fn lead(found: &Comparison) -> String {
    let clear = found.differences.iter().filter(|d| d.p_adjusted < 0.05).count();
    format!(
        "{} samples from the same starts in each run. Of {} paired tests {clear} are below .05 after \
         Holm's correction. Every difference is a run less A.",
        found.samples,
        found.differences.len(),
    )
}

/// The notes as sentences.
fn notes(found: &Comparison) -> String {
    let sentence = |note: &String| {
        let mut rest = note.chars();
        let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}.", rest.as_str())
    };
    found.notes.iter().map(sentence).collect::<Vec<_>>().join("\n\n")
}

fn facts(found: &Comparison, sides: &[Side]) -> Vec<Fact> {
    let mut facts = vec![Fact::new("samples", found.samples)];
    facts.extend(sides.first().and_then(pairing::seed).map(|seed| Fact::new("seed", seed)));
    facts.extend(found.data.as_ref().map(|data| Fact::new("data", data)));
    facts
}

/// Effects of the quantities that all runs have, a series for each run.
fn effects(found: &Comparison) -> Content {
    let has = |run: usize, name: &str| {
        found.differences.iter().any(|d| d.run == run && d.quantity == name)
    };
    let firsts = found.differences.iter().filter(|d| d.run == 1).map(|d| d.quantity.as_str());
    let names: Vec<&str> =
        firsts.filter(|name| (2..found.runs.len()).all(|run| has(run, name))).collect();
    let series = (1..found.runs.len()).map(|run| {
        let effect = |name: &&str| {
            let of = |d: &&super::Difference| d.run == run && d.quantity == **name;
            found.differences.iter().find(of).and_then(|d| d.effect)
        };
        let values = names.iter().map(|n| effect(n).map_or(f64::NAN, |e| e.value)).collect();
        let interval = |n: &&str| effect(n).map_or([f64::NAN; 2], |e| [e.low, e.high]);
        BarSeries::new(format!("{} less A", letter(run)), values)
            .with_intervals(names.iter().map(interval).collect())
    });
    Content::Bars(Bars {
        value: Axis::new("d_z"),
        series: series.collect(),
        categories: names.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// Sorted distances against the share of samples.
fn apart_curves(found: &Comparison, sides: &[Side]) -> Content {
    let series = (1..found.runs.len()).map(|run| {
        let mut apart = apart(sides, run);
        apart.sort_by(f64::total_cmp);
        let n = apart.len();
        let steps = n.min(SHOWN);
        let point = |k: usize| {
            let i = (k * n / steps.max(1)).saturating_sub(1).min(n - 1);
            [apart[i], (i + 1) as f64 / n as f64]
        };
        let points = (1..=steps).map(point).collect();
        Series::new(letter(run).to_string(), points)
    });
    Content::Lines(Lines {
        x: Axis::new("|x - x_A| at the end"),
        y: Axis::new("share of samples").within(0.0, 1.0),
        series: series.collect(),
        marks: Vec::new(),
    })
}

/// Energies against the baseline's, where all runs have them.
fn scattered(found: &Comparison, sides: &[Side]) -> Option<Content> {
    let energy = |side: &Side| side.recording.diagnostics.get("energy.left").cloned();
    let baseline = energy(sides.first()?)?;
    let mut series = Vec::new();
    for (run, side) in sides.iter().enumerate().skip(1) {
        let pairs = baseline.iter().zip(energy(side)?).take(SHOWN).map(|(&a, b)| [a, b]).collect();
        series.push(Series::new(letter(run).to_string(), pairs).styled(LineStyle::Points));
    }
    let shown = baseline.iter().take(SHOWN);
    let low = shown.clone().fold(f64::INFINITY, |low, &e| low.min(e));
    let high = shown.fold(f64::NEG_INFINITY, |high, &e| high.max(e));
    series.push(Series::new("as in A", vec![[low, low], [high, high]]).styled(LineStyle::Dashed));
    let y = if found.runs.len() == 2 { "energy in B" } else { "energy in the other run" };
    Some(Content::Lines(Lines {
        x: Axis::new("energy in A"),
        y: Axis::new(y),
        series,
        marks: Vec::new(),
    }))
}

/// Figures of the ends, where they can be drawn.
fn ends(
    sides: &[Side],
    figure: &dyn Fn(String, String, &str, &str, Content) -> Figure,
) -> Vec<Figure> {
    let ends: Vec<&Batch> = sides.iter().filter_map(|side| side.recording.end()).collect();
    let Some(first) = ends.first() else { return Vec::new() };
    let id = |which: &str| format!("ends-{which}");
    match first.shape().extents() {
        [2] => {
            let group = |(run, end): (usize, &&Batch)| {
                Group::new(letter(run).to_string(), points(end).into_iter().take(SHOWN).collect())
            };
            // The baseline last: the others keep the colours that they have in other figures.
            let mut groups: Vec<Group> = ends.iter().enumerate().map(group).collect();
            groups.rotate_left(1);
            let content = Content::Scatter(Scatter {
                x: Axis::new("x"),
                y: Axis::new("y"),
                groups,
                equal: true,
                ..Scatter::default()
            });
            let caption = "The ends of samples in every run, those of the baseline on top.";
            vec![figure(id("plane"), "Where samples end".to_owned(), caption, "", content)]
        }
        [1 | 3, _, _] => {
            let column = ends.len().min(MOST_ROWS) * first.width();
            let count = first.len().min(COLUMNS).min(MOST_VALUES / column.max(1));
            if count == 0 {
                return Vec::new();
            }
            let order = by_distance(sides);
            let grid = |rows: &[usize]| Content::Images(images(&ends, sides, rows));
            let firsts: Vec<usize> = (0..count).collect();
            let caption = "The same samples in every run.";
            let look_for = "What stays and what changes down a column.";
            vec![
                figure(
                    id("first"),
                    "The first samples".to_owned(),
                    caption,
                    look_for,
                    grid(&firsts),
                ),
                figure(
                    id("furthest"),
                    "The samples that differ most".to_owned(),
                    "Samples whose ends are furthest apart, over all runs.",
                    "",
                    grid(&order[..count]),
                ),
            ]
        }
        _ => Vec::new(),
    }
}

/// Samples by their largest distance from the baseline, the furthest first.
fn by_distance(sides: &[Side]) -> Vec<usize> {
    let mut largest = vec![0.0_f64; apart(sides, 0).len()];
    for run in 1..sides.len() {
        for (most, apart) in largest.iter_mut().zip(apart(sides, run)) {
            *most = most.max(apart);
        }
    }
    let mut order: Vec<usize> = (0..largest.len()).collect();
    order.sort_by(|&a, &b| largest[b].total_cmp(&largest[a]));
    order
}

fn images(ends: &[&Batch], sides: &[Side], rows: &[usize]) -> Images {
    let sample = |i: usize| sides.first().map_or(0, |side| side.recording.samples[i]);
    let shown = ends.iter().take(MOST_ROWS).enumerate();
    let items = shown.clone().flat_map(|(run, end)| {
        rows.iter().filter_map(move |&i| {
            let label = if run == 0 { format!("no. {}", sample(i)) } else { String::new() };
            picture(end, i, label)
        })
    });
    Images {
        columns: rows.len(),
        cell: 56,
        items: items.collect(),
        row_titles: shown.map(|(run, _)| letter(run).to_string()).collect(),
    }
}
