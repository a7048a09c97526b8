//! A table whose numeric columns line up on the right.

use serde::{Deserialize, Serialize};

use crate::escape;
use crate::number::{number, typeset};
use crate::plot::Drawn;

/// Rows of cells under named columns.
///
/// # Examples
/// ```
/// use pathline_view::{Cell, Column, Table};
/// let table = Table {
///     columns: vec![Column::text("solver"), Column::numeric("energy")],
///     rows: vec![vec![Cell::text("Heun"), Cell::number(1.25).strong()]],
///     note: "Strong: the best of its column.".into(),
/// };
/// assert_eq!(table.rows[0][1].text, "1.25");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// The columns, from the left.
    pub columns: Vec<Column>,
    /// The rows; a short one ends in empty cells, and cells beyond the columns are not shown.
    pub rows: Vec<Vec<Cell>>,
    /// A line under the table; may be empty.
    pub note: String,
}

/// The head of a column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Its name.
    pub title: String,
    /// Whether its cells are numbers, which stand on the right.
    pub numeric: bool,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), numeric: false }
    }

    /// A column of numbers.
    #[must_use]
    pub fn numeric(title: impl Into<String>) -> Self {
        Self { title: title.into(), numeric: true }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// How loud it is.
    pub emphasis: Emphasis,
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), emphasis: Emphasis::Plain }
    }

    /// A number, as [`number`] writes it.
    #[must_use]
    pub fn number(value: f64) -> Self {
        Self::text(number(value))
    }

    /// The same in bold: the best of a column, a verdict.
    #[must_use]
    pub fn strong(self) -> Self {
        Self { emphasis: Emphasis::Strong, ..self }
    }

    /// The same in gray: a control, a value that does not count.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self { emphasis: Emphasis::Quiet, ..self }
    }
}

/// How loud a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emphasis {
    /// Like the rest.
    #[default]
    Plain,
    /// Bold.
    Strong,
    /// Gray.
    Quiet,
}

pub(crate) fn draw(table: &Table, alt: &str) -> Drawn {
    let class = |column: &Column| if column.numeric { " class=\"numeric\"" } else { "" };
    let head = table.columns.iter().map(|column| {
        let title = escape::inline(&column.title);
        format!("<th scope=\"col\"{}>{title}</th>", class(column))
    });
    let mut body = String::new();
    for row in &table.rows {
        let cells = table.columns.iter().enumerate().map(|(i, column)| {
            let empty = Cell::default();
            let cell = row.get(i).unwrap_or(&empty);
            let text = escape::inline(&cell.text);
            let text = if column.numeric { typeset(&text) } else { text };
            let text = match cell.emphasis {
                Emphasis::Plain => text,
                Emphasis::Strong => format!("<strong>{text}</strong>"),
                Emphasis::Quiet => format!("<span class=\"quiet\">{text}</span>"),
            };
            format!("<td{}>{text}</td>", class(column))
        });
        body += &format!("<tr>{}</tr>\n", cells.collect::<String>());
    }
    let notes = if table.note.is_empty() { vec![] } else { vec![table.note.clone()] };
    let markup = format!(
        "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><thead><tr>{}\
         </tr></thead>\n<tbody>\n{body}</tbody></table></div>\n",
        escape::text(alt),
        head.collect::<String>()
    );
    Drawn { markup, notes, data: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_the_columns() {
        let table = Table {
            columns: vec![Column::text("a"), Column::numeric("b")],
            rows: vec![
                vec![Cell::text("<x>")],
                vec![Cell::text("y"), Cell::number(-2.0).strong(), Cell::text("beyond")],
            ],
            note: String::new(),
        };
        let markup = draw(&table, "t").markup;
        assert_eq!(markup.matches("<td").count(), 4);
        assert!(markup.contains("&lt;x&gt;") && markup.contains("<strong>\u{2212}2</strong>"));
        assert!(!markup.contains("beyond"));
    }
}
