//! The learning rate by update: a linear rise, then constant, constant with a straight fall at the end, or
//! half a cosine down to a floor.
//!
//! At update `k = 1..=n` with warm-up `w`: `peak k / w` for `k <= w`; then `peak`; or
//! `peak min(1, (n - k + 1) / (c + 1))` with a cooldown of `c` updates; or
//! `floor + (peak - floor) (1 + cos(pi (k - w) / (n - w))) / 2`.
//!
//! # References
//! Loshchilov and Hutter (2017), "SGDR", arXiv:1608.03983, equation 5 (without restarts); Goyal et
//! al. (2017), arXiv:1706.02677, section 2.2 (warm-up); Zhai et al. (2022), arXiv:2106.04560, section
//! 3.5, and Haegele et al. (2024), arXiv:2405.18392 (cooldown).

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
    /// Nothing, then a straight fall to zero. A run that has not come to it yet can still be made longer.
    Cooldown {
        /// Updates of the fall, the last of the run.
        updates: u64,
    },
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
            Decay::Cooldown { updates } => {
                let left = total.saturating_sub(k).saturating_add(1) as f64;
                self.peak * (left / (updates as f64 + 1.0)).min(1.0)
            }
            Decay::Cosine { floor } => {
                let span = total.saturating_sub(self.warm_up).max(1) as f64;
                let done = ((k - self.warm_up) as f64 / span).min(1.0);
                floor + (self.peak - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }

    /// The first of `updates` updates at which a run of `total` with this rate and one of `other.1` with
    /// the rate `other.0` part.
    #[must_use]
    pub fn parts(&self, total: u64, other: (&Self, u64), updates: u64) -> Option<u64> {
        (1..=updates).find(|&k| self.at(k, total) != other.0.at(k, other.1))
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
            for decay in [Decay::Cosine { floor: 0.1 }, Decay::Cooldown { updates: 7 }] {
                let rate = LearningRate { peak: 1.0, warm_up, decay };
                for k in 1..=total + 5 {
                    let at = rate.at(k, total);
                    assert!((0.0..=1.0).contains(&at), "{at} at {k} of {total}");
                }
            }
        }
    }

    #[test]
    fn a_cooldown_is_a_constant_rate_until_it_begins() {
        let constant = LearningRate { peak: 1.0, warm_up: 2, decay: Decay::Constant {} };
        let cooling = LearningRate { decay: Decay::Cooldown { updates: 3 }, ..constant };
        let rates: Vec<f64> = (1..=8).map(|k| cooling.at(k, 8)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]);
        assert_eq!(constant.parts(4, (&cooling, 8), 5), None);
        assert_eq!(constant.parts(4, (&cooling, 8), 8), Some(6));
        assert_eq!(cooling.parts(8, (&cooling, 10), 8), Some(6));
    }
}
