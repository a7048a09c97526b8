//! The figures of a measurement that needed data.

use pathline_view::{
    Axis, Cell, Column, Content, Figure, Group, Images, Lines, Scatter, Series, Table,
};

use super::page::estimates;
use super::rank_figures::{recognition, thirds_of_density};
use super::{Committed, DensityRelation, Measurement, Memorised, SetQuality};
use crate::page::picture;

/// Images in a row of the gallery.
const COLUMNS: usize = 10;

/// The figures, in reading order.
pub(super) fn figures(measured: &Measurement) -> Vec<Figure> {
    let mut figures = Vec::new();
    figures.extend(measured.quality.as_ref().map(|q| quality(q, measured.samples)));
    figures.extend(measured.quality.iter().filter_map(distances));
    figures.extend(measured.recognition.iter().flat_map(recognition));
    for (i, density) in measured.density.iter().enumerate() {
        figures.extend([correlations(density, i), energies(density, i)]);
        figures.extend(thirds_of_density(density, i));
    }
    figures.extend(measured.dominance.as_ref().map(commitment));
    figures.extend(measured.memorisation.as_ref().and_then(gallery));
    figures
}

pub(super) fn figure(
    id: &str,
    title: &str,
    caption: String,
    look_for: &str,
    content: Content,
) -> Figure {
    Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        alt: title.to_owned(),
        caption,
        look_for: look_for.to_owned(),
        command: String::new(),
        content,
    }
}

fn quality(quality: &SetQuality, samples: usize) -> Figure {
    let rows = [
        ("KID (kernel distance), 0 for the same law", quality.kid),
        ("Frechet distance", quality.frechet),
        ("precision", quality.precision),
        ("recall", quality.recall),
        ("density, about 1 for the same law", quality.density),
        ("coverage", quality.coverage),
    ];
    let rows = rows.map(|(name, e)| (name.to_owned(), e));
    let at_infinity = match quality.frechet_extrapolated {
        Some(value) => format!(
            " Extrapolated to infinitely many samples, against these points, the distance is {}.",
            pathline_view::number(value)
        ),
        None => String::new(),
    };
    figure(
        "quality",
        "The samples as a set",
        format!(
            "{samples} samples against {} points of {}, on {}. Two disjoint sets of as many real points (at most \
             half of them) lie {} apart by the Frechet distance.{at_infinity} As many samples of the same law would \
             have a coverage of about {}.",
            quality.real,
            quality.data,
            quality.on,
            pathline_view::number(quality.frechet_floor),
            pathline_view::number(quality.expected_coverage)
        ),
        "The kernel distance falls below 0 by chance, and by copies of the very points. A Frechet distance depends \
         on the number of samples: compare it at equal numbers only, and with that floor. Recall falls with fewer \
         samples.",
        Content::Table(estimates(["measure", "value"], rows)),
    )
}

/// Distances that come with the same between real points.
fn distances(quality: &SetQuality) -> Option<Figure> {
    let found = quality.distances.as_ref()?;
    let row = |name: &str, value: f64, floor: f64| {
        vec![Cell::text(name), Cell::number(value), Cell::number(floor)]
    };
    let table = Table {
        columns: vec![
            Column::text("distance"),
            Column::numeric("samples from real"),
            Column::numeric("real from real"),
        ],
        rows: vec![
            row("sliced Wasserstein, 200 directions", found.sliced.value, found.sliced_floor),
            row("exact Wasserstein, W2", found.exact, found.exact_floor),
            row("Frechet, at equal numbers", found.frechet, found.frechet_floor),
            row("MMD\u{b2}, Gaussian kernel, median width", found.mmd, found.mmd_floor),
        ],
        note: format!(
            "The kernel distance as it is usually printed, over 100 subsets of {}: {} \u{b1} {} (deviation over \
             subsets, which is no standard error).",
            found.kid_size,
            pathline_view::number(found.kid_subsets),
            pathline_view::number(found.kid_deviation)
        ),
    };
    Some(figure(
        "distances",
        "Other distances",
        format!(
            "{} samples and as many real points of {}, on {}; beside them the same between two sets of real points.",
            found.points, quality.data, quality.on
        ),
        "All but the last are biased upwards, and more so in more dimensions: what counts is how far the first column \
         lies above the second.",
        Content::Table(table),
    ))
}

fn correlations(density: &DensityRelation, number: usize) -> Figure {
    let rows = density.correlations.iter().cloned();
    figure(
        &format!("density-correlations-{number}"),
        "Energy and density, beside what no model would give",
        format!(
            "Spearman correlations with the log density of {} at each sample's end: {} of {} points, distances \
             between {}.",
            density.data, density.by, density.points, density.on
        ),
        "The null energy pairs each end with noise that has nothing to do with it. A correlation that it shows as \
         well says something of the data, and nothing of the model.",
        Content::Table(estimates(["log density with", "Spearman"], rows)),
    )
}

fn energies(density: &DensityRelation, number: usize) -> Figure {
    let finite = |points: &[[f64; 2]]| {
        points.iter().copied().filter(|p| p[0].is_finite() && p[1].is_finite()).collect::<Vec<_>>()
    };
    let mut groups = vec![Group::new("energy", finite(&density.energy))];
    if !density.null.is_empty() {
        groups.push(Group::new("null energy", finite(&density.null)));
    }
    figure(
        &format!("density-energy-{number}"),
        "Energy against log density",
        "One point a sample and kind of energy. Samples that are points of the data, where the density is \
         infinite, are left out."
            .to_owned(),
        "What sets the two clouds apart is the trajectory's; what they share is not.",
        Content::Scatter(Scatter {
            x: Axis::new(format!("log density in {}, of {} (nats)", density.data, density.on)),
            y: Axis::new("energy"),
            groups,
            ..Scatter::default()
        }),
    )
}

fn commitment(committed: &Committed) -> Figure {
    let weight = committed.curve.iter().map(|p| [p.t, p.max_weight.median]).collect();
    let weights = committed.curve.iter().map(|p| [p.max_weight.lower, p.max_weight.upper]);
    let all = (committed.points as f64).ln().max(f64::MIN_POSITIVE);
    let entropy = committed.curve.iter().map(|p| [p.t, p.entropy.median / all]).collect();
    let entropies = committed.curve.iter().map(|p| [p.entropy.lower / all, p.entropy.upper / all]);
    let when = match committed.median_time {
        Some(t) => format!(", half of those by t = {}", pathline_view::number(t)),
        None => String::new(),
    };
    figure(
        "dominance",
        "Commitment to one point of the data",
        format!(
            "The posterior weights of the {} points of {} at the states of {} samples, on the straight-line \
             schedule: the largest weight, and the entropy over its value at t = 0 (medians and quartiles). \
             {:.0} % of samples gave one point more than 0.9 of the weight from some time to the end{when}.",
            committed.points,
            committed.data,
            committed.samples,
            100.0 * committed.share.value
        ),
        "Any state near t = 1 lies nearer to one point than to all others, so the weight rises for new images as \
         well; it says which point a memoriser would have drawn from there. Whether the sample became that point \
         is the memorisation's to say.",
        Content::Lines(Lines {
            x: Axis::new("time t"),
            y: Axis::new("weight, or share of entropy"),
            series: vec![
                Series::new("largest weight", weight).with_band(weights.collect()),
                Series::new("entropy / ln n", entropy).with_band(entropies.collect()),
            ],
            marks: Vec::new(),
        }),
    )
}

/// The samples nearest to copies above the points they might be copies of, for images.
fn gallery(memorised: &Memorised) -> Option<Figure> {
    let [samples, points] = memorised.pairs.as_ref()?;
    let (mut items, mut titles) = (Vec::new(), Vec::new());
    let order: Vec<usize> = (0..samples.len()).collect();
    for row in order.chunks(COLUMNS) {
        for (title, batch) in [("sample", samples), ("nearest", points)] {
            titles.push(title.to_owned());
            for &i in row {
                let closest = memorised.closest.get(i)?;
                let label = match title {
                    "sample" => format!("no. {}", closest.sample),
                    _ => format!("{:.2}", closest.ratio),
                };
                items.push(picture(batch, i, label)?);
            }
            // A short last row is filled up, so that rows keep their titles.
            let missing = if order.len() > COLUMNS { COLUMNS - row.len() } else { 0 };
            items.extend((0..missing).filter_map(|_| blank(batch)));
        }
    }
    let share = memorised.fraction;
    let floor = match memorised.floor {
        Some(floor) => {
            let real = match &memorised.held_out {
                Some(held_out) => format!("points of {held_out}"),
                None => "real points searched in the rest of the data".to_owned(),
            };
            format!("; of {real}, {:.1} %", 100.0 * floor.value)
        }
        None => String::new(),
    };
    Some(figure(
        "closest",
        "The samples nearest to a copy",
        format!(
            "Above: the samples with the least d1/d2, the distance to the nearest of {} images of {} over that to \
             the second nearest. Below: that nearest image, and the ratio. {:.1} % of samples are below 1/3 and \
             count as memorised{floor}. {} images of the data repeat an earlier one, and count once.",
            memorised.points,
            memorised.data,
            100.0 * share.value,
            memorised.duplicates
        ),
        "A pair below 1/3 that looks alike is a copy. Simple shapes are near to many images and have ratios near \
         1 however alike they look.",
        Content::Images(Images {
            columns: order.len().min(COLUMNS),
            cell: 56,
            items,
            row_titles: titles,
        }),
    ))
}

/// A white image, in the place of none.
fn blank(like: &pathline::Batch) -> Option<pathline_view::Image> {
    let white = vec![1.0; like.width()];
    picture(&pathline::Batch::from_vec(white, like.shape().clone()).ok()?, 0, String::new())
}
