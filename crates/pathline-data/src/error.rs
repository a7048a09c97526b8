//! What can go wrong with a file, as data: every failure names the file, the place, the problem
//! and the remedy, on one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where in a file something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    File,
    /// A byte, counted from 0.
    Byte(u64),
    /// A cell of a table: line and column counted from 1, as an editor counts them.
    Cell {
        /// The line or row.
        row: u64,
        /// The column.
        column: u64,
    },
    /// A value of an array: row and position in the row counted from 0.
    Value {
        /// The sample.
        row: u64,
        /// The position inside the sample.
        column: u64,
    },
    /// A tensor, by its name.
    Tensor(String),
    /// A member of an archive, or a file of a folder, by its name.
    Entry(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => write!(f, "whole file"),
            Self::Byte(at) => write!(f, "byte {at}"),
            Self::Cell { row, column } => write!(f, "line {row}, column {column}"),
            Self::Value { row, column } => write!(f, "row {row}, column {column} (from 0)"),
            Self::Tensor(name) => write!(f, "tensor \"{}\"", OneLine(name)),
            Self::Entry(name) => write!(f, "entry \"{}\"", OneLine(name)),
        }
    }
}

/// The four parts of every message: file, place, problem, remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What is wrong there.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Fault {
    pub(crate) fn new(
        path: &Path,
        place: Place,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Box<Self> {
        let (problem, remedy) = (problem.into(), remedy.into());
        Box::new(Self { path: path.to_path_buf(), place, problem, remedy })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        let (problem, remedy) = (OneLine(&self.problem), OneLine(&self.remedy));
        write!(f, "{}: {}: {problem}: {remedy}", OneLine(&path), self.place)
    }
}

/// Any failure of reading or writing a file.
///
/// # Examples
/// ```
/// use std::path::Path;
/// let error = pathline_data::npy::decode(b"not an array", Path::new("a.npy")).unwrap_err();
/// assert_eq!(error.fault().path, Path::new("a.npy"));
/// assert_eq!(error.to_string().lines().count(), 1);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused (missing, unreadable, unwritable, full).
    #[error("{fault}")]
    Io {
        /// File, place, problem and remedy.
        fault: Box<Fault>,
        /// What the system said.
        source: std::io::Error,
    },
    /// The output exists and was not to be replaced.
    #[error("{0}")]
    Exists(Box<Fault>),
    /// The bytes are not the format they claim to be, or are damaged.
    #[error("{0}")]
    Malformed(Box<Fault>),
    /// The bytes are valid, but of a kind that is not read here.
    #[error("{0}")]
    Unsupported(Box<Fault>),
    /// Reading on would need more memory than is allowed.
    #[error("{0}")]
    TooLarge(Box<Fault>),
    /// The values do not make a data set (not finite, shapes or counts that do not fit).
    #[error("{0}")]
    Invalid(Box<Fault>),
}

impl Error {
    /// File, place, problem and remedy.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        match self {
            Self::Io { fault, .. }
            | Self::Exists(fault)
            | Self::Malformed(fault)
            | Self::Unsupported(fault)
            | Self::TooLarge(fault)
            | Self::Invalid(fault) => fault,
        }
    }
}

/// Text from a file, made fit for one line of a terminal: control characters are escaped and long
/// text is cut.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 400;
        for (count, c) in self.0.chars().enumerate() {
            if count == LONGEST {
                return f.write_str("...");
            }
            // Line and paragraph separators break lines too, and bidirectional marks reorder them.
            let unsafe_mark = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || unsafe_mark {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_the_file_holds() {
        let place = Place::Tensor("a\nb\u{1b}[31m\u{2028}".into());
        let fault = Fault::new(Path::new("x\ny.pt"), place, "p\r\n".repeat(1000), "r");
        let text = Error::Malformed(fault).to_string();
        assert!(text.chars().all(|c| !c.is_control() && c != '\u{2028}'), "{text}");
        assert!(text.chars().count() < 1000, "{text}");
        assert!(text.starts_with("x\\ny.pt: tensor \"a\\nb"), "{text}");
    }
}
