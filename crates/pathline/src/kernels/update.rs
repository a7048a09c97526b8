//! `out = x + sum_j w_j v_j`, the one update that every explicit method makes.

use rayon::prelude::*;

use super::vectorised;

/// Elements handled together: an accumulator that stays in the first-level cache.
const CHUNK: usize = 1024;

/// Writes `x + sum_j w_j v_j` into `out`, of as many vectors as there are weights. Each element is summed in `f64`, in
/// the order of the vectors, and rounded once; a vector of weight 0 is not looked at. Elementwise, so any split over
/// threads gives the same bytes.
///
/// Elements beyond the shortest of the slices are left alone.
pub fn add_scaled(x: &[f32], weights: &[f64], vectors: &[Vec<f32>], out: &mut [f32]) {
    let lengths = vectors.iter().take(weights.len()).map(Vec::len);
    let n = lengths.fold(x.len().min(out.len()), usize::min);
    out[..n].par_chunks_mut(CHUNK * 16).enumerate().for_each(|(part, out)| {
        for (piece, out) in out.chunks_mut(CHUNK).enumerate() {
            let from = part * CHUNK * 16 + piece * CHUNK;
            vectorised(
                #[inline(always)]
                || add_piece(x, (weights, vectors), from, out),
            );
        }
    });
}

#[inline(always)]
fn add_piece(x: &[f32], (weights, vectors): (&[f64], &[Vec<f32>]), from: usize, out: &mut [f32]) {
    let mut sums = [0.0_f64; CHUNK];
    let sums = &mut sums[..out.len()];
    for (sum, &x) in sums.iter_mut().zip(&x[from..]) {
        *sum = f64::from(x);
    }
    for (weight, v) in weights.iter().zip(vectors).filter(|(weight, _)| **weight != 0.0) {
        for (sum, &v) in sums.iter_mut().zip(&v[from..]) {
            *sum += weight * f64::from(v);
        }
    }
    for (out, &sum) in out.iter_mut().zip(sums.iter()) {
        *out = sum as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_updated_at_any_length() {
        for n in [0, 1, 1023, 1024, 1025, 16 * 1024 + 3] {
            let x = vec![1.0_f32; n];
            let vectors = [vec![2.0_f32; n], vec![f32::NAN; n], vec![-1.0_f32; n]];
            let mut out = vec![0.0; n];
            add_scaled(&x, &[0.5, 0.0, 0.25], &vectors, &mut out);
            assert!(out.iter().all(|&o| o == 1.75));
        }
    }

    #[test]
    fn the_sum_is_rounded_once() {
        // In f32 arithmetic 1 + 2^-24 rounds to 1 twice over; in f64 the two halves add up.
        let half = vec![f32::powi(2.0, -24)];
        let mut out = vec![0.0];
        add_scaled(&[1.0], &[1.0, 1.0], &[half.clone(), half], &mut out);
        assert!(out[0] > 1.0);
    }
}
