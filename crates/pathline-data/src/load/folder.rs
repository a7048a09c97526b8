//! A folder of PNG and JPEG images, flat or one subfolder a class.

use std::path::{Path, PathBuf};

use crate::dataset::{DataSet, batch};
use crate::error::{Error, Fault, Place};
use crate::file::unreadable;
use crate::{jpeg, png};

use super::{planar, scaled};

/// Reads every image of a folder; where there are none, those of its subfolders, each one a class.
/// Names decide the order, so it is the same on every machine.
pub(super) fn read(path: &Path) -> Result<DataSet, Error> {
    let flat = images(path)?;
    let mut labels = None;
    let files = if flat.is_empty() {
        let mut files = Vec::new();
        let mut class_of = Vec::new();
        let mut class = 0;
        for folder in listed(path)?.into_iter().filter(|p| p.is_dir()) {
            let found = images(&folder)?;
            if !found.is_empty() {
                class_of.extend(std::iter::repeat_n(class, found.len()));
                files.extend(found);
                class += 1;
            }
        }
        labels = Some(class_of);
        files
    } else {
        flat
    };
    if files.is_empty() {
        let remedy = "give a folder with .png or .jpg files, or with one subfolder of them a class";
        return Err(Error::Invalid(Fault::new(path, Place::File, "no .png or .jpg file", remedy)));
    }
    let mut data = Vec::new();
    let mut extents = None;
    for file in files {
        let image = if is_named(&file, &["png"]) {
            png::read(&file)?.over_white()
        } else {
            jpeg::read(&file)?
        };
        let found = [image.channels, image.height, image.width];
        let first = *extents.get_or_insert(found);
        if found != first {
            let problem = format!("an image of {found:?} where the first is {first:?}");
            let remedy = "bring all images to one size and one number of channels";
            return Err(Error::Invalid(Fault::new(&file, Place::File, problem, remedy)));
        }
        data.extend(planar(&scaled(&image.levels), found));
    }
    let set = DataSet::new(batch(data, &extents.unwrap_or_default(), path)?, labels, path)?;
    Ok(DataSet { scaled: true, ..set })
}

fn images(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_image = |p: &PathBuf| is_named(p, &["png", "jpg", "jpeg"]) && p.is_file();
    Ok(listed(folder)?.into_iter().filter(is_image).collect())
}

/// Whether the name ends in one of these, in small letters or large.
fn is_named(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |e| unreadable(folder, e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}
