//! Reading back what JSON cannot hold: it writes a number that is not finite as `null`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A value whose `null`s stand for `NaN`.
pub(crate) trait Nullable: Sized {
    /// The same with `Option` in place of each number.
    type Read: DeserializeOwned;
    /// Puts `NaN` where there is `None`.
    fn mend(read: Self::Read) -> Self;
}

impl Nullable for f64 {
    type Read = Option<f64>;
    fn mend(read: Option<f64>) -> Self {
        read.unwrap_or(f64::NAN)
    }
}

impl Nullable for f32 {
    type Read = Option<f32>;
    fn mend(read: Option<f32>) -> Self {
        read.unwrap_or(f32::NAN)
    }
}

impl<T: Nullable> Nullable for [T; 2] {
    type Read = (T::Read, T::Read);
    fn mend((a, b): Self::Read) -> Self {
        [T::mend(a), T::mend(b)]
    }
}

impl<T: Nullable> Nullable for Vec<T> {
    type Read = Vec<T::Read>;
    fn mend(read: Self::Read) -> Self {
        read.into_iter().map(T::mend).collect()
    }
}

impl<T: Nullable> Nullable for Option<Vec<T>> {
    type Read = Option<Vec<T::Read>>;
    fn mend(read: Self::Read) -> Self {
        read.map(Vec::mend)
    }
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn read<'de, T: Nullable, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::Read::deserialize(from).map(T::mend)
}
