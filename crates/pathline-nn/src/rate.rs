//! The learning rate by update: a linear rise, then constant or half a cosine down to a floor.
//!
//! At update `k = 1..=n` with warm-up `w`: `peak k / w` for `k <= w`; then `peak`, or
//! `floor + (peak - floor) (1 + cos(pi (k - w) / (n - w))) / 2`.
//!
//! # References
//! Loshchilov and Hutter (2017), "SGDR", arXiv:1608.03983, equation 5 (without restarts); Goyal et
//! al. (2017), arXiv:1706.02677, section 2.2 (warm-up).

use pathline::Error;

/// The learning rate as a function of the update; see the [module](self).
///
/// # Examples
/// ```
/// use pathline_nn::{Decay, LearningRate};
/// let rate = LearningRate { peak: 1e-3, warm_up: 10, decay: Decay::Cosine { floor: 0.0 } };
/// assert_eq!(rate.at(5, 110), 5e-4);
/// assert_eq!(rate.at(10, 110), 1e-3);
/// assert!((rate.at(60, 110) - 5e-4).abs() < 1e-12);
/// assert!(rate.at(110, 110) < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningRate {
    /// The largest rate, positive; 1e-3.
    pub peak: f64,
    /// Updates of linear rise; 0.
    pub warm_up: u64,
    /// What comes after; constant.
    pub decay: Decay,
}

/// What the learning rate does after its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decay {
    /// Nothing.
    Constant {},
    /// Half a cosine down to `floor` at the last update.
    Cosine {
        /// The last rate, from 0 to the peak.
        floor: f64,
    },
}

impl Default for LearningRate {
    fn default() -> Self {
        Self { peak: 1e-3, warm_up: 0, decay: Decay::Constant {} }
    }
}

impl LearningRate {
    /// The rate of update `k`, counted from 1, of `total`.
    #[must_use]
    pub fn at(&self, k: u64, total: u64) -> f64 {
        if k < self.warm_up {
            return self.peak * k as f64 / self.warm_up as f64;
        }
        match self.decay {
            Decay::Constant {} => self.peak,
            Decay::Cosine { floor } => {
                let span = total.saturating_sub(self.warm_up).max(1) as f64;
                let done = ((k - self.warm_up) as f64 / span).min(1.0);
                floor + (self.peak - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }

    /// Whether the rate of an update does not depend on how many follow.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.decay, Decay::Constant {})
    }

    /// Fails unless the peak is positive and the floor is between 0 and the peak.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.peak > 0.0 && self.peak.is_finite()) {
            return Err(Error::invalid("learning rate", self.peak, "must be positive and finite"));
        }
        match self.decay {
            Decay::Cosine { floor } if !(0.0..=self.peak).contains(&floor) => {
                let remedy = "must be between 0 and the peak";
                Err(Error::invalid("floor of the learning rate", floor, remedy))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_bad_numbers_are_refused() {
        let read = |text: &str| serde_json::from_str::<LearningRate>(text);
        assert!(read(r#"{"peak": 1e-3, "decay": {"kind": "constant"}}"#).is_ok());
        assert!(read(r#"{"peak": 1e-3, "decay": {"kind": "constant", "floor": 0}}"#).is_err());
        assert!(read(r#"{"peek": 1e-3}"#).is_err());
        for (peak, floor) in [(0.0, 0.0), (f64::NAN, 0.0), (1.0, 2.0), (1.0, f64::NAN)] {
            let rate = LearningRate { peak, warm_up: 0, decay: Decay::Cosine { floor } };
            assert!(rate.check().is_err());
        }
    }

    #[test]
    fn the_rate_stays_between_zero_and_the_peak_for_any_length() {
        for (warm_up, total) in [(0, 0), (0, 1), (5, 3), (10, 10), (3, 100)] {
            let decay = Decay::Cosine { floor: 0.1 };
            let rate = LearningRate { peak: 1.0, warm_up, decay };
            for k in 1..=total + 5 {
                let at = rate.at(k, total);
                assert!((0.0..=1.0).contains(&at), "{at} at {k} of {total}");
            }
        }
    }
}
