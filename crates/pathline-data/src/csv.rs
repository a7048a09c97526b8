//! Tables of numbers as text: one sample a line, separated by commas, semicolons, tabs or blanks.
//!
//! A first line that is not all numbers is the header; a column named `label` or `class` in it
//! holds the classes. Empty lines and lines that begin with `#` are passed over. Quoting is not
//! known, since numbers need none.

use std::fmt::Write as _;
use std::path::Path;

use crate::array::{Array, Values};
use crate::atomic::{Existing, write_with};
use crate::dataset::{DataSet, batch};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};

/// Reads a table as points, `[columns]` each.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<DataSet, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// The points in the text of a table; `path` gives the name.
///
/// # Errors
/// [`Error::Malformed`] with line and column for a cell that is no finite number, a line with
/// another number of cells than the first, or a label that is no class; [`Error::Invalid`] when no
/// line holds numbers.
///
/// # Examples
/// ```
/// let text = b"x,y,label\n0.5,1,0\n-2,3e1,1\n";
/// let set = pathline_data::csv::decode(text, std::path::Path::new("a.csv"))?;
/// assert_eq!(set.batch.row(1), &[-2.0, 30.0]);
/// assert_eq!(set.labels, Some(vec![0, 1]));
/// # Ok::<(), pathline_data::Error>(())
/// ```
pub fn decode(text: &[u8], path: &Path) -> Result<DataSet, Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut table = Table { path, width: None, label: None, data: Vec::new(), labels: Vec::new() };
    let mut first = true;
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let row = number as u64 + 1;
        let line = std::str::from_utf8(line)
            .map_err(|_| table.malformed(row, 1, "not text".into(), "save the table as UTF-8"))?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !std::mem::take(&mut first) || !table.header(line) {
            table.line(row, line)?;
        }
    }
    if table.data.is_empty() {
        let fault = Fault::new(path, Place::File, "no line of numbers", "give one sample a line");
        return Err(Error::Invalid(fault));
    }
    // Every line has as many cells, so what is not the label column is a coordinate.
    let columns = table.width.unwrap_or(1).saturating_sub(usize::from(table.label.is_some()));
    let labels = table.label.map(|_| table.labels);
    DataSet::new(batch(table.data, &[columns], path)?, labels, path)
}

/// What has been read so far.
struct Table<'a> {
    path: &'a Path,
    width: Option<usize>,
    label: Option<usize>,
    data: Vec<f32>,
    labels: Vec<u32>,
}

fn cells(line: &str) -> Vec<&str> {
    match [',', ';', '\t'].into_iter().find(|&c| line.contains(c)) {
        Some(separator) => line.split(separator).map(str::trim).collect(),
        None => line.split_whitespace().collect(),
    }
}

impl Table<'_> {
    fn malformed(&self, row: u64, column: usize, problem: String, remedy: &str) -> Error {
        let place = Place::Cell { row, column: column as u64 };
        Error::Malformed(Fault::new(self.path, place, problem, remedy))
    }

    /// Takes the line as header if it holds no number at all.
    fn header(&mut self, line: &str) -> bool {
        let names = cells(line);
        if names.iter().any(|name| name.parse::<f64>().is_ok()) {
            return false;
        }
        self.label = names.iter().position(|n| {
            let name = n.trim_matches('"').to_ascii_lowercase();
            name == "label" || name == "class"
        });
        self.width = Some(names.len());
        true
    }

    fn line(&mut self, row: u64, line: &str) -> Result<(), Error> {
        let cells = cells(line);
        let width = *self.width.get_or_insert(cells.len());
        if cells.len() != width {
            let problem = format!("{} cells where the first line has {width}", cells.len());
            let remedy = "give every line as many cells";
            return Err(self.malformed(row, cells.len().min(width) + 1, problem, remedy));
        }
        for (i, cell) in cells.into_iter().enumerate() {
            if self.label == Some(i) {
                let whole: Option<Vec<u32>> = cell
                    .parse()
                    .ok()
                    .and_then(|x: f64| Array::new(vec![1], Values::F64(vec![x]))?.labels().ok());
                let Some(label) = whole else {
                    let problem = format!("\"{cell}\" is no class");
                    return Err(self.malformed(row, i + 1, problem, "classes are 0, 1, 2, ..."));
                };
                self.labels.extend(label);
                continue;
            }
            // Parsed straight to f32: through f64 it would be rounded twice.
            match cell.parse::<f32>() {
                Ok(value) if value.is_finite() => self.data.push(value),
                _ => {
                    let problem = format!("\"{cell}\" is no finite number");
                    let remedy = "give a number such as -1.5e3, or remove the line";
                    return Err(self.malformed(row, i + 1, problem, remedy));
                }
            }
        }
        Ok(())
    }
}

/// Writes points as a table with a header `x0,x1,...` (and `label`), whole or not at all. Every
/// number reads back to the same bits.
///
/// # Errors
/// As [`write_with`].
pub fn write(path: &Path, set: &DataSet, existing: Existing) -> Result<(), Error> {
    let mut text: Vec<String> = (0..set.batch.width()).map(|i| format!("x{i}")).collect();
    text.extend(set.labels.as_ref().map(|_| "label".to_owned()));
    let mut text = text.join(",");
    text.push('\n');
    for (i, row) in set.batch.rows().iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{value}", if j == 0 { "" } else { "," });
        }
        if let Some(label) = set.labels.as_ref().and_then(|l| l.get(i)) {
            let _ = write!(text, ",{label}");
        }
        text.push('\n');
    }
    write_with(path, existing, |out| out.write_all(text.as_bytes()))
}
