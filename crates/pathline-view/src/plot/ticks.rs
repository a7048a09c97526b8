//! Where an axis carries labels: at round numbers.
//!
//! Linear steps are 1, 2 or 5 times a power of ten. Log axes take decades, with 2 and 5 between
//! them where few decades are shown.
//!
//! # References
//! - P. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990 (the steps).

use crate::number::{number, trimmed, typeset};

/// A position on an axis and its label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub at: f64,
    pub label: String,
}

/// The round step that cuts `span` into about `target` parts.
pub(crate) fn step(span: f64, target: usize) -> f64 {
    let rough = span / target.max(1) as f64;
    let unit = 10_f64.powf(rough.log10().floor());
    let factor = match rough / unit {
        r if r < 1.5 => 1.0,
        r if r < 3.5 => 2.0,
        r if r < 7.5 => 5.0,
        _ => 10.0,
    };
    factor * unit
}

/// Ticks of a linear axis inside `low..=high`.
///
/// The bounds are finite, ordered and apart (see `axis::bounds`); anything else gives no tick.
pub(crate) fn linear(low: f64, high: f64, target: usize) -> Vec<Tick> {
    let step = step(high - low, target);
    if !step.is_finite() || step <= 0.0 {
        return vec![];
    }
    // A thousandth of a step forgives rounding at the ends; the cap bounds the loop whatever comes.
    let first = (low / step - 1e-3).ceil();
    let last = (high / step + 1e-3).floor();
    let count = (last - first).clamp(0.0, 40.0) as usize;
    let largest = low.abs().max(high.abs());
    let decimals = (-step.log10().floor()).max(0.0);
    let plain = largest < 1.0e5 && decimals <= 4.0;
    (0..=count)
        .map(|k| (first + k as f64) * step)
        .filter(|at| at.is_finite())
        .map(|at| {
            let text = if plain {
                format!("{at:.*}", decimals as usize)
            } else if at.abs() < step / 2.0 {
                "0".to_owned()
            } else {
                number(at)
            };
            let text = if trimmed(&text) == "0" { "0".to_owned() } else { text };
            Tick { at, label: typeset(&text) }
        })
        .collect()
}

/// Ticks of a log axis inside `low..=high`, both positive.
pub(crate) fn log(low: f64, high: f64, target: usize) -> Vec<Tick> {
    if !(low > 0.0 && high > low && high.is_finite()) {
        return vec![];
    }
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let decades = high.log10() - low.log10();
    let factors: &[f64] = if decades <= 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let stride = (decades / (target + 2) as f64).ceil().max(1.0) as usize;
    let inside = |at: &f64| *at >= low * (1.0 - 1e-9) && *at <= high * (1.0 + 1e-9);
    let at: Vec<f64> = (first..=last)
        .filter(|e| stride == 1 || e.rem_euclid(stride as i32) == 0)
        .flat_map(|e| factors.iter().map(move |f| f * 10_f64.powi(e)))
        .filter(inside)
        .collect();
    if at.len() < 2 {
        // Less than a factor of two shown: round linear steps serve better than one lonely label.
        return linear(low, high, target);
    }
    // One style an axis: powers where any decade is far from one and only decades are labelled.
    let far = |at: &f64| !(1.0e-3..1.0e5).contains(at);
    let powers = factors.len() == 1 && at.iter().any(far);
    let label = |at: f64| if powers { power(at) } else { typeset(&number(at)) };
    at.into_iter().map(|at| Tick { at, label: label(at) }).collect()
}

/// A decade as `10⁻⁵`.
fn power(at: f64) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let exponent = format!("{:.0}", at.log10());
    let raised = exponent.chars().map(|c| match c.to_digit(10) {
        Some(d) => digits[d as usize % 10],
        None => '⁻',
    });
    format!("10{}", raised.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&linear(0.0, 1.0, 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear(-3.0, 3.0, 4)), ["\u{2212}2", "0", "2"]);
        assert_eq!(
            labels(&linear(0.0, 2.0e6, 4)),
            ["0", "500000", "1e6", "1.5e6", "2e6"].map(String::from)
        );
        assert_eq!(linear(0.1, 0.3, 4).len(), 5, "rounding does not eat the ends");
    }

    #[test]
    fn log_ticks_are_decades() {
        assert_eq!(labels(&log(1.0, 100.0, 5)), ["1", "2", "5", "10", "20", "50", "100"]);
        assert_eq!(labels(&log(1e-5, 1e-2, 5)), ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"]);
        assert!(log(1e-300, 1e300, 5).len() <= 8);
        assert!(log(1.1, 1.3, 5).len() >= 2);
    }

    #[test]
    fn senseless_bounds_end() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e308, -1e308, 5e-324];
        for a in odd {
            for b in odd {
                assert!(linear(a, b, 5).len() <= 41);
                assert!(log(a, b, 5).len() <= 41);
            }
        }
    }
}
