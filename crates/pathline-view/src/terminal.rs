//! Pictures made of characters, for a terminal.
//!
//! Every function returns text without escape sequences, and takes control characters out of what
//! it is given, so that a label cannot steer the terminal.

use crate::content::table::Table;
use crate::number::number;
use crate::plot::axis::{Axis, Domain};

/// Points in a plane in `width` by `height` characters, and a last line with the bounds.
///
/// One group is drawn in braille, two by four dots a character; several groups as one character
/// each (`o x + * # @`, then again), later ones on top. Points that are not finite are left out.
///
/// # Examples
/// ```
/// let line: Vec<[f64; 2]> = (0..40).map(|i| [f64::from(i), f64::from(i)]).collect();
/// let picture = pathline_view::terminal::scatter(&[&line], 10, 4);
/// assert_eq!(picture.lines().count(), 5);
/// ```
#[must_use]
pub fn scatter(groups: &[&[[f64; 2]]], width: usize, height: usize) -> String {
    let (width, height) = (width.clamp(1, 1000), height.clamp(1, 1000));
    let axis = |k: usize| {
        let values = groups.iter().flat_map(|g| g.iter()).filter(|p| finite(p)).map(move |p| p[k]);
        Domain::of(&Axis::default(), values, 5)
    };
    let (x, y) = (axis(0), axis(1));
    let single = groups.len() <= 1;
    let (across, down) = if single { (2, 4) } else { (1, 1) };
    let mut cells = vec![' '; width * height];
    for (g, group) in groups.iter().enumerate() {
        for point in group.iter().filter(|p| finite(p)) {
            let (Some(u), Some(v)) = (x.unit(point[0]), y.unit(point[1])) else { continue };
            let column = grid_index(u, width * across);
            let row = grid_index(1.0 - v, height * down);
            let cell = &mut cells[row / down * width + column / across];
            *cell = if single { braille(*cell, column % 2, row % 4) } else { glyph(g) };
        }
    }
    let mut out = String::new();
    for row in cells.chunks(width) {
        out += row.iter().collect::<String>().trim_end();
        out.push('\n');
    }
    let ends = |d: &Domain| format!("{} to {}", number(d.low), number(d.high));
    out + &format!("x: {}   y: {}\n", ends(&x), ends(&y))
}

fn finite(point: &[f64; 2]) -> bool {
    point.iter().all(|v| v.is_finite())
}

/// Which of `count` equal parts of `0..=1` holds `unit`.
fn grid_index(unit: f64, count: usize) -> usize {
    ((unit.clamp(0.0, 1.0) * count as f64) as usize).min(count.saturating_sub(1))
}

fn glyph(group: usize) -> char {
    ['o', 'x', '+', '*', '#', '@'][group % 6]
}

/// `cell` with one more braille dot.
fn braille(cell: char, column: usize, row: usize) -> char {
    // Unicode numbers the dots 1 2 3 7 down the left column and 4 5 6 8 down the right one.
    let bit = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]][row % 4][column % 2];
    let dots = if cell == ' ' { 0 } else { cell as u32 - 0x2800 };
    char::from_u32(0x2800 + (dots | bit)).unwrap_or(cell)
}

/// One block a value, from the lowest to the highest; a value that is not finite is a blank.
///
/// # Examples
/// ```
/// assert_eq!(pathline_view::terminal::sparkline(&[0.0, f64::NAN, 1.0]), "▁ █");
/// ```
#[must_use]
pub fn sparkline(values: &[f64]) -> String {
    let blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) =
        shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let level = |v: f64| {
        // Halves, so that the span of the largest numbers is finite.
        let span = high / 2.0 - low / 2.0;
        if span > 0.0 { (v / 2.0 - low / 2.0) / span } else { 0.5 }
    };
    let block = |v: &f64| if v.is_finite() { blocks[grid_index(level(*v), 8)] } else { ' ' };
    values.iter().map(block).collect()
}

/// A table with aligned columns: numbers on the right, words on the left, two blanks between.
///
/// Widths are counted in characters; emphasis is not shown.
#[must_use]
pub fn table(table: &Table) -> String {
    let clean = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let cell = |row: usize, column: usize| {
        let cells = table.rows.get(row);
        cells.and_then(|r| r.get(column)).map_or_else(String::new, |c| clean(&c.text))
    };
    let heads: Vec<String> = table.columns.iter().map(|c| clean(&c.title)).collect();
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(c, head)| {
            let cells = (0..table.rows.len()).map(|r| cell(r, c).chars().count());
            cells.chain([head.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let line = |texts: Vec<String>| {
        let padded = texts.iter().enumerate().map(|(c, text)| {
            let width = widths[c];
            if table.columns[c].numeric {
                format!("{text:>width$}")
            } else {
                format!("{text:<width$}")
            }
        });
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rule = widths.iter().map(|w| "─".repeat(*w)).collect();
    let mut out = line(heads.clone()) + &line(rule);
    for row in 0..table.rows.len() {
        out += &line((0..heads.len()).map(|c| cell(row, c)).collect());
    }
    if !table.note.is_empty() {
        out += &format!("{}\n", clean(&table.note));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::table::{Cell, Column};

    #[test]
    fn one_group_is_braille_and_several_are_letters() {
        let diagonal: Vec<[f64; 2]> = (0..8).map(|i| [f64::from(i), f64::from(i)]).collect();
        let picture = scatter(&[&diagonal], 4, 2);
        assert!(picture.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{picture}");
        let other = [[0.0, 7.0], [f64::NAN, 0.0]];
        let picture = scatter(&[&diagonal, &other], 8, 8);
        assert!(picture.starts_with('x'), "{picture}");
        assert_eq!(picture.matches('o').count(), 8 + " to ".matches('o').count() * 2);
        assert_eq!(scatter(&[], 0, 0).lines().count(), 2);
        assert_eq!(scatter(&[&[[1e308, -1e308]]], 5, 2).lines().count(), 3);
    }

    #[test]
    fn a_sparkline_has_one_block_a_value() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[2.0, 2.0]), "▅▅");
        assert_eq!(sparkline(&[f64::MAX, f64::MIN, f64::INFINITY]), "█▁ ");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn columns_align_and_control_characters_go() {
        let made = table(&Table {
            columns: vec![Column::text("solver"), Column::numeric("cost")],
            rows: vec![
                vec![Cell::text("Euler\u{1b}[31m"), Cell::number(50.0)],
                vec![Cell::text("Heun")],
            ],
            note: "n = 3".into(),
        });
        assert_eq!(made, "solver      cost\n──────────  ────\nEuler [31m    50\nHeun\nn = 3\n");
    }
}
