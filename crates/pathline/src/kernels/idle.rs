//! Memory that is kept from call to call.

use std::sync::{Mutex, PoisonError};

/// Buffers that no thread uses at the moment.
///
/// Their contents mean nothing between calls, so that one from a call that panicked is as good as any.
///
/// # Examples
/// ```
/// use pathline::kernels::Idle;
/// let idle = Idle::<Vec<f32>>::new();
/// let sum = idle.with(Vec::new, |room| {
///     room.resize(3, 1.0);
///     room.iter().sum::<f32>()
/// });
/// assert_eq!(sum, 3.0);
/// assert_eq!(idle.with(Vec::new, |room| room.len()), 3);
/// ```
#[derive(Debug)]
pub struct Idle<T>(Mutex<Vec<T>>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Idle<T> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Does some work with the one given back last, or with a fresh one where there is none.
    pub fn with<R>(&self, fresh: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut buffer = taken.unwrap_or_else(fresh);
        let result = work(&mut buffer);
        idle().push(buffer);
        result
    }
}
