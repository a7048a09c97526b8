//! What is printed where, and how files are put down.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pathline_data::atomic;

/// Why a command could not do what was asked.
pub(crate) enum Failure {
    /// Something said what is wrong, in one line.
    Message(String),
    /// Standard output was closed.
    Pipe,
}

impl Failure {
    pub(crate) fn usage(place: &str, problem: &str) -> Self {
        Self::Message(format!("{place}: {problem}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // One line, whatever a name or a value in it holds.
            Self::Message(text) => f.write_str(&text.replace(['\n', '\r'], " ")),
            Self::Pipe => f.write_str("standard output was closed"),
        }
    }
}

macro_rules! from {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Message(error.to_string())
            }
        }
    )*};
}

from!(
    pathline::Error,
    pathline_data::Error,
    pathline_view::Error,
    pathline_study::Error,
    serde_json::Error
);

/// Prints one line of data.
pub(crate) fn data(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Pipe),
        Err(e) => Err(Failure::usage("standard output", &e.to_string())),
    }
}

/// Prints one line to whoever watches. That it cannot be printed is no reason to stop.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The command that is running, as it could be typed again.
pub(crate) fn command_line() -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=+@%".contains(c);
    let word = |word: std::ffi::OsString| {
        let word = word.to_string_lossy().into_owned();
        if !word.is_empty() && word.chars().all(plain) {
            return word;
        }
        format!("'{}'", word.replace('\'', "'\\''"))
    };
    let words = std::env::args_os().skip(1).map(word);
    std::iter::once("pathline".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Fails before any work is done if `path` could not be written when it is.
pub(crate) fn check_writable(path: &Path, force: bool) -> Result<(), Failure> {
    let place = path.display().to_string();
    if path.is_dir() {
        return Err(Failure::usage(&place, "is a folder; name a file"));
    }
    if path.exists() && !force {
        return Err(Failure::usage(&place, "exists already; choose another name or add --force"));
    }
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => {
            let problem = format!("the folder {} does not exist; make it first", folder.display());
            Err(Failure::usage(&place, &problem))
        }
        _ => Ok(()),
    }
}

/// Fails if two outputs have one name: the second would meet the first.
pub(crate) fn check_apart(paths: &[PathBuf]) -> Result<(), Failure> {
    let places: Vec<PathBuf> = paths.iter().map(|path| place_of(path)).collect();
    for (i, path) in paths.iter().enumerate() {
        if places.iter().take(i).any(|earlier| *earlier == places[i]) {
            let place = path.display().to_string();
            return Err(Failure::usage(&place, "would be written twice; give each its own name"));
        }
    }
    Ok(())
}

/// Where a file is, whatever way its name takes there: `a.csv` and `./a.csv` are one.
fn place_of(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let written = if force { atomic::replace(path, bytes) } else { atomic::write_new(path, bytes) };
    Ok(written?)
}
