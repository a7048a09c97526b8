//! Where claims are measured: it knows what was measured already, keeps each setting as soon as it is done,
//! and knows where the data are.

use std::path::PathBuf;

use pathline::Seed;
use pathline_data::DataSet;

use super::evidence::{Columns, Effort, Evidence, Missing, Setting};
use super::kernel_distance::Distances;
use crate::error::Error;
use crate::files::Files;
use crate::progress::Progress;
use crate::sets::SetFeatures;

/// Data sets that are not embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSources {
    /// The folder of Fashion-MNIST's four files.
    pub fashion_mnist: PathBuf,
    /// CIFAR-10 as a folder with `train.npz` and `test.npz` (`scripts/parquet_to_npz.py` of
    /// `pathline-data` makes them), if there is one.
    pub cifar10: Option<PathBuf>,
    /// The weights of a network in whose features kernel distances are measured, too, beside the embedded judge's:
    /// what [`SetFeatures`] reads.
    pub features: Option<PathBuf>,
}

impl Default for DataSources {
    /// Debian's folder of Fashion-MNIST; no CIFAR-10.
    fn default() -> Self {
        Self {
            fashion_mnist: "/usr/share/datasets/fashion-mnist".into(),
            cifar10: None,
            features: None,
        }
    }
}

/// Hears of the evidence after every setting, to keep it.
pub type Keep<'a> = dyn FnMut(&Evidence) -> Result<(), Error> + 'a;

/// One claim being measured.
pub struct Lab<'a> {
    evidence: Evidence,
    sources: &'a DataSources,
    keep: &'a mut Keep<'a>,
    progress: &'a mut dyn Progress,
    /// Settings that the claim has, to tell how far it has come.
    settings: usize,
    /// Settings come to so far, in the order of the work.
    order: Vec<String>,
}

impl<'a> Lab<'a> {
    /// Goes on with `evidence`.
    pub(super) fn new(
        evidence: Evidence,
        sources: &'a DataSources,
        settings: usize,
        keep: &'a mut Keep<'a>,
        progress: &'a mut dyn Progress,
    ) -> Self {
        Self { evidence, sources, keep, progress, settings, order: Vec::new() }
    }

    pub(super) fn into_evidence(self) -> Evidence {
        self.evidence
    }

    /// Root of all randomness.
    pub(super) fn seed(&self) -> Seed {
        Seed(self.evidence.seed)
    }

    /// One number for each effort.
    pub(super) fn choose<T>(&self, quick: T, full: T) -> T {
        match self.evidence.effort {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    /// Measures one setting unless it was measured before; `about` says how, for the page.
    pub(super) fn setting(
        &mut self,
        name: &str,
        about: impl Into<String>,
        work: impl FnOnce(&mut dyn FnMut(f64)) -> Result<Columns, Error>,
    ) -> Result<(), Error> {
        let (from, of) = self.share();
        self.pass(name);
        if self.has(name) {
            return Ok(());
        }
        self.progress.at(from / of, name);
        let progress = &mut *self.progress;
        let columns = work(&mut |share| progress.at((from + share.clamp(0.0, 1.0)) / of, name))?;
        self.evidence.missing.retain(|m| m.name != name);
        self.evidence.settings.push(Setting::new(name, about.into(), columns)?);
        self.in_order();
        (self.keep)(&self.evidence)
    }

    /// Settings done, and how many there are.
    fn share(&self) -> (f64, f64) {
        (self.order.len() as f64, self.settings.max(self.order.len() + 1) as f64)
    }

    /// Puts settings in the order of the work, whatever was measured first; those not come to yet stay last.
    fn in_order(&mut self) {
        let place = |setting: &Setting| self.order.iter().position(|name| *name == setting.name);
        self.evidence.settings.sort_by_key(|setting| place(setting).unwrap_or(usize::MAX));
    }

    /// Whether little work is wanted.
    pub(super) fn quick(&self) -> bool {
        self.evidence.effort == Effort::Quick
    }

    /// Whether a setting was measured already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.evidence.setting(name).is_some()
    }

    /// Whether this setting is left out because little work is wanted; says so.
    pub(super) fn leaves_out(&mut self, name: &str) -> bool {
        if self.quick() {
            self.missing(name, "measured with --full only");
        }
        self.quick()
    }

    /// Notes that the work came to this setting.
    pub(super) fn pass(&mut self, name: &str) {
        self.order.push(name.to_owned());
    }

    /// Says what is being done before the next setting, and how far that is.
    pub(super) fn busy(&mut self, doing: &str, share: f64) {
        let (from, of) = self.share();
        self.progress.at((from + 0.5 * share) / of, doing);
    }

    /// Says that a setting cannot be measured here.
    pub(super) fn missing(&mut self, name: &str, why: impl Into<String>) {
        self.pass(name);
        self.evidence.missing.retain(|m| m.name != name);
        if self.evidence.setting(name).is_none() {
            self.evidence.missing.push(Missing { name: name.to_owned(), why: why.into() });
        }
    }

    /// Fashion-MNIST's training images: all 60 000 in a full measurement, the embedded 2000 in a quick one.
    pub(super) fn training_images(&self) -> Result<DataSet, Error> {
        self.fashion("train-images-idx3-ubyte.gz", "fashion-mnist")
    }

    /// Its test images: all 10 000, or the embedded 500.
    pub(super) fn test_images(&self) -> Result<DataSet, Error> {
        self.fashion("t10k-images-idx3-ubyte.gz", "fashion-mnist-test")
    }

    /// Distances to the test images.
    pub(super) fn distances(&self) -> Result<Distances, Error> {
        let others = self.sources.features.as_deref();
        let others = others.map(|file| SetFeatures::read(file, None)).transpose()?;
        Distances::to(self.test_images()?.batch, others)
    }

    fn fashion(&self, file: &str, embedded: &str) -> Result<DataSet, Error> {
        match self.evidence.effort {
            Effort::Quick => Files.data_set(embedded),
            Effort::Full => {
                Files.data_set(&self.sources.fashion_mnist.join(file).display().to_string())
            }
        }
    }

    /// CIFAR-10's training and test images, if they are there.
    pub(super) fn cifar10(&self) -> Result<Option<[DataSet; 2]>, Error> {
        let Some(folder) = &self.sources.cifar10 else { return Ok(None) };
        let read = |file| Files.data_set(&folder.join(file).display().to_string());
        Ok(Some([read("train.npz")?, read("test.npz")?]))
    }
}
