//! Numbers as readers want them: three to four significant digits.

/// `value` with up to four significant digits, for people.
///
/// Whole numbers below a million are shown in full, `NaN` is `n/a`, zero has no sign, and what is
/// very large or very small is written `1.234e-5`. Trailing zeros are dropped.
///
/// # Examples
/// ```
/// use pathline_view::number;
/// assert_eq!(number(0.123456), "0.1235");
/// assert_eq!(number(-0.0), "0");
/// assert_eq!(number(50_000.0), "50000");
/// assert_eq!(number(1.0e-7), "1e-7");
/// assert_eq!(number(f64::NAN), "n/a");
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "n/a".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1.0e6 && size.fract() == 0.0 {
        return format!("{value:.0}");
    }
    if (1.0e-3..1.0e5).contains(&size) {
        // The range bounds the exponent to -3..=4.
        let exponent = size.log10().floor() as i32;
        let decimals = usize::try_from(3 - exponent).unwrap_or(0);
        return trimmed(&format!("{value:.decimals$}"));
    }
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
        None => text,
    }
}

/// A decimal without trailing zeros and without a lone point.
pub(crate) fn trimmed(text: &str) -> String {
    let short =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// The same with a true minus sign, for the page.
pub(crate) fn typeset(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// A coordinate of a picture: one decimal at most.
pub(crate) fn coordinate(value: f64) -> String {
    // Far outside any picture nothing is seen; the clamp keeps the text short.
    trimmed(&format!("{:.1}", value.clamp(-1.0e5, 1.0e5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_digits_and_no_surprises() {
        for (value, text) in [
            (1.0, "1"),
            (-0.00004, "-4e-5"),
            (99_999.9, "100000"),
            (123_456_789.0, "1.235e8"),
            (12.3456, "12.35"),
            (0.999_99, "1"),
            (-1.5, "-1.5"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::MAX, "1.798e308"),
            (f64::MIN_POSITIVE, "2.225e-308"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(coordinate(-0.01), "0");
        assert_eq!(coordinate(f64::MAX), "100000");
        assert_eq!(coordinate(10.0), "10");
    }
}
