//! Time grids: where a fixed-step run steps. Built by pure functions, never changed.
//!
//! # References
//! The shift is equation 23 of Esser et al. (2024), "Scaling Rectified Flow Transformers for
//! High-Resolution Image Synthesis", written on this crate's clock: with `sigma = 1 - t` and
//! `sigma' = a sigma / (1 + (a - 1) sigma)` it is `t' = t / (a + (1 - a) t)`.
//!
//! # Not to be confused with
//! A [`Schedule`](crate::schedule::Schedule), which says what `x_t` is made of, or a
//! [`Solver`](crate::solver::Solver), which says how to step.

use crate::error::Error;

/// Times `t_0, ..., t_n` in `[0, 1]`, strictly monotone.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeGrid {
    times: Vec<f64>,
}

impl TimeGrid {
    /// The most steps that a grid is built with; a number that is meant to be one is far below, and
    /// its times fit in memory.
    pub const MOST_STEPS: usize = 10_000_000;

    /// `n` equal steps from 0 to 1: `t_i = i / n`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `steps` is 0 or above [`TimeGrid::MOST_STEPS`].
    ///
    /// # Examples
    /// ```
    /// use pathline::TimeGrid;
    /// assert_eq!(TimeGrid::uniform(4)?.times(), &[0.0, 0.25, 0.5, 0.75, 1.0]);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn uniform(steps: usize) -> Result<Self, Error> {
        Self::warped(steps, Ok)
    }

    /// Equal steps bent by a shift `a > 0`: `t' = t / (a + (1 - a) t)`. Above 1 it puts more steps
    /// near the source, as SD3 (3.0) does.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `steps` is 0 or above [`TimeGrid::MOST_STEPS`], or `shift` is not
    /// positive and finite, or so far from 1 that two times fall together.
    pub fn shifted(steps: usize, shift: f64) -> Result<Self, Error> {
        if !(shift.is_finite() && shift > 0.0) {
            return Err(Error::invalid("shift", shift, "use a positive number; 1 changes nothing"));
        }
        Self::warped(steps, |t| Ok(t / (shift + (1.0 - shift) * t)))
    }

    /// `t_i = (i / n)^p` for `p > 0`: above 1 more steps near the source, below 1 near the target.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `steps` is 0 or above [`TimeGrid::MOST_STEPS`], or `exponent` is not
    /// positive and finite, or so far from 1 that two times fall together.
    pub fn power(steps: usize, exponent: f64) -> Result<Self, Error> {
        if !(exponent.is_finite() && exponent > 0.0) {
            return Err(Error::invalid("grid exponent", exponent, "use a positive number"));
        }
        Self::warped(steps, |t| Ok(t.powf(exponent)))
    }

    /// The times themselves.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least two, all in `[0, 1]` and strictly monotone.
    pub fn custom(times: impl Into<Vec<f64>>) -> Result<Self, Error> {
        let times = times.into();
        if times.len() < 2 {
            return Err(Error::invalid(
                "time grid",
                format!("{times:?}"),
                "give at least two times",
            ));
        }
        if let Some(bad) = times.iter().find(|t| !(0.0..=1.0).contains(*t)) {
            return Err(Error::invalid("time", bad, "times run from 0 (source) to 1 (target)"));
        }
        let rising = times[1] > times[0];
        if let Some(pair) = times.windows(2).find(|p| (p[1] > p[0]) != rising || p[0] == p[1]) {
            let remedy = "times must rise all the way, or fall all the way for a reversed run";
            return Err(Error::invalid(
                "time grid",
                format!("{} after {}", pair[1], pair[0]),
                remedy,
            ));
        }
        Ok(Self { times })
    }

    /// Equal steps of `[0, 1]` whose inner ends are moved.
    pub(crate) fn warped(
        steps: usize,
        warp: impl Fn(f64) -> Result<f64, Error>,
    ) -> Result<Self, Error> {
        if steps == 0 {
            return Err(Error::invalid("number of steps", steps, "use at least one"));
        }
        if steps > Self::MOST_STEPS {
            let remedy = format!("use at most {}", Self::MOST_STEPS);
            return Err(Error::invalid("number of steps", steps, remedy));
        }
        let inner = (1..steps).map(|i| warp(i as f64 / steps as f64));
        let times = std::iter::once(Ok(0.0)).chain(inner).chain([Ok(1.0)]);
        Self::custom(times.collect::<Result<Vec<_>, Error>>()?)
    }

    /// The same grid squeezed linearly onto `[start, end]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the two are equal or outside `[0, 1]`.
    pub fn between(&self, start: f64, end: f64) -> Result<Self, Error> {
        let (from, span) = (self.start(), self.end() - self.start());
        let last = self.times.len() - 1;
        let place = |(i, t): (usize, &f64)| {
            if i == last { end } else { start + (end - start) * (t - from) / span }
        };
        Self::custom(self.times.iter().enumerate().map(place).collect::<Vec<_>>())
    }

    /// All times, ends included.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Where the run starts.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.times[0]
    }

    /// Where the run ends.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.times[self.times.len() - 1]
    }

    /// Number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len() - 1
    }

    /// Never: a grid has at least one step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// `(t, dt)` of every step.
    pub fn steps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.times.windows(2).map(|p| (p[0], p[1] - p[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_that_no_memory_holds_is_refused() {
        for build in
            [TimeGrid::uniform(usize::MAX), TimeGrid::shifted(TimeGrid::MOST_STEPS + 1, 3.0)]
        {
            assert!(build.unwrap_err().to_string().contains("at most"));
        }
    }

    #[test]
    fn building_twice_gives_equal_values_and_one_step_works() {
        for build in [
            || TimeGrid::uniform(1),
            || TimeGrid::shifted(1, 3.0),
            || TimeGrid::power(1, 2.0),
            || TimeGrid::shifted(10, 3.0),
        ] {
            let (a, b) = (build().unwrap(), build().unwrap());
            assert_eq!(a, b);
            assert_eq!((a.start(), a.end()), (0.0, 1.0));
        }
    }

    #[test]
    fn the_shift_is_applied_once_and_on_our_clock() {
        // t = .5, a = 3 gives .25; on the noise clock sigma = .5 goes to .75.
        let grid = TimeGrid::shifted(2, 3.0).unwrap();
        assert!((grid.times()[1] - 0.25).abs() < 1e-15);
        // ComfyUI's `simple` at shift 3 and 10 steps, in sigma = 1 - t.
        let comfy = [1.0, 0.964_285_7, 0.923_077, 0.875, 0.818_181_8, 0.75, 0.666_666_7];
        let grid = TimeGrid::shifted(10, 3.0).unwrap();
        for (t, sigma) in grid.times().iter().zip(comfy) {
            assert!((1.0 - t - sigma).abs() < 1e-6);
        }
    }

    #[test]
    fn bad_grids_are_refused() {
        assert!(TimeGrid::uniform(0).is_err());
        assert!(TimeGrid::uniform(TimeGrid::MOST_STEPS + 1).is_err());
        assert!(TimeGrid::power(usize::MAX, 2.0).is_err());
        assert!(TimeGrid::shifted(3, 0.0).is_err());
        assert!(TimeGrid::power(3, f64::NAN).is_err());
        for times in [vec![], vec![0.0], vec![0.0, 0.0], vec![0.0, 0.5, 0.4], vec![0.0, f64::NAN]] {
            assert!(TimeGrid::custom(times).is_err());
        }
        assert!(TimeGrid::custom(vec![0.0, 1.1]).is_err());
        assert!(TimeGrid::custom(vec![1.0, 0.5, 0.0]).is_ok());
    }

    #[test]
    fn a_squeezed_grid_ends_where_it_was_told_to() {
        let grid = TimeGrid::uniform(3).unwrap().between(0.1, 0.9).unwrap();
        assert_eq!((grid.start(), grid.end()), (0.1, 0.9));
        assert!(TimeGrid::uniform(3).unwrap().between(0.5, 0.5).is_err());
    }
}
