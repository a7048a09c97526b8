//! The resizings that scores by features depend on.
//!
//! A pixel of the result is a weighted sum of pixels, first along rows, then along columns:
//! `y_i = Σ_j w_ij x_j`. With `s` pixels of the image for one of the result, output pixel `i` looks at
//!
//! * half-pixel centres: `(i + 1/2) s - 1/2`, which keeps the image where it is;
//! * corners: `i s`, which moves the image by up to half a pixel (TensorFlow's resizing until 2019).
//!
//! Bilinear takes the two pixels around that place, so that a smaller image misses pixels in between
//! (aliasing). The antialiased bicubic stretches its kernel by `s` when the image shrinks.
//!
//! # References
//! Parmar, Zhang, Zhu, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation" (2022).
//! Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), equation 4: the kernel,
//! with slope -1/2.
//!
//! # Not to be confused with
//! Bicubic without antialiasing, or with slope -3/4, as `interpolate(mode="bicubic")` of PyTorch.

use pathline::{Batch, Error, Shape};
use rayon::prelude::*;

/// How an image is brought to another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Resizing {
    /// Bicubic with slope -1/2 and antialiasing, in floating point and without rounding: Pillow's for
    /// images of mode `F`, and so that of clean-fid.
    #[default]
    AntialiasedBicubic,
    /// Bilinear between half-pixel centres, without antialiasing: PyTorch's
    /// `interpolate(mode="bilinear", align_corners=False)`, and so that of pytorch-fid.
    HalfPixelBilinear,
    /// Bilinear from corner to corner (`i s`), without antialiasing: the first version of TensorFlow's
    /// `resize_bilinear`, with `align_corners=False`, and so that of the first FID.
    CornerBilinear,
}

impl std::str::FromStr for Resizing {
    type Err = Error;

    /// `antialiased-bicubic`, `half-pixel-bilinear` or `corner-bilinear`.
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "antialiased-bicubic" => Ok(Self::AntialiasedBicubic),
            "half-pixel-bilinear" => Ok(Self::HalfPixelBilinear),
            "corner-bilinear" => Ok(Self::CornerBilinear),
            _ => {
                let known = "known are antialiased-bicubic (clean-fid), half-pixel-bilinear (pytorch-fid) and \
                             corner-bilinear (the first FID)";
                Err(Error::invalid("resizing", name, known))
            }
        }
    }
}

impl std::fmt::Display for Resizing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AntialiasedBicubic => "antialiased bicubic",
            Self::HalfPixelBilinear => "half-pixel bilinear",
            Self::CornerBilinear => "corner bilinear",
        })
    }
}

/// Which pixels of a line make each pixel of the result, and with what weights.
struct Taps(Vec<(usize, Vec<f64>)>);

impl Taps {
    fn new(from: usize, to: usize, how: Resizing) -> Self {
        let scale = from as f64 / to as f64;
        let tap = |i: usize| match how {
            Resizing::AntialiasedBicubic => bicubic((i as f64 + 0.5) * scale, scale, from),
            Resizing::HalfPixelBilinear => bilinear((i as f64 + 0.5) * scale - 0.5, from),
            Resizing::CornerBilinear => bilinear(i as f64 * scale, from),
        };
        Self((0..to).map(tap).collect())
    }
}

/// The two pixels around a place, which is moved inside of the line.
fn bilinear(place: f64, from: usize) -> (usize, Vec<f64>) {
    let place = place.clamp(0.0, (from - 1) as f64);
    let first = place.floor();
    let share = place - first;
    let weights = if share > 0.0 { vec![1.0 - share, share] } else { vec![1.0] };
    (first as usize, weights)
}

/// The pixels whose centres lie under a kernel around `centre` (pixel `j` has its own at `j + 1/2`).
fn bicubic(centre: f64, scale: f64, from: usize) -> (usize, Vec<f64>) {
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    let first = (centre - support + 0.5).floor().max(0.0) as usize;
    let end = ((centre + support + 0.5).floor() as usize).min(from);
    let weight = |j: usize| keys((j as f64 + 0.5 - centre) / stretch);
    let mut weights: Vec<f64> = (first..end).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    (first, weights)
}

/// Keys's cubic kernel with slope -1/2 at 1.
fn keys(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// Largest height or width that is asked for.
const MOST: usize = 1 << 16;

/// Planes `[c, h, w]` at another size, `[c, to_h, to_w]`.
pub(super) fn planes(
    planes: &[f32],
    [height, width]: [usize; 2],
    to: [usize; 2],
    how: Resizing,
) -> Vec<f32> {
    if [height, width] == to {
        return planes.to_vec();
    }
    let (along, down) = (Taps::new(width, to[1], how), Taps::new(height, to[0], how));
    let mut resized = Vec::with_capacity(planes.len() / (height * width) * to[0] * to[1]);
    for plane in planes.chunks_exact(height * width) {
        let mut rows = Vec::with_capacity(height * to[1]);
        for row in plane.chunks_exact(width) {
            rows.extend(along.0.iter().map(|(first, weights)| {
                let terms = weights.iter().zip(&row[*first..]);
                terms.map(|(w, &x)| w * f64::from(x)).sum::<f64>() as f32
            }));
        }
        let mut sum = vec![0.0_f64; to[1]];
        for (first, weights) in &down.0 {
            sum.fill(0.0);
            for (w, row) in weights.iter().zip(rows.chunks_exact(to[1]).skip(*first)) {
                sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += w * f64::from(x));
            }
            resized.extend(sum.iter().map(|&sum| sum as f32));
        }
    }
    resized
}

/// Images `[c, height, width]` at another height and width; values are neither rounded nor clamped
/// (bicubic overshoots at edges).
///
/// # Errors
/// [`Error::Invalid`] when the images have no three extents, or the new height or width is not in 1..=65536.
///
/// # Examples
/// ```
/// use pathline::{Batch, Shape};
/// use pathline_features::{Resizing, resize};
/// let line = Batch::from_vec(vec![0.0, 1.0], Shape::new([1, 1, 2])?)?;
/// let half_pixel = resize(&line, [1, 4], Resizing::HalfPixelBilinear)?;
/// assert_eq!(half_pixel.row(0), &[0.0, 0.25, 0.75, 1.0]);
/// let corner = resize(&line, [1, 4], Resizing::CornerBilinear)?;
/// assert_eq!(corner.row(0), &[0.0, 0.5, 1.0, 1.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn resize(images: &Batch, to: [usize; 2], how: Resizing) -> Result<Batch, Error> {
    let &[channels, height, width] = images.shape().extents() else {
        let remedy = "give images [channels, height, width]";
        return Err(Error::invalid("shape of images", images.shape(), remedy));
    };
    if to.into_iter().any(|extent| !(1..=MOST).contains(&extent)) {
        let remedy = format!("give a height and a width from 1 to {MOST}");
        return Err(Error::invalid("new size of images", format!("{to:?}"), remedy));
    }
    let shape = Shape::new([channels, to[0], to[1]])?;
    let rows: Vec<&[f32]> = images.rows().iter().collect();
    let resized: Vec<Vec<f32>> =
        rows.par_iter().map(|row| planes(row, [height, width], to, how)).collect();
    Batch::from_vec(resized.concat(), shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Resizing; 3] =
        [Resizing::AntialiasedBicubic, Resizing::HalfPixelBilinear, Resizing::CornerBilinear];

    proptest! {
        #[test]
        fn weights_sum_to_one_inside_of_the_line(from in 1_usize..70, to in 1_usize..70) {
            for how in ALL {
                for (first, weights) in Taps::new(from, to, how).0 {
                    prop_assert!(first + weights.len() <= from);
                    prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_away_from_the_border() {
        // Kernels of degree one and more keep linear functions, at the places they look at.
        let ramp: Vec<f32> = (0..40_u16).map(f32::from).collect();
        for (to, scale) in [(80, 0.5), (20, 2.0)] {
            for how in ALL {
                let shift = if how == Resizing::CornerBilinear { 0.0 } else { 0.5 };
                let resized = planes(&ramp, [1, 40], [1, to], how);
                for (i, &found) in resized.iter().enumerate().take(to * 3 / 4).skip(to / 4) {
                    let wanted = (i as f64 + shift) * scale - shift;
                    assert!((f64::from(found) - wanted).abs() < 1e-4, "{how:?} {to} {i}");
                }
            }
        }
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let row: Vec<f32> = (0..6_u16).map(|i| (f32::from(i) * 1.7).sin()).collect();
        for how in ALL {
            assert_eq!(planes(&row, [2, 3], [2, 3], how), row);
            // Each line by itself, too.
            let Taps(taps) = Taps::new(3, 3, how);
            for (i, (first, weights)) in taps.iter().enumerate() {
                for (j, w) in weights.iter().enumerate() {
                    assert_eq!(*w, f64::from(u8::from(first + j == i)));
                }
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let flat = Batch::zeros(1, Shape::vector(4));
        assert!(resize(&flat, [2, 2], Resizing::default()).is_err());
        let image = Batch::zeros(1, Shape::new([1, 2, 2]).unwrap());
        assert!(resize(&image, [0, 2], Resizing::default()).is_err());
        assert!(resize(&image, [usize::MAX, 2], Resizing::default()).is_err());
    }
}
