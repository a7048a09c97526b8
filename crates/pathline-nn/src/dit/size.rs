//! The published sizes of DiT and SiT.

use pathline::Shape;

use super::DitConfig;

/// A published size of a diffusion transformer; every one has blocks whose MLP is four times as wide as
/// their rows.
///
/// # References
/// Peebles and Xie (2023), arXiv:2212.09748, table 1; Ma et al. (2024), arXiv:2401.08740, whose SiT has the
/// same.
///
/// # Examples
/// ```
/// use pathline_nn::SitSize;
/// assert_eq!((SitSize::Xl.depth(), SitSize::Xl.width(), SitSize::Xl.heads()), (28, 1152, 16));
/// assert_eq!(SitSize::of_width(768), Some(SitSize::B));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SitSize {
    /// 12 blocks of width 384, 6 heads.
    S,
    /// 12 blocks of width 768, 12 heads.
    B,
    /// 24 blocks of width 1024, 16 heads.
    L,
    /// 28 blocks of width 1152, 16 heads.
    Xl,
}

impl SitSize {
    /// From the smallest to the largest.
    pub const ALL: [Self; 4] = [Self::S, Self::B, Self::L, Self::Xl];

    /// Blocks.
    #[must_use]
    pub fn depth(self) -> usize {
        match self {
            Self::S | Self::B => 12,
            Self::L => 24,
            Self::Xl => 28,
        }
    }

    /// Width of a row.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::S => 384,
            Self::B => 768,
            Self::L => 1024,
            Self::Xl => 1152,
        }
    }

    /// Heads of attention.
    #[must_use]
    pub fn heads(self) -> usize {
        match self {
            Self::S => 6,
            Self::B => 12,
            Self::L | Self::Xl => 16,
        }
    }

    /// The size whose rows have this width, by which a checkpoint's is known.
    #[must_use]
    pub fn of_width(width: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.width() == width)
    }
}

impl DitConfig {
    /// A published size, such as SiT-XL/2, for images of this shape: `patch` is the number behind the stroke,
    /// 2, 4 or 8 in the published networks, whose images are latents of `[4, 32, 32]` (of 256 x 256 pixels)
    /// in 1000 classes. As in those, the output has as many channels again, which are ignored: to train from
    /// scratch, `learned_variance: false` leaves them out.
    ///
    /// # Examples
    /// ```
    /// use pathline::Shape;
    /// use pathline_nn::{DitConfig, SitSize};
    /// let latents = Shape::new([4, 32, 32])?;
    /// assert_eq!(DitConfig::sit(SitSize::Xl, 2, latents, 1000).values()?, 674_834_720);
    /// let small = DitConfig::sit(SitSize::S, 4, Shape::new([3, 32, 32])?, 10);
    /// let small = DitConfig { learned_variance: false, ..small };
    /// assert_eq!(small.values()?, 32_503_344);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    #[must_use]
    pub fn sit(size: SitSize, patch: usize, shape: Shape, classes: usize) -> Self {
        Self {
            patch,
            width: size.width(),
            depth: size.depth(),
            heads: size.heads(),
            learned_variance: true,
            ..Self::new(shape, classes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dit::{Dit, POSITIONS, structure};
    use crate::network::{Network, NetworkConfig};
    use pathline::Seed;

    fn latents() -> Shape {
        Shape::new([4, 32, 32]).unwrap()
    }

    #[test]
    fn sizes_have_the_published_numbers_of_parameters() {
        // Millions, of the networks with patch 2; and all of DiT-XL/2's, whose table of positions its
        // authors count.
        for (size, millions) in SitSize::ALL.into_iter().zip([33.0, 130.0, 458.0, 675.0]) {
            let values = DitConfig::sit(size, 2, latents(), 1000).values().unwrap();
            assert_eq!((values as f64 / 1e6).round(), millions, "{size:?}");
        }
        let largest = DitConfig::sit(SitSize::Xl, 2, latents(), 1000);
        assert_eq!(largest.values().unwrap() + 256 * largest.width, 675_129_632);
    }

    #[test]
    fn other_patches_change_the_first_and_the_last_map_only() {
        for size in SitSize::ALL {
            let w = size.width();
            let of = |patch| DitConfig::sit(size, patch, latents(), 1000).values().unwrap();
            for patch in [4, 8] {
                let pixels = patch * patch - 4;
                assert_eq!(of(patch), of(2) + 4 * pixels * w + 8 * pixels * (w + 1), "{size:?}");
            }
        }
    }

    #[test]
    fn a_checkpoint_of_a_published_width_needs_no_heads() {
        let shape = Shape::new([1, 8, 8]).unwrap();
        let config = DitConfig { depth: 1, ..DitConfig::sit(SitSize::S, 4, shape, 3) };
        let mut tensors = Dit::new(&config, Seed(1)).unwrap().parameters().to_tensors();
        let positions = (vec![1, 4, 384], structure::positions(&config).unwrap());
        tensors.insert(POSITIONS.to_owned(), positions);
        let found = Dit::from_tensors(&tensors, None, None).unwrap();
        assert_eq!(found.config(), NetworkConfig::Dit(config));
    }
}
