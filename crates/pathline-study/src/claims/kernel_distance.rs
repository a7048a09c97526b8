//! Kernel distances of a network's samples to test images, with what the interval of a paired difference needs.

use pathline::quality::kid_replicates;
use pathline::statistics::JackknifeEstimate;
use pathline::{Batch, Seed, VelocityField};
use pathline_nn::Classifier;

use super::evidence::Setting;
use super::features::{Way, follow};
use crate::embedded::embedded_judge;
use crate::error::Error;

/// Blocks that are left out in turn; shares no divisor with the ten classes that samples have in turn.
pub(super) const BLOCKS: usize = 19;

/// Real images as the embedded judge sees them.
pub(super) struct Distances {
    judge: Classifier,
    real: Batch,
    seed: Seed,
    samples: usize,
}

impl Distances {
    /// Of the first `samples` samples of a seed to `real` images.
    pub(super) fn to(real: &Batch, seed: Seed, samples: usize) -> Result<Self, Error> {
        let judge = embedded_judge()?;
        Ok(Self { real: judge.classify(real)?.features, judge, seed, samples })
    }

    /// The distance when a field is followed in this way: of all samples, then without each block.
    pub(super) fn of(&self, field: &dyn VelocityField, way: &Way<'_>) -> Result<Vec<f64>, Error> {
        self.between(&follow(field, self.seed, self.samples, way)?.ends)
    }

    /// The distance of samples: of all, then without each block.
    pub(super) fn between(&self, ends: &Batch) -> Result<Vec<f64>, Error> {
        let found = kid_replicates(&self.judge.classify(ends)?.features, &self.real, BLOCKS)?;
        Ok(std::iter::once(found.value).chain(found.without).collect())
    }

    /// How it is measured, for the page of a claim.
    pub(super) fn about() -> String {
        format!(
            "kernel distance to the test images in the judge's features, whole and without each of {BLOCKS} blocks"
        )
    }
}

/// The paired difference of two columns of [`Distances::of`].
pub(super) fn difference(
    setting: &Setting,
    a: &str,
    b: &str,
) -> Result<(JackknifeEstimate, f64), Error> {
    let differences: Vec<f64> =
        setting.column(a)?.iter().zip(setting.column(b)?).map(|(a, b)| a - b).collect();
    replicated(&setting.name, &differences)
}

/// The estimate of a statistic in the setting `name` from its value, and those without each block.
pub(super) fn replicated(name: &str, values: &[f64]) -> Result<(JackknifeEstimate, f64), Error> {
    let (value, parts) = values
        .split_first()
        .ok_or_else(|| Error::usage(name, "holds no replicate", "measure the claim again"))?;
    Ok((JackknifeEstimate::from_parts(*value, parts, 0.95)?, parts.len() as f64 - 1.0))
}
