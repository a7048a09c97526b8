//! A change of field mid-flight: `before` until the switch time, `after` from it on.
//!
//! A stage evaluated exactly at the switch time belongs to `after`. A step that crosses the switch
//! mixes both fields, so put the switch time on the run's grid.
//!
//! # References
//! The prompt-switching experiments re-measured in the claims ledger (claims 10-14).

use std::sync::Arc;

use super::{FieldRecord, VelocityField, check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Samples, Shape, Times};
use crate::error::Error;

/// When samples change over, looked up by global sample index.
#[derive(Debug, Clone, PartialEq)]
pub enum SwitchTimes {
    /// All at this time.
    Shared(f64),
    /// Sample `i` at `times[i % times.len()]`; an empty list never switches.
    Cycle(Arc<[f64]>),
}

impl SwitchTimes {
    /// The switch time of a sample; infinity when it never switches.
    #[must_use]
    pub fn of(&self, sample: u64) -> f64 {
        match self {
            Self::Shared(t) => *t,
            Self::Cycle(times) if times.is_empty() => f64::INFINITY,
            Self::Cycle(times) => times[(sample % times.len() as u64) as usize],
        }
    }

    /// Whether some sample has not switched at `t`, and whether some sample has.
    fn on_either_side(&self, t: f64) -> (bool, bool) {
        match self {
            Self::Shared(s) => (t < *s, t >= *s),
            Self::Cycle(times) if times.is_empty() => (true, false),
            Self::Cycle(times) => (times.iter().any(|s| t < *s), times.iter().any(|s| t >= *s)),
        }
    }
}

/// `before` for `t < s`, `after` for `t >= s`.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{Conditions, GaussianMixture, SwitchTimes, Switched};
/// use pathline::schedule::CondOt;
/// let all = GaussianMixture::ring(8, 2.0, 0.1)?.along(Arc::new(CondOt));
/// let first = Arc::new(all.conditioned(Conditions::Shared(0))?);
/// let then = Arc::new(all.conditioned(Conditions::Shared(4))?);
/// let switched = Switched::new(first, then, SwitchTimes::Shared(0.3))?;
/// # Ok::<(), pathline::Error>(())
/// ```
pub struct Switched {
    before: Arc<dyn VelocityField>,
    after: Arc<dyn VelocityField>,
    times: SwitchTimes,
}

impl Switched {
    /// The field that changes from `before` to `after` at `times`.
    ///
    /// # Errors
    /// [`Error::Shape`] when the fields' states differ; [`Error::Invalid`] when a time is not a
    /// number.
    pub fn new(
        before: Arc<dyn VelocityField>,
        after: Arc<dyn VelocityField>,
        times: SwitchTimes,
    ) -> Result<Self, Error> {
        Error::check_shape("field after the switch", before.shape(), after.shape())?;
        let bad = match &times {
            SwitchTimes::Shared(t) => t.is_nan(),
            SwitchTimes::Cycle(times) => times.iter().any(|t| t.is_nan()),
        };
        if bad {
            return Err(Error::invalid("switch time", f64::NAN, "give a time from 0 to 1"));
        }
        Ok(Self { before, after, times })
    }

    /// Asks each field on its own rows. What is asked is told the field, which rows of `at` it gets, and those.
    fn split(&self, at: &At<'_>, mut out: RowsMut<'_>, ask: &Ask<'_>) -> Result<bool, Error> {
        let early = |i: &usize| at.t.at(*i) < self.times.of(at.samples.at(*i));
        let (before, after): (Vec<usize>, Vec<usize>) = (0..at.x.len()).partition(early);
        if after.is_empty() {
            return ask(&*self.before, &before, at, out);
        }
        if before.is_empty() {
            return ask(&*self.after, &after, at, out);
        }
        let (early, late) =
            (part(&*self.before, &before, at, ask)?, part(&*self.after, &after, at, ask)?);
        let (Some(early), Some(late)) = (early, late) else { return Ok(false) };
        let width = at.x.width();
        for (rows, answer) in [(&before, &early), (&after, &late)] {
            for (&i, v) in rows.iter().zip(answer.chunks_exact(width)) {
                out.row(i).copy_from_slice(v);
            }
        }
        Ok(true)
    }
}

/// What is asked of a field on some rows, and whether there is an answer.
type Ask<'a> =
    dyn Fn(&dyn VelocityField, &[usize], &At<'_>, RowsMut<'_>) -> Result<bool, Error> + 'a;

/// The answer on the rows at `rows` only, if there is one.
fn part(
    field: &dyn VelocityField,
    rows: &[usize],
    at: &At<'_>,
    ask: &Ask<'_>,
) -> Result<Option<Vec<f32>>, Error> {
    let width = at.x.width();
    let samples: Vec<u64> = rows.iter().map(|&i| at.samples.at(i)).collect();
    let times: Vec<f64> = rows.iter().map(|&i| at.t.at(i)).collect();
    let x: Vec<f32> = rows.iter().flat_map(|&i| at.x.row(i)).copied().collect();
    let t = match at.t {
        Times::Shared(t) => Times::Shared(t),
        Times::Each(_) => Times::Each(&times),
    };
    let part = At { samples: Samples::List(&samples), t, x: Rows::new(&x, width) };
    let mut answer = vec![0.0; x.len()];
    let found = ask(field, rows, &part, RowsMut::new(&mut answer, width))?;
    Ok(found.then_some(answer))
}

impl VelocityField for Switched {
    fn shape(&self) -> &Shape {
        self.before.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        self.split(at, out, &|field, _, at, out| field.velocity(at, out).map(|()| true))?;
        Ok(())
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        let width = at.x.width();
        self.split(at, out, &|field, rows, at, out| {
            let own: Vec<f32> = rows.iter().flat_map(|&i| along.row(i)).copied().collect();
            field.pullback(at, Rows::new(&own, width), out)
        })
    }

    fn record(&self) -> FieldRecord {
        let times = match &self.times {
            SwitchTimes::Shared(t) => serde_json::Value::from(*t),
            SwitchTimes::Cycle(times) => times.to_vec().into(),
        };
        FieldRecord::new("switched").with("times", times).around(&*self.before).around(&*self.after)
    }

    fn singular_at_target(&self) -> bool {
        let (before, after) = self.times.on_either_side(1.0);
        before && self.before.singular_at_target() || after && self.after.singular_at_target()
    }

    fn singular_at_source(&self) -> bool {
        let (before, after) = self.times.on_either_side(0.0);
        before && self.before.singular_at_source() || after && self.after.singular_at_source()
    }
}
