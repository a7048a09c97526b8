//! Weights by name: what is missing or of another shape is said with its name.

use std::collections::BTreeMap;

use pathline::Error;

/// Tensors by name, each with its extents and its values row after row: what a checkpoint holds.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// An error at one tensor.
fn error(name: &str, problem: impl Into<String>) -> Error {
    Error::Spec { place: format!("tensor `{name}`"), problem: problem.into() }
}

/// The values of a tensor that must be there, of this shape and finite.
pub(super) fn get<'a>(
    tensors: &'a Tensors,
    name: &str,
    shape: &[usize],
) -> Result<&'a [f32], Error> {
    let Some((found, values)) = tensors.get(name) else {
        return Err(error(name, format!("missing, expected shape {shape:?}")));
    };
    if found != shape {
        return Err(error(name, format!("expected shape {shape:?}, found {found:?}")));
    }
    let elements = shape.iter().product::<usize>();
    if values.len() != elements {
        let problem = format!("{} values do not fill shape {shape:?}", values.len());
        return Err(error(name, problem));
    }
    if values.iter().all(|v| v.is_finite()) {
        Ok(values)
    } else {
        Err(error(name, "holds values that are not finite; the file is damaged"))
    }
}

/// Scale and shift, channel by channel, of a batch normalisation at rest:
/// `y = scale (x - mean) / sqrt(variance + 1e-3) + bias`.
pub(super) fn normalisation(
    tensors: &Tensors,
    name: &str,
    channels: usize,
) -> Result<Vec<[f64; 2]>, Error> {
    let part = |part: &str| get(tensors, &format!("{name}.{part}"), &[channels]);
    let (scale, bias) = (part("weight")?, part("bias")?);
    let (mean, variance) = (part("running_mean")?, part("running_var")?);
    if variance.iter().any(|&v| v < 0.0) {
        return Err(error(&format!("{name}.running_var"), "holds a variance below 0"));
    }
    Ok((0..channels)
        .map(|c| {
            let factor = f64::from(scale[c]) / (f64::from(variance[c]) + 1e-3).sqrt();
            [factor, f64::from(bias[c]) - f64::from(mean[c]) * factor]
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(entries: &[(&str, &[usize], &[f32])]) -> Tensors {
        let entries = entries.iter();
        entries.map(|(n, s, v)| ((*n).to_owned(), (s.to_vec(), v.to_vec()))).collect()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let found = tensors(&[
            ("a", &[2], &[1.0, 2.0]),
            ("short", &[2], &[1.0]),
            ("nan", &[1], &[f32::NAN]),
        ]);
        assert_eq!(get(&found, "a", &[2]).unwrap(), &[1.0, 2.0]);
        let text = |name, shape: &[usize]| get(&found, name, shape).unwrap_err().to_string();
        assert_eq!(text("b", &[3]), "tensor `b`: missing, expected shape [3]");
        assert_eq!(text("a", &[1, 2]), "tensor `a`: expected shape [1, 2], found [2]");
        assert!(text("short", &[2]).contains("do not fill"));
        assert!(text("nan", &[1]).contains("not finite"));
    }

    #[test]
    fn a_normalisation_is_one_scale_and_one_shift() {
        let found = tensors(&[
            ("n.weight", &[1], &[3.0]),
            ("n.bias", &[1], &[0.5]),
            ("n.running_mean", &[1], &[2.0]),
            ("n.running_var", &[1], &[0.25]),
        ]);
        let folded = normalisation(&found, "n", 1).unwrap();
        let wanted = |x: f64| 3.0 * (x - 2.0) / 0.251_f64.sqrt() + 0.5;
        for x in [-1.0, 0.0, 4.0] {
            assert!((folded[0][0] * x + folded[0][1] - wanted(x)).abs() < 1e-12);
        }
        let mut negative = found;
        negative.insert("n.running_var".into(), (vec![1], vec![-1.0]));
        let text = normalisation(&negative, "n", 1).unwrap_err().to_string();
        assert!(text.contains("n.running_var"), "{text}");
    }
}
