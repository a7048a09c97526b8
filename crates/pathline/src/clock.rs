//! Clocks: which times count most. Training draws its times by one, and sampling may [step](Clock::grid) by the same
//! one, at its quantiles. All are stated on our clock, `t = 0` source, `t = 1` target.
//!
//! | name | a time, with `u` uniform and `n` normal | distribution function |
//! |---|---|---|
//! | uniform | `u` | `t` |
//! | logit-normal | `sigmoid(mean + std n)` | `Phi((logit t - mean) / std)` |
//! | mode | `u + scale (u - sin^2(pi u / 2))` | its inverse |
//! | cosmap | `1 / (1 + cot(pi u / 2))` | `(2 / pi) atan(t / (1 - t))` |
//! | beta | `g_alpha / (g_alpha + g_beta)`, gamma variates | the incomplete beta function |
//! | shifted | `t / (a + (1 - a) t)` of another clock's `t` | that clock's at `a t / (1 - (1 - a) t)` |
//!
//! A shift subtracts `ln a` from `logit t`, so a shifted logit-normal clock is the one whose mean is
//! `mean - ln a`.
//!
//! # References
//! Esser et al. (2024), "Scaling rectified flow transformers for high-resolution image synthesis",
//! arXiv:2403.03206, section 3.1 (logit-normal, mode, cosmap) and equation 23 (shift). Marsaglia and
//! Tsang (2000), "A simple method for generating gamma variables", for beta.
//!
//! # Not to be confused with
//! The same names in SD3 and its descendants, which are stated on `sigma = 1 - t`: their logit-normal
//! mean is minus ours, and their `beta(a, b)` is our `beta(b, a)`. Mode, cosmap and shift come out the
//! same on both. A *time grid* is where sampling steps; a clock says where times lie densely.

use std::f64::consts::{FRAC_PI_2, PI};
use std::str::FromStr;

use crate::error::Error;
use crate::seed::Stream;
use crate::statistics::{incomplete_beta, normal_quantile};
use crate::time_grid::TimeGrid;

/// Names, as they are written on a command line.
const KNOWN: &str = "uniform, logit-normal[:mean,std], mode[:scale], cosmap, beta:alpha,beta, \
                     shifted:a, or JSON such as {\"kind\": \"uniform\"}";

/// Where times lie densely; see the [module](self) for formulas and sources.
///
/// # Examples
/// ```
/// use pathline::{Clock, Purpose, Seed};
/// let clock: Clock = "logit-normal:-0.5,1".parse()?;
/// assert_eq!(clock, Clock::LogitNormal { mean: -0.5, std: 1.0 });
/// let t = clock.draw(&mut Seed(1).stream(Purpose::Time, 0, 0));
/// assert!((0.0..=1.0).contains(&t));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Clock {
    /// Every time alike.
    Uniform {},
    /// `sigmoid(mean + std n)`: most at middling times, or early for a negative mean.
    LogitNormal {
        /// Mean of `logit t`, finite; minus that of SD3, whose times are `sigma`.
        mean: f64,
        /// Standard deviation of `logit t`, positive and finite.
        std: f64,
    },
    /// More middling times for a positive scale, more early and late ones for a negative.
    Mode {
        /// From -1 to `2 / (pi - 2)`, about 1.7519, where the map stops being monotone.
        scale: f64,
    },
    /// Density `2 / (pi (1 - 2 t + 2 t^2))`: the times whose log ratio of signal to noise is
    /// distributed as under the cosine schedule.
    Cosmap {},
    /// Density proportional to `t^(alpha - 1) (1 - t)^(beta - 1)`.
    Beta {
        /// From 1e-3 to 1e6; larger is later.
        alpha: f64,
        /// From 1e-3 to 1e6; larger is earlier.
        beta: f64,
    },
    /// `t / (a + (1 - a) t)` of another clock's `t`: the same map as `TimeGrid::shifted`.
    Shifted {
        /// `a`, positive and finite; above 1 is earlier.
        shift: f64,
        /// The clock that is shifted.
        of: Box<Clock>,
    },
}

impl Default for Clock {
    fn default() -> Self {
        Self::Uniform {}
    }
}

impl Clock {
    /// The next time, in `[0, 1]`. Takes as many numbers from the stream as it needs.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Uniform {} | Self::Mode { .. } | Self::Cosmap {} => {
                self.of_uniform(stream.uniform())
            }
            Self::LogitNormal { mean, std } => sigmoid(mean + std * stream.normal()),
            Self::Beta { alpha, beta } => {
                let (a, b) = (log_gamma_variate(*alpha, stream), log_gamma_variate(*beta, stream));
                sigmoid(a - b)
            }
            Self::Shifted { shift, of } => shift_time(*shift, of.draw(stream)),
        }
    }

    /// The time before which a share `q` of the draws lies, `q` in `(0, 1)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another share.
    ///
    /// # Examples
    /// ```
    /// use pathline::Clock;
    /// assert!((Clock::Cosmap {}.quantile(0.5)? - 0.5).abs() < 1e-15);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn quantile(&self, q: f64) -> Result<f64, Error> {
        if !(q > 0.0 && q < 1.0) {
            let remedy = "give a share strictly between 0 and 1";
            return Err(Error::invalid("share of a clock's draws", q, remedy));
        }
        Ok(match self {
            Self::LogitNormal { mean, std } => sigmoid(mean + std * normal_quantile(q)?),
            Self::Beta { alpha, beta } => {
                let (mut low, mut high) = (0.0, 1.0);
                for _ in 0..100 {
                    let middle = 0.5 * (low + high);
                    let below = incomplete_beta(middle, *alpha, *beta) < q;
                    if below { low = middle } else { high = middle }
                }
                high
            }
            Self::Shifted { shift, of } => shift_time(*shift, of.quantile(q)?),
            Self::Uniform {} | Self::Mode { .. } | Self::Cosmap {} => self.of_uniform(q),
        })
    }

    /// The grid whose inner times are the clock's quantiles, from 0 to 1: as many draws fall into each step, so
    /// that sampling steps finely where training looked often. That of the uniform clock is
    /// [`TimeGrid::uniform`], that of a shifted one [`TimeGrid::shifted`].
    ///
    /// # Errors
    /// [`Error::Invalid`] as [`Clock::check`], for no step or more than [`TimeGrid::MOST_STEPS`], and where two times
    /// fall together.
    ///
    /// # Examples
    /// ```
    /// use pathline::{Clock, TimeGrid};
    /// let clock: Clock = "shifted:3".parse()?;
    /// let (one, other) = (clock.grid(8)?, TimeGrid::shifted(8, 3.0)?);
    /// assert!(one.times().iter().zip(other.times()).all(|(a, b)| (a - b).abs() < 1e-15));
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn grid(&self, steps: usize) -> Result<TimeGrid, Error> {
        self.check()?;
        TimeGrid::warped(steps, |q| self.quantile(q))
    }

    /// The time of a uniform number, for clocks that are a monotone map of one.
    fn of_uniform(&self, u: f64) -> f64 {
        match self {
            Self::Mode { scale } => {
                let sin = libm::sin(FRAC_PI_2 * u);
                // Rounding, and a scale at the end of its range, may step over an end.
                (u + scale * (u - sin * sin)).clamp(0.0, 1.0)
            }
            Self::Cosmap {} => {
                let (sin, cos) = libm::sincos(FRAC_PI_2 * u);
                sin / (sin + cos)
            }
            _ => u,
        }
    }

    /// Fails unless every number is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number.
    pub fn check(&self) -> Result<(), Error> {
        let within = |what, value: f64, ok: bool, remedy: &str| {
            if ok { Ok(()) } else { Err(Error::invalid(what, value, remedy)) }
        };
        let positive = |v: f64| v > 0.0 && v.is_finite();
        match self {
            Self::Uniform {} | Self::Cosmap {} => Ok(()),
            Self::LogitNormal { mean, std } => {
                let remedy = "must be finite";
                within("mean of a logit-normal clock", *mean, mean.is_finite(), remedy)?;
                let remedy = "must be positive and finite";
                within("std of a logit-normal clock", *std, positive(*std), remedy)
            }
            Self::Mode { scale } => {
                let ok = (-1.0..=2.0 / (PI - 2.0)).contains(scale);
                within(
                    "scale of a mode clock",
                    *scale,
                    ok,
                    "must be from -1 to 2/(pi - 2) = 1.7519",
                )
            }
            Self::Beta { alpha, beta } => [*alpha, *beta].into_iter().try_for_each(|v| {
                let ok = (1e-3..=1e6).contains(&v);
                within("parameter of a beta clock", v, ok, "must be from 1e-3 to 1e6")
            }),
            Self::Shifted { shift, of } => {
                let remedy = "use a positive number; 1 changes nothing";
                within("shift of a clock", *shift, positive(*shift), remedy)?;
                of.check()
            }
        }
    }

    /// Whether this is the uniform clock: what settings without a clock mean.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        *self == Self::Uniform {}
    }
}

/// `t / (a + (1 - a) t)`, written with `1 - t` so that neither term can cancel the other.
fn shift_time(shift: f64, t: f64) -> f64 {
    t / (shift * (1.0 - t) + t)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-z))
}

/// The logarithm of a gamma variate: for a small shape the variate itself would underflow.
fn log_gamma_variate(shape: f64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        // g(a) = g(a + 1) u^(1/a).
        let boost = libm::log(1.0 - stream.uniform()) / shape;
        return log_gamma_variate(shape + 1.0, stream) + boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = stream.normal();
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        if libm::log(1.0 - stream.uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return libm::log(d * v);
        }
    }
}

impl FromStr for Clock {
    type Err = Error;

    /// From `name`, `name:numbers` or JSON.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Spec { place: "clock".to_owned(), problem };
        if text.trim_start().starts_with('{') {
            let clock: Self = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
            return clock.check().map(|()| clock);
        }
        let (name, rest) = text.split_once(':').map_or((text, None), |(n, r)| (n, Some(r)));
        let numbers: Result<Vec<f64>, _> = rest
            .map_or_else(Vec::new, |r| r.split(',').map(|n| n.trim().parse()).collect::<Vec<_>>())
            .into_iter()
            .collect();
        let numbers = numbers.map_err(|_| wrong(format!("`{text}` does not end in numbers")))?;
        let clock = match (name, &numbers[..]) {
            ("uniform", []) => Self::Uniform {},
            ("logit-normal", []) => Self::LogitNormal { mean: 0.0, std: 1.0 },
            ("logit-normal", &[mean, std]) => Self::LogitNormal { mean, std },
            ("mode", []) => Self::Mode { scale: 1.29 },
            ("mode", &[scale]) => Self::Mode { scale },
            ("cosmap", []) => Self::Cosmap {},
            ("beta", &[alpha, beta]) => Self::Beta { alpha, beta },
            ("shifted", &[shift]) => Self::Shifted { shift, of: Box::new(Self::Uniform {}) },
            _ => return Err(wrong(format!("unknown clock `{text}`; known are {KNOWN}"))),
        };
        clock.check().map(|()| clock)
    }
}
