//! The folder of a ledger: `raw/` with the numbers, a page a claim, an index, and one HTML page.

use std::path::{Path, PathBuf};

use pathline_data::{atomic, file};

use super::evidence::Evidence;
use super::ledger::{Ledger, Order, claim, judge, measure_claim};
use super::pages::{file_name, index_page, ledger_report, markdown_page, page_name};
use crate::error::Error;
use crate::progress::{Part, Progress};

/// Largest file of raw numbers that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A folder that `pathline claims` made or may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Takes a folder that is not there yet, empty, or a ledger's.
    ///
    /// # Errors
    /// [`Error::Usage`] when it holds anything but has no `raw` folder, or cannot be read.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let raw = root.join("raw");
        let place = root.display().to_string();
        if root.exists() && !raw.is_dir() {
            let mut entries = std::fs::read_dir(root).map_err(|e| {
                Error::usage(&place, format!("cannot be read: {e}"), "choose another --out")
            })?;
            if entries.next().is_some() {
                let problem = "holds files that no ledger made";
                return Err(Error::usage(place, problem, "choose a new or empty --out"));
            }
        }
        Ok(Self { root: root.to_owned() })
    }

    /// All numbers in a folder of raw files, by claim.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that cannot be read, [`Error::Library`] for one that is no evidence,
    /// [`Error::Usage`] for a folder without any.
    pub fn evidence(raw: &Path) -> Result<Vec<Evidence>, Error> {
        let place = raw.display().to_string();
        let entries = std::fs::read_dir(raw).map_err(|e| {
            Error::usage(&place, format!("cannot be read: {e}"), "give a folder of raw numbers")
        })?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        paths.sort();
        let mut all = Vec::with_capacity(paths.len());
        for path in paths {
            all.push(Self::read(&path)?);
        }
        if all.is_empty() {
            let remedy = "measure claims first, with `pathline claims`";
            return Err(Error::usage(place, "holds no raw numbers of claims", remedy));
        }
        all.sort_by_key(|evidence: &Evidence| evidence.claim);
        Ok(all)
    }

    fn read(path: &Path) -> Result<Evidence, Error> {
        let bytes = file::read_capped(path, LARGEST)?;
        let text = String::from_utf8_lossy(&bytes);
        let at =
            |e: Error| Error::usage(path.display().to_string(), e.to_string(), "remove the file");
        Evidence::from_json(&text).map_err(at)
    }

    /// Measures claims, each kept after every setting, or goes on where an earlier run was ended.
    ///
    /// # Errors
    /// As [`measure_claim`]; [`Error::Usage`] when the folder cannot be made, [`Error::Data`] when a file
    /// cannot be written.
    pub fn measure(
        &self,
        numbers: &[u32],
        order: &Order,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        // All names first: a mistyped number should not cost the hours of the others.
        let claims = numbers.iter().map(|&n| claim(n)).collect::<Result<Vec<_>, _>>()?;
        std::fs::create_dir_all(self.root.join("raw")).map_err(|e| {
            let place = self.root.display().to_string();
            Error::usage(place, format!("cannot be made: {e}"), "choose another --out")
        })?;
        let count = claims.len().max(1) as f64;
        for (i, claim) in claims.into_iter().enumerate() {
            let path = self.root.join("raw").join(file_name(claim));
            let kept = if path.exists() { Some(Self::read(&path)?) } else { None };
            let mut keep = |evidence: &Evidence| -> Result<(), Error> {
                Ok(atomic::replace(&path, evidence.to_json().as_bytes())?)
            };
            let mut part = Part::new(progress, i as f64 / count, (i + 1) as f64 / count);
            let done = measure_claim(claim.number, order, kept, &mut keep, &mut part)?;
            keep(&done)?;
        }
        Ok(())
    }

    /// Judges all numbers of the folder and writes its pages.
    ///
    /// # Errors
    /// As [`Folder::evidence`] and [`judge`]; [`Error::View`] and [`Error::Data`] for a page.
    pub fn write(&self) -> Result<Ledger, Error> {
        let evidence = Self::evidence(&self.root.join("raw"))?;
        let ledger = judge(&evidence)?;
        for (entry, evidence) in ledger.entries.iter().zip(&evidence) {
            let page = markdown_page(entry, evidence)?;
            atomic::replace(&self.root.join(page_name(entry)), page.as_bytes())?;
        }
        atomic::replace(&self.root.join("README.md"), index_page(&ledger).as_bytes())?;
        let page = pathline_view::html(&ledger_report(&ledger, &evidence)?)?;
        atomic::replace(&self.page(), page.as_bytes())?;
        Ok(ledger)
    }

    /// Where the HTML page is.
    #[must_use]
    pub fn page(&self) -> PathBuf {
        self.root.join("ledger.html")
    }
}
