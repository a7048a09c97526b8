//! `pathline view`.

use std::path::{Path, PathBuf};

use pathline::recording::Recording;
use pathline_data::file::read_capped;
use pathline_study::recording_page;

use crate::args::View;
use crate::output::{Failure, check_writable, data, write};

/// Largest recording that is read, in bytes.
const LARGEST: u64 = 64 << 30;

pub(crate) fn run(args: &View) -> Result<bool, Failure> {
    for path in &args.recordings {
        let page = page_of(path, args.out.as_deref());
        check_writable(&page, args.force)?;
        let recording = read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let html = pathline_view::html(&recording_page(&recording, &name))?;
        write(&page, html.as_bytes(), args.force)?;
        data(&page.display().to_string())?;
    }
    Ok(true)
}

/// A recording from a file.
pub(crate) fn read(path: &Path) -> Result<Recording, Failure> {
    let bytes = read_capped(path, LARGEST)?;
    Recording::from_bytes(&bytes).map_err(|e| {
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
