//! The figures of what is ranked: recognition of classes, and thirds of the samples.

use pathline::statistics::StrataComparison;
use pathline_view::{Cell, Column, Content, Figure, Table};

use super::beside_data::figure;
use super::page::estimates;
use super::{DensityRelation, Recognition};
use crate::page::p_words;

/// How a comparison of thirds is read.
const THIRDS: &str = "P: the probability that a value of the highest third is above one of the lowest, one half for no \
                      difference (of its rank, where ranks within class are compared), with the p-value of Mann and \
                      Whitney's test. \u{3b5}\u{b2}: the share of the \
                      ranks' variance that lies between thirds, with the p-value of Kruskal and Wallis's. With many \
                      samples any difference has a small p-value: its size is what counts.";

/// What a classifier says of the samples.
pub(super) fn recognition(found: &Recognition) -> Vec<Figure> {
    let spearman = |(what, e): &(String, _)| (format!("Spearman within class: {what}"), *e);
    let rows = [
        ("share called what was asked for".to_owned(), found.agreement),
        ("margin: logit asked for less the largest other".to_owned(), found.margin),
        ("confidence: probability of the class asked for".to_owned(), found.confidence),
    ];
    let table = estimates(
        ["of the samples", "value"],
        rows.into_iter().chain(found.correlations.iter().map(spearman)),
    );
    let mut figures = vec![figure(
        "recognition",
        "Whether samples show their class",
        format!(
            "What {} says of samples that were asked to be of a class. It gives {:.1} % of the real points their own \
             label (which flatters it, if it was trained on these points).",
            found.judge,
            100.0 * found.real_agreement
        ),
        "Classes differ in energy and in how surely they are recognised, so all is ranked within class. What the null \
         energy shows as well is no effect of the trajectory.",
        Content::Table(table),
    )];
    if !found.thirds.is_empty() {
        figures.push(figure(
            "recognition-thirds",
            "Recognition by thirds of energy",
            "Thirds of the samples by energy and by null energy, cut within each class. Medians are of ranks within \
             class, from 0 to 1."
                .to_owned(),
            THIRDS,
            Content::Table(thirds(&found.thirds)),
        ));
    }
    figures
}

/// Energies by thirds of density.
pub(super) fn thirds_of_density(density: &DensityRelation, number: usize) -> Option<Figure> {
    (!density.thirds.is_empty()).then(|| {
        figure(
            &format!("density-thirds-{number}"),
            "Energy by thirds of density",
            format!(
                "Thirds of the samples by the log density of {} at their ends, on {}. In the rows that are ranked \
                 within each class, thirds are cut within each class, and medians are of ranks from 0 to 1.",
                density.data, density.on
            ),
            THIRDS,
            Content::Table(thirds(&density.thirds)),
        )
    })
}

fn thirds(rows: &[(String, StrataComparison)]) -> Table {
    let rows = rows.iter().map(|(what, found)| {
        let mut row = vec![Cell::text(what)];
        row.extend(found.medians.iter().map(|&median| Cell::number(median)));
        let two = found.highest_against_lowest.map(|test| (test.superiority, test.p_value));
        let all = found.across.map(|test| (test.epsilon_squared, test.p_value));
        for test in [two, all] {
            // Nothing to rank where all values are equal.
            let (effect, p) = test.map_or((Cell::text(""), Cell::text("")), |(effect, p)| {
                (Cell::number(effect).strong(), Cell::text(p_words(p)))
            });
            row.extend([effect, p]);
        }
        row
    });
    Table {
        columns: vec![
            Column::text("median of"),
            Column::numeric("lowest third"),
            Column::numeric("middle"),
            Column::numeric("highest"),
            Column::numeric("P"),
            Column::numeric("p"),
            Column::numeric("\u{3b5}\u{b2}"),
            Column::numeric("p"),
        ],
        rows: rows.collect(),
        note: String::new(),
    }
}
