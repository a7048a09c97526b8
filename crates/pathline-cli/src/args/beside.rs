//! Flags on what samples are measured beside.

use std::path::{Path, PathBuf};

use clap::Args;
use pathline_study::{Beside, Files, Resizing, SetFeatures};

use crate::output::Failure;

/// What samples are measured beside.
#[derive(Args)]
pub(crate) struct BesideData {
    /// Data that the samples could be of: to look for copies in, and to compare sets of samples with
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<String>,
    /// Weights of the network whose features sets are compared on: EfficientNet-Lite0, the Inception-v3 of FID,
    /// or a classifier of Pathline [default: the embedded judge for images of 28 x 28, the states of up to 64
    /// numbers]
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(crate) features: Option<PathBuf>,
    /// How the Inception's images are resized: antialiased-bicubic (as clean-fid), half-pixel-bilinear (as
    /// pytorch-fid) or corner-bilinear (as the first FID) [default: antialiased-bicubic]
    #[arg(long, value_name = "HOW", requires = "features")]
    pub(crate) resizing: Option<Resizing>,
    /// Most points of the data that sets are compared with [default: 5000]
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u32).range(40..))]
    pub(crate) real: Option<u32>,
}

impl BesideData {
    /// Reads what the flags name.
    pub(crate) fn read(&self) -> Result<Option<Beside>, Failure> {
        let Some(name) = &self.data else { return Ok(None) };
        let mut beside = Beside::new(Files.data_set(name)?);
        let read = |path: &Path| SetFeatures::read(path, self.resizing);
        beside.features = self.features.as_deref().map(read).transpose()?;
        beside.real = self.real.map_or(beside.real, |real| real as usize);
        Ok(Some(beside))
    }
}
