//! `pathline view`.

use std::path::{Path, PathBuf};

use pathline::recording::Recording;
use pathline_data::file::read_capped;
use pathline_study::recording_page;

use crate::args::View;
use crate::output::{Failure, check_apart, check_writable, data, write};

/// Largest recording that is read, in bytes.
pub(crate) const LARGEST: u64 = 64 << 30;

pub(crate) fn run(args: &View) -> Result<bool, Failure> {
    let pages: Vec<_> = args.recordings.iter().map(|r| page_of(r, args.out.as_deref())).collect();
    check_apart(&pages)?;
    for page in &pages {
        check_page(page, args)?;
    }
    // All are drawn before any is written, so that a damaged one leaves nothing behind.
    let mut drawn = Vec::with_capacity(pages.len());
    for path in &args.recordings {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        drawn.push(pathline_view::html(&recording_page(&read(path)?, &name))?);
    }
    if let Some(folder) = &args.out {
        let place = folder.display().to_string();
        std::fs::create_dir_all(folder).map_err(|e| {
            Failure::usage(&place, &format!("cannot be made ({e}); choose another --out"))
        })?;
    }
    for (page, html) in pages.iter().zip(drawn) {
        write(page, html.as_bytes(), args.force)?;
        data(&page.display().to_string())?;
    }
    Ok(true)
}

/// A page in a folder that is not there yet can be written: the folder will be made.
fn check_page(page: &Path, args: &View) -> Result<(), Failure> {
    match &args.out {
        Some(folder) if !folder.exists() => Ok(()),
        _ => check_writable(page, args.force),
    }
}

/// A recording from a file.
fn read(path: &Path) -> Result<Recording, Failure> {
    decode(&read_capped(path, LARGEST)?, path)
}

/// A recording from the bytes of a file.
pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Recording, Failure> {
    Recording::from_bytes(bytes).map_err(|e| {
        let problem = format!("{e}; make one with `pathline sample MODEL --out FILE.safetensors`");
        Failure::usage(&path.display().to_string(), &problem)
    })
}

fn page_of(recording: &Path, folder: Option<&Path>) -> PathBuf {
    let page = recording.with_extension("html");
    match folder {
        Some(folder) => folder.join(page.file_name().unwrap_or_default()),
        None => page,
    }
}
