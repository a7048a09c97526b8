//! How much of the samples is copied from a data set, beside what the criterion says of real points.

use pathline::neighbours::{MEMORISED_RATIO, memorisation};
use pathline::statistics::{Estimate, wilson};
use pathline::{Batch, Purpose, Seed};

use crate::error::Error;
use crate::sets::evenly;

/// Points at most on which the floor of memorisation is measured.
const FLOOR_POINTS: usize = 2000;
/// Samples at most that are named, those nearest to a copy first.
const NAMED: usize = 20;

/// Memorisation of the samples against a data set.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Memorised {
    /// The data set.
    pub data: String,
    /// Its size.
    pub points: usize,
    /// Rows of it that repeat an earlier one.
    pub duplicates: usize,
    /// Share of samples with `d1/d2 < 1/3`.
    pub fraction: Estimate,
    /// The same share for real points that nobody copied: of held-out data, searched in the data, or where there
    /// are none, of about a tenth of the data itself, searched in the rest. `None` for data too small to be parted.
    #[serde(default)]
    pub floor: Option<Estimate>,
    /// The held-out data of the floor, if they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<String>,
    /// The samples with the least ratios, least first.
    #[serde(default)]
    pub closest: Vec<Closest>,
    /// Those samples, and the point nearest to each, for pictures.
    #[serde(skip)]
    pub(super) pairs: Option<[Batch; 2]>,
}

/// A sample and the point of the data nearest to it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Closest {
    /// Index of the sample.
    pub sample: u64,
    /// Row of the data.
    pub point: usize,
    /// Distance to it over the distance to the second nearest, `d1/d2`.
    pub ratio: f64,
}

/// Searches `points` of the data set `name` for the samples, whose indices are `samples`, and for held-out points of
/// another, if there is one.
pub(super) fn memorised(
    (end, samples): (&Batch, &[u64]),
    (points, name): (&Batch, &str),
    held_out: Option<(&Batch, &str)>,
) -> Result<Memorised, Error> {
    let found = memorisation(end, points, MEMORISED_RATIO)?;
    let mut order: Vec<usize> = (0..end.len()).collect();
    order.sort_by(|&a, &b| found.ratios[a].total_cmp(&found.ratios[b]));
    order.truncate(NAMED);
    let nearest: Vec<usize> = order.iter().map(|&i| found.nearest[i]).collect();
    let closest = order.iter().map(|&i| Closest {
        sample: samples[i],
        point: found.nearest[i],
        ratio: found.ratios[i],
    });
    Ok(Memorised {
        data: name.to_owned(),
        points: points.len(),
        duplicates: found.duplicates,
        fraction: share(&found.ratios)?,
        floor: match held_out {
            Some(held_out) => Some(floor_of(held_out, (points, name))?),
            None => floor(points)?,
        },
        held_out: held_out.map(|(_, name)| name.to_owned()),
        closest: closest.collect(),
        pairs: Some([end.select(&order)?, points.select(&nearest)?]),
    })
}

/// The share of held-out points, at even distances, that the criterion calls memorised. Points of the data themselves
/// are no held-out ones: built-in sets of any size, for one, begin with the same points.
fn floor_of(
    (held_out, called): (&Batch, &str),
    (points, name): (&Batch, &str),
) -> Result<Estimate, Error> {
    let rows = evenly(held_out.len(), FLOOR_POINTS);
    let found = memorisation(&held_out.select(&rows)?, points, MEMORISED_RATIO)?;
    let same = |(&row, &nearest): (&usize, &usize)| held_out.row(row) == points.row(nearest);
    let known = rows.iter().zip(&found.nearest).filter(|&pair| same(pair)).count();
    if 2 * known > rows.len() {
        let problem = format!("{known} of {} of its points are points of {name}, too", rows.len());
        return Err(Error::usage(called, problem, "hold out data that the model has not seen"));
    }
    share(&found.ratios)
}

/// Share of ratios below a third, with Wilson's interval.
pub(crate) fn share(ratios: &[f64]) -> Result<Estimate, Error> {
    let count = ratios.iter().filter(|&&r| r < MEMORISED_RATIO).count();
    Ok(wilson(count, ratios.len(), 0.95)?)
}

/// The share of points, drawn from the data and searched in what is left of it, that the criterion
/// calls memorised.
fn floor(points: &Batch) -> Result<Option<Estimate>, Error> {
    // Drawn, not every tenth: data in order of ten classes would give points of one.
    let drawn = |i: usize| Seed(0).stream(Purpose::Resample, i as u64, 0).below(10) == 0;
    let (mut out, mut rest): (Vec<usize>, Vec<usize>) = (0..points.len()).partition(|&i| drawn(i));
    let surplus = out.split_off(out.len().min(FLOOR_POINTS));
    rest.extend(surplus);
    let (out, rest) = (points.select(&out)?, points.select(&rest)?);
    let differ = rest.rows().iter().any(|row| row != rest.row(0));
    if out.is_empty() || !differ {
        return Ok(None);
    }
    Ok(Some(share(&memorisation(&out, &rest, MEMORISED_RATIO)?.ratios)?))
}
