//! The time of a sample as cosines and sines of geometrically spaced frequencies.
//!
//! `[cos(t w_0) .. cos(t w_{h-1}), sin(t w_0) .. sin(t w_{h-1})]` with `w_i = 10000^(-i/h)`, for a width
//! of `2 h`. The time is taken as it is, in `[0, 1]`, times `factor`: SiT's networks take 1, others 1000.
//!
//! # References
//! Vaswani et al. (2017), arXiv:1706.03762, section 3.5; Nichol and Dhariwal (2021), arXiv:2102.09672
//! (cosines first).

use crate::graph::operation::{Back, Call, Operation, Work};

/// One row a sample; no inputs, no parameters.
#[derive(Debug, Clone)]
pub(crate) struct TimeEmbedding {
    frequencies: Vec<f64>,
}

impl TimeEmbedding {
    /// An embedding of `width` values (an even number) of `factor * t`.
    pub(crate) fn new(width: usize, factor: f64) -> Self {
        let half = width / 2;
        let frequency = |i: usize| factor * libm::exp(-10_000_f64.ln() * i as f64 / half as f64);
        Self { frequencies: (0..half).map(frequency).collect() }
    }
}

impl Operation for TimeEmbedding {
    fn forward(
        &self,
        call: &Call<'_>,
        _: &[&[f32]],
        output: &mut [f32],
        _: &mut [f32],
        _: &mut Work,
    ) {
        let half = self.frequencies.len();
        for i in 0..call.samples {
            let (before, row) = output.split_at_mut(2 * half * i);
            // Most runs give all samples one time.
            if i > 0 && call.time(i) == call.time(i - 1) {
                row[..2 * half].copy_from_slice(&before[2 * half * (i - 1)..]);
                continue;
            }
            let (cosines, sines) = row[..2 * half].split_at_mut(half);
            for ((cosine, sine), w) in cosines.iter_mut().zip(sines).zip(&self.frequencies) {
                let (s, c) = libm::sincos(call.time(i) * w);
                (*cosine, *sine) = (c as f32, s as f32);
            }
        }
    }

    fn backward(&self, _: &Call<'_>, _: Back<'_, '_>, _: &mut Work) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operation::Extent;
    use crate::ops::check::{Check, time};
    use pathline::kernels::ProductPrecision;

    /// Samples 0 and 1 of the check have one time, sample 2 has another.
    #[test]
    fn each_sample_gets_the_waves_of_its_own_time() {
        for (width, factor) in [(2, 1.0), (14, 1.0), (14, 1000.0), (34, 1000.0)] {
            for samples in [1, 5] {
                let check = Check {
                    operation: &TimeEmbedding::new(width, factor),
                    inputs: vec![],
                    output: Extent { rows: 1, width },
                    parameters: 0,
                    samples,
                    precision: ProductPrecision::F32,
                };
                check.run(1e-6, |_, _| {
                    let entry = |e: usize| {
                        let (sample, c, half) = (e / width, e % width, width / 2);
                        let frequency = 10_000_f64.powf(-((c % half) as f64) / half as f64);
                        let angle = factor * time(sample) * frequency;
                        if c < half { angle.cos() } else { angle.sin() }
                    };
                    (0..samples * width).map(entry).collect()
                });
            }
        }
    }
}
