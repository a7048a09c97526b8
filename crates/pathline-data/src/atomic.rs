//! Writing a file whole or not at all.
//!
//! The bytes go to a temporary name in the same folder, are forced to disk, and are then renamed.
//! A crash, a full disk or an interrupt at any moment leaves the old file (or no file), never half
//! of the new one.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Fault, Place};

/// Whether a file that is already there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// An existing file is an error ([`Error::Exists`]), and stays as it is.
    Keep,
    /// An existing file is replaced in one step.
    Replace,
}

/// Writes a file that must not exist yet.
///
/// # Errors
/// [`Error::Exists`] when it does; [`Error::Io`] when the folder is missing or unwritable or the
/// disk is full, and then nothing is left behind.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.bin");
/// pathline_data::atomic::write_new(&path, b"first")?;
/// assert!(pathline_data::atomic::write_new(&path, b"second").is_err());
/// pathline_data::atomic::replace(&path, b"second")?;
/// assert_eq!(std::fs::read(&path)?, b"second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_with(path, Existing::Keep, |out| out.write_all(bytes))
}

/// Writes a file, in place of the one of that name if there is one.
///
/// # Errors
/// [`Error::Io`] when the folder is missing or unwritable or the disk is full; the old file is
/// then untouched.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_with(path, Existing::Replace, |out| out.write_all(bytes))
}

/// Writes a file by a function that puts the bytes out piece by piece.
///
/// # Errors
/// As [`write_new`] and [`replace`]; an error of `fill` becomes [`Error::Io`], and whatever was
/// there before stays.
pub fn write_with(
    path: &Path,
    existing: Existing,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    // Said before the work is done rather than after; the rename below checks again.
    if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let unwritable = |source| unwritable(path, source);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pathline-").suffix(".tmp");
    #[cfg(unix)]
    {
        // Private until renamed is the default of temporary files; the umask decides instead.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder).map_err(unwritable)?;
    let mut out = BufWriter::new(temporary);
    fill(&mut out).map_err(unwritable)?;
    let temporary = out.into_inner().map_err(|e| unwritable(e.into_error()))?;
    temporary.as_file().sync_all().map_err(unwritable)?;
    let renamed = match existing {
        Existing::Keep => temporary.persist_noclobber(path),
        Existing::Replace => temporary.persist(path),
    };
    renamed.map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => unwritable(e.error),
    })?;
    sync_folder(folder);
    Ok(())
}

/// Makes the rename itself durable, where the system can: the file is complete either way, so a
/// file system that cannot sync a folder is no error.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn exists(path: &Path) -> Error {
    let remedy = "choose another name, or ask for it to be replaced";
    Error::Exists(Fault::new(path, Place::File, "exists already, and was left as it is", remedy))
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    let remedy = match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "make the folder first",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "write to a folder you may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space on that disk",
        io::ErrorKind::IsADirectory => "a folder has that name: choose another",
        _ => "check the folder and the disk, and try again",
    };
    let problem = format!("cannot be written ({source}); nothing was changed");
    Error::Io { fault: Fault::new(path, Place::File, problem, remedy), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_writer_that_dies_leaves_the_old_file_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old");
        write_new(&path, b"old").unwrap();
        let error = write_with(&path, Existing::Replace, |out| {
            out.write_all(&vec![7; 1 << 20])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.to_string().contains("free space"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["old"]);
    }

    #[test]
    fn nothing_is_overwritten_unless_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"one").unwrap();
        let error = write_new(&path, b"two").unwrap_err();
        assert!(matches!(error, Error::Exists(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let error = write_with(&path, Existing::Keep, |out| {
            std::fs::write(&path, b"theirs")?;
            out.write_all(b"ours")
        })
        .unwrap_err();
        assert!(matches!(error, Error::Exists(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_missing_folder_names_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_new(&folder.path().join("no/a"), b"x").unwrap_err();
        assert!(error.to_string().contains("make the folder first"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_as_readable_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("a"), folder.path().join("b"));
        write_new(&ours, b"x").unwrap();
        std::fs::write(&theirs, b"x").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&theirs));
    }
}
