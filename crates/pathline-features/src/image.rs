//! One image as the networks pass it on: channels last.

use pathline::{Batch, Error, Shape};
use rayon::prelude::*;

/// Values `[height, width, channels]`, row after row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Image {
    pub(super) extents: [usize; 2],
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

impl Image {
    /// All zero.
    pub(super) fn zeros(extents: [usize; 2], channels: usize) -> Self {
        Self { extents, channels, values: vec![0.0; extents[0] * extents[1] * channels] }
    }

    /// Three channels from planes `[1 | 3, h, w]`: a grey one is repeated. Channel `c` of an output is
    /// `change(c, value)`.
    pub(super) fn from_planes(
        planes: &[f32],
        extents: [usize; 2],
        change: impl Fn(usize, f32) -> f32,
    ) -> Self {
        let mut image = Self::zeros(extents, 3);
        let pixels = extents[0] * extents[1];
        for c in 0..3 {
            let plane = if planes.len() == pixels { planes } else { &planes[c * pixels..] };
            for (pixel, &value) in image.values.chunks_exact_mut(3).zip(plane) {
                pixel[c] = change(c, value);
            }
        }
        image
    }
}

/// Channels, height and width of images of one or three channels.
pub(super) fn extents(images: &Batch) -> Result<(usize, [usize; 2]), Error> {
    match *images.shape().extents() {
        [channels @ (1 | 3), height, width] => Ok((channels, [height, width])),
        _ => Err(Error::invalid(
            "shape of images",
            images.shape(),
            "give grey or colour images, [1, height, width] or [3, height, width]",
        )),
    }
}

/// `width` features of every image, by `see` from its values and its height and width: over all threads, and of
/// each by itself.
pub(super) fn features_of_each(
    images: &Batch,
    width: usize,
    see: impl Fn(&[f32], [usize; 2]) -> Vec<f32> + Sync,
) -> Result<Batch, Error> {
    let (_, size) = extents(images)?;
    check_finite(images)?;
    let rows: Vec<&[f32]> = images.rows().iter().collect();
    let features: Vec<Vec<f32>> = rows.par_iter().map(|row| see(row, size)).collect();
    Batch::from_vec(features.concat(), Shape::vector(width))
}

/// Fails at the first image that holds a value that is not finite.
pub(super) fn check_finite(images: &Batch) -> Result<(), Error> {
    match images.rows().iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        None => Ok(()),
        Some(which) => Err(Error::invalid(
            "image",
            format!("number {which}, with values that are not finite"),
            "leave it out, or sample it anew",
        )),
    }
}

/// The grey level 0 to 255 that a value in `[-1, 1]` is saved as: `127.5 (x + 1)`, clamped and rounded
/// (halves to even), as in a file of 8 bits.
pub(super) fn level(value: f32) -> f32 {
    (127.5 * (value + 1.0)).clamp(0.0, 255.0).round_ties_even()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathline::Shape;

    #[test]
    fn grey_becomes_colour_and_channels_go_last() {
        let grey = Image::from_planes(&[1.0, 2.0], [1, 2], |c, v| v + 10.0 * c as f32);
        assert_eq!(grey.values, [1.0, 11.0, 21.0, 2.0, 12.0, 22.0]);
        let colour = Image::from_planes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 1], |_, v| v);
        assert_eq!(colour.values, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn levels_are_those_of_a_file() {
        let levels = [-2.0, -1.0, -0.998, 0.0, 0.5, 1.0, 7.0].map(level);
        assert_eq!(levels, [0.0, 0.0, 0.0, 128.0, 191.0, 255.0, 255.0]);
    }

    #[test]
    fn other_shapes_and_values_are_refused() {
        let batch = |shape: &[usize]| Batch::zeros(1, Shape::new(shape).unwrap());
        assert_eq!(extents(&batch(&[3, 4, 5])).unwrap(), (3, [4, 5]));
        for shape in [&[4, 4][..], &[2, 4, 4], &[1, 3, 4, 4]] {
            assert!(extents(&batch(shape)).is_err(), "{shape:?}");
        }
        let mut bad = Batch::zeros(2, Shape::new([1, 1, 2]).unwrap());
        assert!(check_finite(&bad).is_ok());
        bad.as_mut_slice()[3] = f32::INFINITY;
        assert!(check_finite(&bad).unwrap_err().to_string().contains("number 1"));
    }
}
