//! Sixteen channels at a time: the widest vector of any machine. Inline into
//! [`vectorised`](pathline::kernels::vectorised) work.

use std::ops::{Add, Mul, Sub};

pub(crate) const LANES: usize = 16;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane(pub(super) [f32; LANES]);

impl Lane {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// The values from `at` on, which are there because widths are multiples of [`LANES`].
    #[inline(always)]
    pub(crate) fn load(from: &[f32], at: usize) -> Self {
        let mut lane = [0.0; LANES];
        lane.copy_from_slice(&from[at..at + LANES]);
        Self(lane)
    }

    /// The first `count` values from `at` on, then zeros.
    #[inline(always)]
    pub(crate) fn load_some(from: &[f32], at: usize, count: usize) -> Self {
        if count == LANES {
            return Self::load(from, at);
        }
        let mut lane = Self::ZERO;
        lane.0[..count].copy_from_slice(&from[at..at + count]);
        lane
    }

    /// Stores the first `count` values.
    #[inline(always)]
    pub(crate) fn store_some(self, into: &mut [f32], at: usize, count: usize) {
        if count == LANES {
            return self.store(into, at);
        }
        into[at..at + count].copy_from_slice(&self.0[..count]);
    }

    /// `f` of each value.
    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f32) -> f32) -> Self {
        let mut values = self;
        for value in &mut values.0 {
            *value = f(*value);
        }
        values
    }

    /// Of pixels outside of an image, zeros.
    #[inline(always)]
    pub(crate) fn load_inside(from: &[f32], pixel: Option<usize>, at: usize) -> Self {
        match pixel {
            Some(pixel) => Self::load(from, pixel + at),
            None => Self::ZERO,
        }
    }

    /// Stores at a pixel inside of an image.
    #[inline(always)]
    pub(crate) fn store_inside(self, into: &mut [f32], pixel: Option<usize>, at: usize) {
        if let Some(pixel) = pixel {
            self.store(into, pixel + at);
        }
    }

    /// Adds at a pixel inside of an image.
    #[inline(always)]
    pub(crate) fn add_inside(self, into: &mut [f32], pixel: Option<usize>, at: usize) {
        if let Some(pixel) = pixel {
            (Self::load(into, pixel + at) + self).store(into, pixel + at);
        }
    }

    #[inline(always)]
    pub(crate) fn store(self, into: &mut [f32], at: usize) {
        into[at..at + LANES].copy_from_slice(&self.0);
    }
}

impl Add for Lane {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut sum = self;
        for i in 0..LANES {
            sum.0[i] += other.0[i];
        }
        sum
    }
}

impl Sub for Lane {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut difference = self;
        for i in 0..LANES {
            difference.0[i] -= other.0[i];
        }
        difference
    }
}

impl Mul for Lane {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut product = self;
        for i in 0..LANES {
            product.0[i] *= other.0[i];
        }
        product
    }
}

impl Mul<f32> for Lane {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f32) -> Self {
        let mut product = self;
        for i in 0..LANES {
            product.0[i] *= factor;
        }
        product
    }
}
