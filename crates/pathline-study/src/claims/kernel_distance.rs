//! Kernel distances of a network's samples to test images, with what the interval of a paired difference needs: in the
//! features of the embedded judge and, where a file of them is given, of a network that has never seen such images.

use std::cell::OnceCell;

use pathline::quality::kid_replicates;
use pathline::statistics::JackknifeEstimate;
use pathline::{Batch, VelocityField};
use pathline_nn::Classifier;

use super::evidence::{Columns, Setting};
use super::features::{Draw, Way, follow};
use super::finding::{Finding, Role};
use crate::embedded::embedded_judge;
use crate::error::Error;
use crate::sets::{BLOCKS, SetFeatures, evenly};

/// Test images at most that a network with large inputs looks at.
const FEW: usize = 2000;

/// Distances to test images.
pub(super) struct Distances {
    judge: Classifier,
    others: Option<SetFeatures>,
    test: Batch,
    /// What the two see in the test images, once it was asked for.
    seen: OnceCell<(Batch, Option<Batch>)>,
}

impl Distances {
    /// Distances to `test` images.
    pub(super) fn to(test: Batch, others: Option<SetFeatures>) -> Result<Self, Error> {
        Ok(Self { judge: embedded_judge()?, others, test, seen: OnceCell::new() })
    }

    /// Inserts the distance when a field is followed in this way: of all samples, then without each block.
    pub(super) fn insert(
        &self,
        columns: &mut Columns,
        name: &str,
        (field, draw): (&dyn VelocityField, Draw),
        way: &Way<'_>,
    ) -> Result<(), Error> {
        self.insert_ends(columns, name, &follow(field, draw.seed, draw.samples, way)?.ends)
    }

    /// [`Distances::insert_ends`] in the features of the judge alone.
    pub(super) fn insert_judged(
        &self,
        columns: &mut Columns,
        name: &str,
        ends: &Batch,
    ) -> Result<(), Error> {
        insert(columns, name.to_owned(), &self.judge.classify(ends)?.features, &self.seen()?.0)
    }

    /// Inserts the distance of samples: of all, then without each block.
    pub(super) fn insert_ends(
        &self,
        columns: &mut Columns,
        name: &str,
        ends: &Batch,
    ) -> Result<(), Error> {
        self.insert_judged(columns, name, ends)?;
        if let (Some(others), Some(real)) = (&self.others, &self.seen()?.1) {
            insert(columns, to_others(name), &others.see(ends)?, real)?;
        }
        Ok(())
    }

    /// Inserts the mean of the distances of these names, in all features they were measured in.
    pub(super) fn insert_mean(&self, columns: &mut Columns, name: &str, of: [&str; 3]) {
        let spaces = if self.others.is_some() { &["", IN_OTHERS][..] } else { &[""] };
        for space in spaces {
            let each: Vec<&Vec<f64>> =
                of.iter().filter_map(|name| columns.get(&format!("{name}{space}"))).collect();
            let rows = each.first().map_or(0, |column| column.len());
            let mean = |i| each.iter().map(|column| column[i]).sum::<f64>() / each.len() as f64;
            let mean = (0..rows).map(mean).collect();
            columns.insert(format!("{name}{space}"), mean);
        }
    }

    fn seen(&self) -> Result<&(Batch, Option<Batch>), Error> {
        if let Some(seen) = self.seen.get() {
            return Ok(seen);
        }
        let judged = self.judge.classify(&self.test)?.features;
        let rows = evenly(self.test.len(), FEW);
        let see = |others: &SetFeatures| others.see(&self.test.select(&rows)?);
        let others = self.others.as_ref().map(see).transpose()?;
        Ok(self.seen.get_or_init(|| (judged, others)))
    }

    /// How it is measured, for the page of a claim.
    pub(super) fn about(&self) -> String {
        let others = match &self.others {
            Some(others) => {
                format!(", and to {} of them in {}", self.test.len().min(FEW), others.name())
            }
            None => String::new(),
        };
        format!(
            "kernel distance to the test images in the judge's features{others}, whole and without each of {BLOCKS} \
             blocks"
        )
    }
}

fn insert(
    columns: &mut Columns,
    name: String,
    features: &Batch,
    real: &Batch,
) -> Result<(), Error> {
    let found = kid_replicates(features, real, BLOCKS)?;
    columns.insert(name, std::iter::once(found.value).chain(found.without).collect());
    Ok(())
}

/// The name of a column in the other features.
fn to_others(name: &str) -> String {
    format!("{name}{IN_OTHERS}")
}

const IN_OTHERS: &str = ", other features";

/// Whether a claim was measured in other features, too.
pub(super) fn has_others(setting: &Setting) -> bool {
    setting.columns.keys().any(|name| name.ends_with(IN_OTHERS))
}

/// The paired difference of two columns of distances.
pub(super) fn difference(
    setting: &Setting,
    a: &str,
    b: &str,
) -> Result<(JackknifeEstimate, f64), Error> {
    let differences: Vec<f64> =
        setting.column(a)?.iter().zip(setting.column(b)?).map(|(a, b)| a - b).collect();
    replicated(&setting.name, &differences)
}

/// The same in the other features, as a finding that decides nothing: distances in other features are in other units.
/// `None` where it was not measured in them.
pub(super) fn to_others_difference(
    setting: &Setting,
    what: &str,
    a: &str,
    b: &str,
) -> Result<Option<Finding>, Error> {
    if !has_others(setting) {
        return Ok(None);
    }
    let found = difference(setting, &to_others(a), &to_others(b))?;
    Ok(Some(Finding::new(&setting.name, to_others(what), Role::Secondary, found)))
}

/// The estimate of a statistic in the setting `name` from its value, and those without each block.
pub(super) fn replicated(name: &str, values: &[f64]) -> Result<(JackknifeEstimate, f64), Error> {
    let (value, parts) = values
        .split_first()
        .ok_or_else(|| Error::usage(name, "holds no replicate", "measure the claim again"))?;
    Ok((JackknifeEstimate::from_parts(*value, parts, 0.95)?, parts.len() as f64 - 1.0))
}
