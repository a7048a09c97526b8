//! One direction of a picture: what it measures, on which scale, and how far it reaches.

use serde::{Deserialize, Serialize};

use super::ticks::{self, Tick};

/// How values are laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal differences take equal room.
    #[default]
    Linear,
    /// Equal ratios take equal room; values that are not positive are left out, and said so.
    Log,
}

/// What an axis measures, and how.
///
/// # Examples
/// ```
/// use pathline_view::Axis;
/// let steps = Axis::new("function evaluations").log();
/// let time = Axis::new("time t").within(0.0, 1.0);
/// # assert_ne!(steps, time);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Axis {
    /// Quantity and unit: `time t`.
    pub label: String,
    /// Linear unless set.
    pub scale: Scale,
    /// Low and high end; taken from the data where absent or senseless.
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// A linear axis that reaches as far as the data.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// The same on a log scale.
    #[must_use]
    pub fn log(self) -> Self {
        Self { scale: Scale::Log, ..self }
    }

    /// The same from `low` to `high` whatever the data.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some([low, high]), ..self }
    }

    /// Whether `value` has a place on this axis.
    pub(crate) fn shows(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }
}

/// An axis laid out: its bounds and ticks.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<Tick>,
}

impl Domain {
    /// The domain of `axis` over `values`, with about `target` ticks.
    pub(crate) fn of(axis: &Axis, values: impl Iterator<Item = f64>, target: usize) -> Self {
        let given = axis.range.filter(|r| r.iter().all(|v| axis.shows(*v)) && r[0] != r[1]);
        if let Some([a, b]) = given {
            return Self::between(axis.scale, a.min(b), a.max(b), target);
        }
        let (low, high) = values
            .filter(|v| axis.shows(*v))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = bounds(axis.scale, low, high);
        let (low, high) = match axis.scale {
            Scale::Log => (low / 1.08, high * 1.08),
            Scale::Linear => {
                // Ends at round numbers when they are near, else a little air.
                let step = ticks::step(high - low, target);
                let (down, up) = ((low / step).floor() * step, (high / step).ceil() * step);
                let air = 0.04 * (high - low);
                (
                    if low - down <= 0.3 * step { down } else { low - air },
                    if up - high <= 0.3 * step { up } else { high + air },
                )
            }
        };
        Self::between(axis.scale, low, high, target)
    }

    /// The domain from `low` to `high`, mended where they are senseless.
    pub(crate) fn between(scale: Scale, low: f64, high: f64, target: usize) -> Self {
        let (low, high) = bounds(scale, low, high);
        let ticks = match scale {
            Scale::Linear => ticks::linear(low, high, target),
            Scale::Log => ticks::log(low, high, target),
        };
        Self { scale, low, high, ticks }
    }

    /// The place of `value`: 0 at the low end, 1 at the high end; `None` where it has none.
    pub(crate) fn unit(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => {
                (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
            }
            Scale::Log => f64::NAN,
        };
        place.is_finite().then_some(place)
    }
}

/// Finite, ordered bounds that are far enough apart to be divided.
fn bounds(scale: Scale, low: f64, high: f64) -> (f64, f64) {
    let (low, high) = if low <= high { (low, high) } else { (high, low) };
    match scale {
        Scale::Linear => {
            if !(low.is_finite() && high.is_finite()) {
                return (0.0, 1.0);
            }
            // So that the span is finite too.
            let (low, high) = (low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300));
            let size = low.abs().max(high.abs());
            if high - low > 1e-9 * size && high - low > 1e-290 {
                (low, high)
            } else if size < 1e-280 {
                (-1.0, 1.0)
            } else {
                (low - 0.1 * size, high + 0.1 * size)
            }
        }
        Scale::Log => {
            if !(low > 0.0 && high.is_finite()) {
                return (0.1, 10.0);
            }
            let (low, high) = (low.clamp(1e-290, 1e290), high.clamp(1e-290, 1e290));
            if high / low > 1.0 + 1e-9 { (low, high) } else { (low / 2.0, high * 2.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_ranges_still_give_a_domain() {
        let odd =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 3.0, 1e308, -1e308, 5e-324];
        for a in odd {
            for b in odd {
                for axis in [Axis::new("x"), Axis::new("x").log()] {
                    for axis in [axis.clone(), axis.within(a, b)] {
                        let domain = Domain::of(&axis, [a, b].into_iter(), 5);
                        assert!(domain.low < domain.high, "{a} {b} {domain:?}");
                        assert!((domain.high - domain.low).is_finite());
                        assert!((1..=41).contains(&domain.ticks.len()), "{a} {b} {domain:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_reversed_range_is_turned() {
        let domain = Domain::of(&Axis::new("x").within(1.0, 0.0), std::iter::empty(), 5);
        assert_eq!((domain.low, domain.high), (0.0, 1.0));
        assert_eq!(domain.unit(0.25), Some(0.25));
        assert_eq!(domain.unit(f64::NAN), None);
    }

    #[test]
    fn log_places_ratios_evenly() {
        let domain = Domain::between(Scale::Log, 1.0, 100.0, 5);
        assert!((domain.unit(10.0).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(domain.unit(0.0), None);
        assert_eq!(domain.unit(-1.0), None);
    }

    #[test]
    fn data_near_round_numbers_end_there() {
        let domain = Domain::of(&Axis::new("x"), [0.02, 0.97].into_iter(), 5);
        assert_eq!((domain.low, domain.high), (0.0, 1.0));
    }
}
