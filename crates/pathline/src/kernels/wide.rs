//! Loops over elements on the widest vectors that the machine has.
//!
//! The compiler vectorises a plain loop for the oldest machine that a build must run on. Compiling
//! the same loop again for newer ones, and choosing when it runs, changes its speed and no byte of
//! its result: lanes are independent, and Rust never fuses a product into a sum by itself.

/// Runs `work` compiled for the widest vectors of this machine.
///
/// Only what is inlined gains: mark `work`, and every function that it calls, `#[inline(always)]`.
/// Results are the same as those of `work()`.
///
/// # Examples
/// ```
/// let mut x = vec![1.0_f32, -2.0, 3.0];
/// pathline::kernels::vectorised(
///     #[inline(always)]
///     || x.iter_mut().for_each(|x| *x = *x * *x + 1.0),
/// );
/// assert_eq!(x, [2.0, 5.0, 10.0]);
/// ```
#[inline]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
            // SAFETY: the machine was just found to have what `avx512` is compiled for.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "a function for newer machines is unsafe to call")]
            // SAFETY: the machine was just found to have what `avx2` is compiled for.
            return unsafe { avx2(work) };
        }
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn loop_over(x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x = (*x * 1.1 + *y) / (*y * *y + 0.3) - if *x > *y { *x } else { 0.5 * *y };
        }
    }

    #[test]
    fn no_byte_differs_from_the_plain_loop_on_any_machine() {
        for n in 0..100_u16 {
            let y: Vec<f32> = (0..n).map(|i| (f32::from(i) * 0.7).sin()).collect();
            let x: Vec<f32> = (0..n).map(|i| (f32::from(i) * 1.3).cos() * 1e3).collect();
            let (mut plain, mut wide) = (x.clone(), x);
            std::hint::black_box(loop_over as fn(&mut [f32], &[f32]))(&mut plain, &y);
            vectorised(
                #[inline(always)]
                || loop_over(&mut wide, &y),
            );
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&plain), bits(&wide));
        }
    }

    #[test]
    fn what_work_gives_comes_back() {
        assert_eq!(vectorised(|| 7), 7);
    }
}
