//! The velocity deficit and the radial gain of a field, on pairs of noise and data that it is told the classes of.

use std::sync::Arc;

use pathline::diagnostics::{DeficitPoint, Pairs, deficit};
use pathline::spec::FieldSpec;
use pathline::{Batch, Seed, Source, VelocityField};
use pathline_data::DataSet;

use super::in_shape;
use crate::error::Error;
use crate::files::Files;
use crate::in_turn::rows_in_turn;
use crate::sample::told;
use crate::sets::{Beside, evenly};

/// Times at which it is measured.
const TIMES: [f64; 11] = [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98];
/// Pairs at most on which it is measured, and at least: fewer give no interval.
const PAIRS: usize = 1000;
const FEWEST: usize = 20;

/// The deficit of a field, and of a guided one the deficit without guidance, on held-out data where there are some;
/// nothing where the field has no known schedule, or classes that the data do not have.
pub(super) fn radial_error(
    (field, spec): (&Arc<dyn VelocityField>, &FieldSpec),
    seed: Seed,
    beside: &Beside,
) -> Result<Vec<DeficitPoint>, Error> {
    // A guided velocity is longer on purpose: what was trained is the conditional one.
    let (field, spec) = match spec {
        FieldSpec::Guided { conditional, .. } => (conditional.build(&Files)?, &**conditional),
        plain => (Arc::clone(field), plain),
    };
    let data = beside.held_out.as_ref().unwrap_or(&beside.data);
    let (Some(schedule), Some(rows)) = (spec.schedule(), rows(spec, data)) else {
        return Ok(Vec::new());
    };
    if rows.len() < FEWEST {
        return Ok(Vec::new());
    }
    let target: Batch = in_shape(&data.batch.select(&rows)?, field.shape(), data)?;
    // Other noise than the samples': those pairs are not held out from anything, but stay apart.
    let source = Source { first: 1 << 40, ..Source::new(seed, target.len()) };
    let source = source.noise(field.shape());
    let pairs = Pairs { source: &source, target: &target, first: 0 };
    Ok(deficit(&*field, &*schedule.build()?, pairs, &TIMES)?)
}

/// Rows of the data at even distances; of a field that is told classes, row `i` of the class that sample `i` is told.
fn rows(field: &FieldSpec, data: &DataSet) -> Option<Vec<usize>> {
    let count = data.batch.len().min(PAIRS);
    let Some(classes) = told(field, 0..count as u64) else {
        return Some(evenly(data.batch.len(), PAIRS));
    };
    Some(rows_in_turn(data.labels.as_ref()?, &classes))
}
