//! Reading a whole file, with a limit, into memory.
//!
//! Nothing here maps files into memory: a file that shrinks while it is mapped kills the process.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Fault, Place};

/// The largest file that the readers of this crate take: 16 GiB.
pub const MAX_FILE: u64 = 16 << 30;

/// All bytes of a regular file that holds at most `max_bytes`.
///
/// Folders, pipes and devices are refused, since they may never end.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Unsupported`] when it is not a regular
/// file, [`Error::TooLarge`] when it is longer than `max_bytes`.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.bin");
/// std::fs::write(&path, [1, 2, 3])?;
/// assert_eq!(pathline_data::file::read_capped(&path, 3)?, [1, 2, 3]);
/// assert!(pathline_data::file::read_capped(&path, 2).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_capped(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Error> {
    // Looked at before it is opened: opening a pipe waits for a writer.
    let kind = std::fs::metadata(path).map_err(|e| unreadable(path, e))?;
    if !kind.is_file() {
        let problem = if kind.is_dir() { "a folder, not a file" } else { "not a regular file" };
        let fault = Fault::new(path, Place::File, problem, "name a file on disk");
        return Err(Error::Unsupported(fault));
    }
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let length = file.metadata().map_err(|e| unreadable(path, e))?.len();
    let too_large = |length: u64| {
        let problem = format!("{length} bytes where at most {max_bytes} are read");
        Error::TooLarge(Fault::new(path, Place::File, problem, "split the file"))
    };
    if length > max_bytes {
        return Err(too_large(length));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX)).map_err(|_| {
        let problem = format!("no memory for {length} bytes");
        Error::TooLarge(Fault::new(path, Place::File, problem, "free memory or split the file"))
    })?;
    // The file may grow meanwhile; one byte past the limit is enough to see it.
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|e| unreadable(path, e))?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// An [`Error::Io`] for a file that cannot be read.
pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Error {
    let remedy = match source.kind() {
        std::io::ErrorKind::NotFound => "check the name and the folder",
        std::io::ErrorKind::PermissionDenied => "ask for the right to read it",
        _ => "check the disk and try again",
    };
    let problem = format!("cannot be read ({source})");
    Error::Io { fault: Fault::new(path, Place::File, problem, remedy), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let folder = std::env::temp_dir();
        assert!(matches!(read_capped(&folder, 10), Err(Error::Unsupported(_))));
        let missing = read_capped(&folder.join("no/such/file"), 10);
        assert!(matches!(missing, Err(Error::Io { .. })));
        #[cfg(unix)]
        assert!(matches!(read_capped(Path::new("/dev/zero"), 10), Err(Error::Unsupported(_))));
    }
}
