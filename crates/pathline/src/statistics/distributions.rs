//! Quantiles of the normal and of Student's distribution, and tails of the normal and of chi-squared.
//!
//! The quantiles invert the distribution function by bisection: some tens of evaluations, for intervals that
//! are made once. `F(t) = 1 - I(x; nu / 2, 1 / 2) / 2` with `x = nu / (nu + t^2)` for `t >= 0`, and the
//! incomplete beta function `I` by its continued fraction. The tail of chi-squared with `nu` degrees of
//! freedom is `Q(nu / 2, x / 2)`, the incomplete gamma function by its series or its fraction.
//!
//! # References
//! Abramowitz and Stegun (1964), 26.2, 26.4, 26.7, 26.5.8 and 6.5.31 (the fractions); Lentz (1976) and Thompson and
//! Barnett (1986) (its evaluation).

use crate::error::Error;

/// The value that a standard normal stays below with probability `p`.
///
/// # Errors
/// [`Error::Invalid`] when `p` is not in `(0, 1)`.
///
/// # Examples
/// ```
/// let z = pathline::statistics::normal_quantile(0.975)?;
/// assert!((z - 1.959963984540054).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn normal_quantile(p: f64) -> Result<f64, Error> {
    invert(p, normal_tail)
}

/// The value that Student's variable with `degrees` degrees of freedom stays below with
/// probability `p`.
///
/// # Errors
/// [`Error::Invalid`] when `p` is not in `(0, 1)` or `degrees` is not a positive finite number.
///
/// # Examples
/// ```
/// let t = pathline::statistics::student_quantile(0.975, 19.0)?;
/// assert!((t - 2.093024054408263).abs() < 1e-9);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn student_quantile(p: f64, degrees: f64) -> Result<f64, Error> {
    if !(degrees > 0.0 && degrees.is_finite()) {
        let remedy = "give a positive number, as a rule the number of blocks less one";
        return Err(Error::invalid("degrees of freedom", degrees, remedy));
    }
    invert(p, |t| 0.5 * incomplete_beta(degrees / (degrees + t * t), 0.5 * degrees, 0.5))
}

/// The probability that Student's variable with `degrees` degrees of freedom is above `t`; NaN for a `t`
/// that is no number or degrees that are not positive.
///
/// # Examples
/// ```
/// let p = pathline::statistics::student_tail(2.093024054408263, 19.0);
/// assert!((p - 0.025).abs() < 1e-12);
/// ```
#[must_use]
pub fn student_tail(t: f64, degrees: f64) -> f64 {
    if t.is_nan() || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    let beyond = 0.5 * incomplete_beta(degrees / (degrees + t * t), 0.5 * degrees, 0.5);
    if t >= 0.0 { beyond } else { 1.0 - beyond }
}

/// The probability that a standard normal is above `z`.
pub(super) fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// The probability that a chi-squared variable with `degrees` degrees of freedom is above `x`.
pub(super) fn chi_squared_tail(x: f64, degrees: f64) -> f64 {
    upper_incomplete_gamma(0.5 * degrees, 0.5 * x)
}

/// The regularised upper incomplete gamma function `Q(a, x) = Gamma(a, x) / Gamma(a)`.
fn upper_incomplete_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        // The lower function by its series: all terms positive.
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        let mut n = a;
        while term > 1e-17 * sum {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - front * sum;
    }
    // Beyond, by its continued fraction, whose denominators are positive.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut value = d;
    for n in 1..10_000_u32 {
        let n = f64::from(n);
        let term = n * (a - n);
        b += 2.0;
        d = 1.0 / (b + term * d);
        c = b + term / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= 1e-16 {
            break;
        }
    }
    front * value
}

/// The point of a distribution symmetric about 0 from its upper tail (right for arguments `>= 0`).
fn invert(p: f64, tail: impl Fn(f64) -> f64) -> Result<f64, Error> {
    if !(p > 0.0 && p < 1.0) {
        let remedy = "give a probability strictly between 0 and 1";
        return Err(Error::invalid("probability of a quantile", p, remedy));
    }
    let wanted = p.min(1.0 - p);
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high) > wanted && high < 1e300 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if tail(middle) > wanted { low = middle } else { high = middle }
    }
    Ok(if p < 0.5 { -low } else { low })
}

/// The regularised incomplete beta function `I(x; a, b)`: the probability that a beta variable is below `x`.
pub(crate) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on this side; the other side follows by symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_fraction(1.0 - x, b, a);
    }
    incomplete_beta_fraction(x, a, b)
}

fn incomplete_beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..10_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            value *= c * d;
        }
        if (value - before).abs() <= 1e-16 * value.abs() {
            break;
        }
    }
    libm::exp(log_front) * value / a
}
