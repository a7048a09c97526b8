//! In which numbers a network's matrix products multiply.

use super::bf16::{has_bf16_unit, multiply_bf16};
use super::product::{Strided, multiply};
use crate::error::Error;

/// The numbers that the factors of a network's matrix products are rounded to. Sums, parameters, moments and
/// everything between products stay `f32`.
///
/// With `bf16` a velocity differs by some tenths of a percent. It is faster where the processor has a unit for
/// it ([`has_bf16_unit`]), and far slower elsewhere. Attention between tokens, and convolutions of stride 2 or
/// of other channel counts than multiples of 32, stay in `f32`.
///
/// # Examples
/// ```
/// use pathline::kernels::ProductPrecision;
/// assert_eq!("bf16".parse::<ProductPrecision>()?, ProductPrecision::Bf16);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductPrecision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa.
    Bf16,
}

impl ProductPrecision {
    /// What takes the least time on this machine.
    #[must_use]
    pub fn fastest() -> Self {
        if has_bf16_unit() { Self::Bf16 } else { Self::F32 }
    }

    /// `out = scale * left * right + keep * out` by factors in these numbers; see [`multiply`]. For `bf16` one
    /// stride of each factor must be 1.
    pub fn multiply(
        self,
        extents: [usize; 3],
        left: Strided<'_>,
        right: Strided<'_>,
        scale: [f32; 2],
        out: (&mut [f32], usize),
    ) {
        match self {
            Self::F32 => multiply(extents, left, right, scale, out),
            Self::Bf16 => multiply_bf16(extents, left, right, scale, out),
        }
    }

    /// Whether nothing is rounded.
    #[must_use]
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}

impl std::fmt::Display for ProductPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl std::str::FromStr for ProductPrecision {
    type Err = Error;

    /// `f32`, `bf16`, or `fastest` ([`ProductPrecision::fastest`]).
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "fastest" => Ok(Self::fastest()),
            _ => Err(Error::invalid("precision", name, "known are f32, bf16 and fastest")),
        }
    }
}
