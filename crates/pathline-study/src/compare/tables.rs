//! A comparison as tables, for pages and terminals.

use pathline::statistics::Estimate;
use pathline_view::{Cell, Column, Table, number};

use super::{Comparison, Difference};

/// The letter that names a run.
pub(super) fn letter(run: usize) -> char {
    u8::try_from(run).ok().filter(|i| *i < 26).map_or('?', |i| char::from(b'A' + i))
}

/// Both ends, with as many digits as their distance warrants.
pub(super) fn interval(e: &Estimate) -> Cell {
    let width = e.high - e.low;
    // Clamped, so the conversion is safe; NaN becomes 0 and is written by `number`.
    let decimals = (1.0 - width.log10().floor()).clamp(0.0, 9.0) as usize;
    let end = |value: f64| {
        let plain = width > 0.0 && decimals <= 6 && value.abs() < 1e6;
        if plain { format!("{value:.decimals$}") } else { number(value) }
    };
    Cell::text(format!("{} to {}", end(e.low), end(e.high)))
}

fn p_value(p: f64) -> Cell {
    let cell = if p < 1e-6 { Cell::text("< 1e-6") } else { Cell::number(p) };
    if p < 0.05 { cell.strong() } else { cell }
}

fn share(value: f64) -> Cell {
    Cell::text(format!("{} %", number((1000.0 * value).round() / 10.0)))
}

impl Comparison {
    /// Runs by letter: name, evaluations, and how far from the baseline its samples end.
    #[must_use]
    pub fn run_table(&self) -> Table {
        let rows = self.runs.iter().enumerate().map(|(i, run)| {
            let name = if run.completed {
                run.name.clone()
            } else {
                format!("{} (ended early)", run.name)
            };
            let mut row = vec![
                Cell::text(letter(i).to_string()),
                Cell::text(name),
                Cell::number(run.evaluations as f64),
            ];
            match self.distances.iter().find(|distance| distance.run == i) {
                Some(d) => row.extend([
                    Cell::number(d.mean.value),
                    interval(&d.mean),
                    Cell::number(d.median),
                    Cell::number(d.largest),
                ]),
                None => row.push(Cell::text("baseline")),
            }
            row
        });
        Table {
            columns: vec![
                Column::text(""),
                Column::text("run"),
                Column::numeric("evaluations"),
                Column::numeric("|x - x_A|, mean"),
                Column::numeric("95 %"),
                Column::numeric("median"),
                Column::numeric("largest"),
            ],
            rows: rows.collect(),
            note: String::new(),
        }
    }

    /// What each sample has, in one run less the baseline; with or without effects, which make it wide.
    #[must_use]
    pub fn difference_table(&self, run: usize, effects: bool) -> Table {
        let name = letter(run);
        let row = |d: &Difference| {
            let effect = d.effect.as_ref();
            let mut row = vec![
                Cell::text(&d.quantity),
                Cell::number(d.baseline),
                Cell::number(d.value),
                Cell::number(d.difference.value),
                interval(&d.difference),
            ];
            if effects {
                row.push(effect.map_or_else(|| Cell::text("none"), |e| Cell::number(e.value)));
                row.push(effect.map_or_else(Cell::default, interval));
            }
            row.extend([share(d.above), p_value(d.p_adjusted)]);
            row
        };
        let mut columns = vec![
            Column::text("mean over samples"),
            Column::numeric("A"),
            Column::numeric(name.to_string()),
            Column::numeric(format!("{name} - A")),
            Column::numeric("95 %"),
        ];
        if effects {
            columns.extend([Column::numeric("d_z"), Column::numeric("95 %")]);
        }
        columns.extend([Column::numeric(format!("{name} > A")), Column::numeric("p (Holm)")]);
        Table {
            columns,
            rows: self.differences.iter().filter(|d| d.run == run).map(row).collect(),
            note: format!(
                "{}p: Wilcoxon's signed-rank test, corrected for all {} tests of this comparison.",
                if effects {
                    "d_z: mean difference over the standard deviation of differences. "
                } else {
                    ""
                },
                self.differences.len()
            ),
        }
    }

    /// Sets as wholes, every run less the baseline.
    #[must_use]
    pub fn set_table(&self) -> Table {
        let rows = self.sets.iter().map(|s| {
            let clear = !s.difference.contains(0.0);
            let difference = Cell::number(s.difference.value);
            vec![
                Cell::text(letter(s.run).to_string()),
                Cell::text(&s.quantity),
                Cell::number(s.baseline),
                Cell::number(s.value),
                if clear { difference.strong() } else { difference },
                interval(&s.difference),
            ]
        });
        Table {
            columns: vec![
                Column::text("run"),
                Column::text("of the whole set"),
                Column::numeric("A"),
                Column::numeric("run"),
                Column::numeric("run - A"),
                Column::numeric("95 %"),
            ],
            rows: rows.collect(),
            note: "Intervals: paired jackknife, 19 blocks; not corrected for their number."
                .to_owned(),
        }
    }
}
