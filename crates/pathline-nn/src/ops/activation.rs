//! Activation functions, each giving its value and its slope from one exponential.
//!
//! | name | `a(z)` |
//! |---|---|
//! | SELU | `s z` for `z > 0`, else `s alpha (e^z - 1)` |
//! | SiLU | `z / (1 + e^-z)` |
//! | GELU | `z / (1 + e^-2w)`, `w = sqrt(2 / pi) (z + 0.044715 z^3)`: the tanh form |
//! | GELU, erf | `z Phi(z)`, `Phi(z) = (1 + erf(z / sqrt(2))) / 2`: the exact form |
//! | ReLU | `max(z, 0)` |
//! | Tanh | `tanh z` |
//!
//! Training keeps the slope `a'(z)` in place of `z`, so that going backward is one product an
//! element and never an exponential.
//!
//! # References
//! SELU: Klambauer et al. (2017), arXiv:1706.02515, equation 2. GELU: Hendrycks and Gimpel (2016),
//! arXiv:1606.08415, section 2, both forms. SiLU: Elfwing et al. (2018), arXiv:1702.03118, equation 2.
//! The tail of `Phi`: Abramowitz and Stegun (1964), the form of 7.1.26 with more terms.
//!
//! # Not to be confused with
//! Each other: PyTorch's `GELU()` is the erf form, `GELU(approximate="tanh")` the tanh form, as in DiT
//! and SiT. They differ by up to `5e-4`.

use pathline::kernels::vectorised;

use super::exponential::{exp, sigmoid};

/// `s` of SELU.
const SELU_SCALE: f32 = 1.050_701;
/// `s alpha` of SELU.
const SELU_NEGATIVE: f32 = 1.758_099_3;
/// `sqrt(2 / pi)`.
const GELU_SCALE: f32 = 0.797_884_6;
/// The cubic coefficient of GELU's tanh form.
const GELU_CUBE: f32 = 0.044_715;
/// `1 / sqrt(2 pi)`.
const NORMAL_PEAK: f32 = 0.398_942_3;
/// `p` of the substitution `t = 1 / (1 + p |z|)` in [`gelu_erf`].
const TAIL_POLE: f32 = 0.23;
/// `Phi(-|z|) e^(z^2 / 2) / t` as a polynomial in `t`, the highest power first: interpolated at Chebyshev
/// points of `|z| <= 13`, to within `4e-7` of the value.
const TAIL: [f32; 8] = [
    -0.076_281_77,
    0.279_115_65,
    -0.253_240_56,
    0.271_040_53,
    -0.010_379_778,
    0.109_184_62,
    0.088_616_71,
    0.091_944_6,
];

/// The function between two linear layers.
///
/// # Examples
/// ```
/// use pathline_nn::Activation;
/// assert_eq!(serde_json::from_str::<Activation>("\"selu\"").ok(), Some(Activation::Selu));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Activation {
    /// Scaled exponential linear unit, the activation of torchcfm's networks: `1.0507 z` for `z > 0`,
    /// else `1.7581 (e^z - 1)`.
    Selu,
    /// `z / (1 + e^-z)`; also called swish.
    Silu,
    /// Gaussian error linear unit in its tanh form: `z / (1 + e^-2w)` with
    /// `w = sqrt(2 / pi) (z + 0.044715 z^3)`; up to `5e-4` from the erf form.
    Gelu,
    /// Gaussian error linear unit in its exact form, PyTorch's default: `z (1 + erf(z / sqrt(2))) / 2`,
    /// within `1e-6`. Written `gelu-erf`.
    #[serde(rename = "gelu-erf")]
    GeluErf,
    /// The positive part, `max(z, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

/// Value and slope at `z`.
type Pair = (f32, f32);

#[inline(always)]
fn selu(z: f32) -> Pair {
    let e = exp(z);
    if z > 0.0 {
        (SELU_SCALE * z, SELU_SCALE)
    } else {
        (SELU_NEGATIVE * (e - 1.0), SELU_NEGATIVE * e)
    }
}

#[inline(always)]
fn silu(z: f32) -> Pair {
    let s = sigmoid(z);
    (z * s, s + z * s * (1.0 - s))
}

#[inline(always)]
fn gelu(z: f32) -> Pair {
    let square = z * z;
    let s = sigmoid(2.0 * GELU_SCALE * z * (1.0 + GELU_CUBE * square));
    let inner = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * square);
    (z * s, s + z * s * (1.0 - s) * inner)
}

#[inline(always)]
fn gelu_erf(z: f32) -> Pair {
    let t = 1.0 / (1.0 + TAIL_POLE * z.abs());
    let mut sum = 0.0;
    for coefficient in TAIL {
        sum = sum * t + coefficient;
    }
    let bell = exp(-0.5 * z * z);
    let tail = sum * t * bell;
    // The small side is computed and the large one is 1 less it: far out nothing cancels.
    let below = if z < 0.0 { tail } else { 1.0 - tail };
    (z * below, below + z * NORMAL_PEAK * bell)
}

#[inline(always)]
fn relu(z: f32) -> Pair {
    if z <= 0.0 { (0.0, 0.0) } else { (z, 1.0) }
}

#[inline(always)]
fn tanh(z: f32) -> Pair {
    let y = 1.0 - 2.0 / (exp(2.0 * z) + 1.0);
    (y, 1.0 - y * y)
}

fn map(z: &mut [f32], bias: &[f32], f: impl Fn(f32) -> Pair) {
    vectorised(
        #[inline(always)]
        || {
            for row in z.chunks_exact_mut(bias.len().max(1)) {
                for (z, b) in row.iter_mut().zip(bias) {
                    *z = f(*z + b).0;
                }
            }
        },
    );
}

fn map_saving(z: &mut [f32], bias: &[f32], slope: &mut [f32], f: impl Fn(f32) -> Pair) {
    let width = bias.len().max(1);
    vectorised(
        #[inline(always)]
        || {
            for (row, slope) in z.chunks_exact_mut(width).zip(slope.chunks_exact_mut(width)) {
                for ((z, b), slope) in row.iter_mut().zip(bias).zip(slope) {
                    (*z, *slope) = f(*z + b);
                }
            }
        },
    );
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Selu, Self::Silu, Self::Gelu, Self::GeluErf, Self::Relu, Self::Tanh];

    /// `z = a(z + bias)` for each row, all as long as `bias`.
    pub(crate) fn apply(self, z: &mut [f32], bias: &[f32]) {
        match self {
            Self::Selu => map(z, bias, selu),
            Self::Silu => map(z, bias, silu),
            Self::Gelu => map(z, bias, gelu),
            Self::GeluErf => map(z, bias, gelu_erf),
            Self::Relu => map(z, bias, relu),
            Self::Tanh => map(z, bias, tanh),
        }
    }

    /// `z = a(z + bias)` and `slope = a'(z + bias)` for each row.
    pub(crate) fn apply_saving(self, z: &mut [f32], bias: &[f32], slope: &mut [f32]) {
        match self {
            Self::Selu => map_saving(z, bias, slope, selu),
            Self::Silu => map_saving(z, bias, slope, silu),
            Self::Gelu => map_saving(z, bias, slope, gelu),
            Self::GeluErf => map_saving(z, bias, slope, gelu_erf),
            Self::Relu => map_saving(z, bias, slope, relu),
            Self::Tanh => map_saving(z, bias, slope, tanh),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The textbook formulas in double precision, by the system's functions.
    pub(in crate::ops) fn reference(activation: Activation, z: f64) -> f64 {
        match activation {
            Activation::Selu if z > 0.0 => 1.050_700_987_355_480_5 * z,
            Activation::Selu => 1.050_700_987_355_480_5 * 1.673_263_242_354_377_2 * z.exp_m1(),
            Activation::Silu => z / (1.0 + (-z).exp()),
            Activation::Gelu => {
                let w = (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044_715 * z.powi(3));
                0.5 * z * (1.0 + w.tanh())
            }
            Activation::GeluErf => 0.5 * z * libm::erfc(-z / std::f64::consts::SQRT_2),
            Activation::Relu => z.max(0.0),
            Activation::Tanh => z.tanh(),
        }
    }

    #[test]
    fn values_and_slopes_match_the_formulas() {
        for activation in Activation::ALL {
            // Off zero, where ReLU and SELU have a kink.
            for i in -2000..2000 {
                let z = (f64::from(i) + 0.5) * 0.01;
                let (mut value, mut slope) = ([z as f32], [0.0]);
                let z = f64::from(value[0]);
                activation.apply_saving(&mut value, &[0.0], &mut slope);
                let h = 1e-5;
                let wanted = reference(activation, z);
                let wanted_slope =
                    (reference(activation, z + h) - reference(activation, z - h)) / (2.0 * h);
                // Two or three f32 roundings of numbers up to |z| + 1.
                let near = 4e-7 * (1.0 + z.abs());
                assert!((f64::from(value[0]) - wanted).abs() < near, "{activation:?} at {z}");
                assert!(
                    (f64::from(slope[0]) - wanted_slope).abs() < 2e-6,
                    "{activation:?}' at {z}"
                );
            }
        }
    }

    #[test]
    fn saving_changes_no_byte_and_bias_is_added_first() {
        for activation in Activation::ALL {
            let z: Vec<f32> = (0..33_u8).map(|i| f32::from(i) * 0.3 - 5.0).collect();
            let bias: Vec<f32> = (0..33_u8).map(|i| f32::from(i) * 0.01).collect();
            let shifted: Vec<f32> = z.iter().zip(&bias).map(|(z, b)| z + b).collect();
            let (mut plain, mut saving, mut moved) = (z.clone(), z, shifted);
            let mut slope = vec![0.0; 33];
            activation.apply(&mut plain, &bias);
            activation.apply_saving(&mut saving, &bias, &mut slope);
            activation.apply(&mut moved, &[0.0; 33]);
            assert_eq!(plain, saving);
            assert_eq!(plain, moved);
        }
    }

    #[test]
    fn nan_is_never_hidden_and_large_arguments_stay_finite() {
        for activation in Activation::ALL {
            let mut z = [f32::NAN, 1e4, -1e4];
            activation.apply(&mut z, &[0.0; 3]);
            assert!(z[0].is_nan(), "{activation:?}");
            assert!(z[1].is_finite() && z[2].is_finite(), "{activation:?}");
        }
    }

    #[test]
    fn the_erf_form_is_within_a_millionth_and_its_slope_too() {
        let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let mut worst = [0.0_f64; 2];
        for i in -160_000..=160_000 {
            let z = i as f32 * 1e-4;
            let (mut value, mut slope) = ([z], [0.0]);
            Activation::GeluErf.apply_saving(&mut value, &[0.0], &mut slope);
            let z = f64::from(z);
            let below = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
            worst[0] = worst[0].max((f64::from(value[0]) - z * below).abs());
            worst[1] = worst[1].max((f64::from(slope[0]) - below - z * density(z)).abs());
        }
        assert!(worst[0] < 1e-6 && worst[1] < 1e-6, "{worst:?}");
    }

    #[test]
    fn the_two_forms_of_gelu_differ_by_what_is_said() {
        let apart = |i: i32| {
            let (mut exact, mut tanh) = ([i as f32 * 1e-3], [i as f32 * 1e-3]);
            Activation::GeluErf.apply(&mut exact, &[0.0]);
            Activation::Gelu.apply(&mut tanh, &[0.0]);
            (exact[0] - tanh[0]).abs()
        };
        let most = (-6000..6000).map(apart).fold(0.0, f32::max);
        assert!((4e-4..5e-4).contains(&most), "{most:e}");
    }

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let names = ["selu", "silu", "gelu", "gelu-erf", "relu", "tanh"];
        for (activation, name) in Activation::ALL.into_iter().zip(names) {
            let text = format!("\"{name}\"");
            assert_eq!(serde_json::to_string(&activation).unwrap(), text);
            assert_eq!(serde_json::from_str::<Activation>(&text).unwrap(), activation);
        }
    }
}
