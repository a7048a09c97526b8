//! The largest and the mean value under a window, and the mean of a whole image.

use pathline::kernels::vectorised;

use crate::convolution::{Padding, Walk};
use crate::image::Image;

/// What is taken of the values under a window, of those that lie in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    /// The largest.
    Max,
    /// Their mean: places outside of the image are not counted.
    Mean,
}

/// The window of a pool, without or with one line of places outside.
pub(super) fn window(kernel: usize, stride: usize, padding: usize) -> Walk {
    Walk::square(kernel, stride, Padding::Zeros([padding; 2]))
}

impl Pool {
    /// Pools into the channels from `first` on of an image that has as many positions as windows.
    pub(super) fn apply_into(self, image: &Image, walk: Walk, out: &mut Image, first: usize) {
        let (pitch, columns) = (out.channels, out.extents[1]);
        vectorised(
            #[inline(always)]
            || {
                for (p, row) in out.values.chunks_exact_mut(pitch).enumerate() {
                    let out = &mut row[first..first + image.channels];
                    let [_, top, rows] = walk.reach(0, image.extents[0], p / columns);
                    let [_, left, count] = walk.reach(1, image.extents[1], p % columns);
                    self.position(image, [top, rows], [left, count], out);
                }
            },
        );
    }

    /// All channels under the window that covers these rows and columns (first, how many).
    #[inline(always)]
    fn position(self, image: &Image, rows: [usize; 2], columns: [usize; 2], out: &mut [f32]) {
        out.fill(match self {
            Self::Max => f32::NEG_INFINITY,
            Self::Mean => 0.0,
        });
        for y in rows[0]..rows[0] + rows[1] {
            for x in columns[0]..columns[0] + columns[1] {
                let values = &image.values[(y * image.extents[1] + x) * image.channels..];
                for (out, &value) in out.iter_mut().zip(values) {
                    match self {
                        Self::Max => *out = if value > *out { value } else { *out },
                        Self::Mean => *out += value,
                    }
                }
            }
        }
        if self == Self::Mean {
            let share = 1.0 / (rows[1] * columns[1]) as f32;
            out.iter_mut().for_each(|out| *out *= share);
        }
    }
}

/// The mean of each channel over all positions.
pub(super) fn means(image: &Image) -> Vec<f32> {
    let mut sums = vec![0.0_f64; image.channels];
    for pixel in image.values.chunks_exact(image.channels) {
        sums.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let positions = (image.extents[0] * image.extents[1]) as f64;
    sums.into_iter().map(|sum| (sum / positions) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::noise;

    fn image() -> Image {
        Image { extents: [6, 7], channels: 5, values: noise(6 * 7 * 5, 6) }
    }

    /// Every value under the window, by hand.
    fn under(image: &Image, walk: Walk, padding: usize, at: [usize; 2], c: usize) -> Vec<f64> {
        let mut found = Vec::new();
        for y in 0..image.extents[0] {
            for x in 0..image.extents[1] {
                let inside = |v: usize, o: usize| {
                    let start = o * walk.stride;
                    (start..start + walk.kernel[0]).contains(&(v + padding))
                };
                if inside(y, at[0]) && inside(x, at[1]) {
                    let i = (y * image.extents[1] + x) * image.channels + c;
                    found.push(f64::from(image.values[i]));
                }
            }
        }
        found
    }

    #[test]
    fn windows_take_what_lies_in_the_image() {
        let image = image();
        for (kernel, stride, padding) in [(3, 2, 0), (3, 1, 1), (3, 1, 0), (2, 1, 0)] {
            let walk = window(kernel, stride, padding);
            let [max, mean] = [Pool::Max, Pool::Mean].map(|pool| {
                let mut out = Image::zeros(walk.outputs(image.extents).unwrap(), 5);
                pool.apply_into(&image, walk, &mut out, 0);
                out
            });
            assert_eq!(max.extents[0], (6 + 2 * padding - kernel) / stride + 1);
            for y in 0..max.extents[0] {
                for x in 0..max.extents[1] {
                    for c in 0..5 {
                        let i = (y * max.extents[1] + x) * 5 + c;
                        let seen = under(&image, walk, padding, [y, x], c);
                        let largest = seen.iter().fold(f64::MIN, |a, &b| a.max(b));
                        let average = seen.iter().sum::<f64>() / seen.len() as f64;
                        assert_eq!(f64::from(max.values[i]), largest);
                        assert!((f64::from(mean.values[i]) - average).abs() < 1e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn the_mean_of_an_image_is_taken_channel_by_channel() {
        let image = Image { extents: [1, 3], channels: 2, values: vec![1., 9., 2., 8., 6., 4.] };
        assert_eq!(means(&image), [3.0, 7.0]);
    }
}
