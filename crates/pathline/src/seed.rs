//! Randomness as a value: (seed, purpose, sample, step) names a stream of numbers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The root of all randomness of a run.
///
/// Noise for a sample depends on nothing but the seed, what it is for, the sample's global index
/// and the step. Batch size, thread count and sharding cannot change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a stream of random numbers is for; two purposes never share a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// The source sample `x_0`.
    Source,
    /// Choosing target samples from a data set.
    Target,
    /// Training times.
    Time,
    /// Network parameters at the start of training.
    Parameters,
    /// Noise added along a run or to a finished sample (controls, stochastic solvers).
    Noise,
    /// Resampling and subsampling of statistics.
    Resample,
    /// Synthetic data sets.
    Data,
    /// Random projections and divergence probes.
    Probe,
}

impl Seed {
    /// The stream of one sample at one step, for one purpose.
    ///
    /// # Examples
    /// ```
    /// use pathline::{Purpose, Seed};
    /// let mut a = [0.0_f32; 3];
    /// let mut b = [0.0_f32; 5];
    /// Seed(7).stream(Purpose::Source, 4, 0).fill_normal(&mut a);
    /// Seed(7).stream(Purpose::Source, 4, 0).fill_normal(&mut b);
    /// assert_eq!(a, b[..3]);
    /// ```
    #[must_use]
    pub fn stream(self, purpose: Purpose, sample: u64, step: u64) -> Stream {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64 + 1).to_le_bytes());
        key[16..24].copy_from_slice(&step.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(sample);
        Stream { generator }
    }

    /// Standard normal noise for one row.
    pub fn normal(self, purpose: Purpose, sample: u64, step: u64, out: &mut [f32]) {
        self.stream(purpose, sample, step).fill_normal(out);
    }
}

/// A stream of random numbers, portable across machines.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: ChaCha8Rng,
}

impl Stream {
    /// Uniform in `[0, 1)`, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in `0..n` (0 when `n` is 0), by Lemire's multiplication; the bias is below `n / 2^64`.
    pub fn below(&mut self, n: usize) -> usize {
        let product = u128::from(self.generator.next_u64()) * n as u128;
        (product >> 64) as usize
    }

    /// Two independent standard normals.
    ///
    /// # References
    /// Box and Muller (1958), "A note on the generation of random normal deviates". `libm` rather
    /// than the platform's functions, so that every machine draws the same.
    pub fn normal_pair(&mut self) -> (f64, f64) {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * self.uniform());
        (radius * cos, radius * sin)
    }

    /// One standard normal.
    pub fn normal(&mut self) -> f64 {
        self.normal_pair().0
    }

    /// Fills `out` with standard normals.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for pair in out.chunks_mut(2) {
            let (a, b) = self.normal_pair();
            pair[0] = a as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = b as f32;
            }
        }
    }

    /// A random order of `0..n` (Fisher-Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_every_part_of_their_name() {
        let first =
            |seed: u64, purpose, sample, step| Seed(seed).stream(purpose, sample, step).uniform();
        let base = first(1, Purpose::Source, 2, 3);
        assert_ne!(base, first(2, Purpose::Source, 2, 3));
        assert_ne!(base, first(1, Purpose::Target, 2, 3));
        assert_ne!(base, first(1, Purpose::Source, 3, 3));
        assert_ne!(base, first(1, Purpose::Source, 2, 4));
        assert_eq!(base, first(1, Purpose::Source, 2, 3));
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut values = vec![0.0_f32; 200_000];
        Seed(3).normal(Purpose::Source, 0, 0, &mut values);
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|&v| f64::from(v).powi(p)).sum::<f64>() / n;
        // Five standard errors of each moment.
        assert!(moment(1).abs() < 5.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        assert!(moment(3).abs() < 5.0 * (15.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 5.0 * (96.0 / n).sqrt());
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Seed(5).stream(Purpose::Resample, 0, 0).permutation(100);
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert_eq!(Seed(5).stream(Purpose::Resample, 0, 0).below(0), 0);
    }
}
