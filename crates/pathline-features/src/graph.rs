//! A network of branches as a tree: what is applied in turn, and what side by side.

use crate::blur;
use crate::convolution::{Activation, Convolution, Walk};
use crate::image::Image;
use crate::pooling::Pool;

/// An operation on images, or several.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// A convolution with its activation.
    Convolve(Convolution),
    /// A pool.
    Pool(Pool, Walk),
    /// A blur to half the size, and what follows it.
    Blur(Activation),
    /// One after the other.
    Chain(Vec<Node>),
    /// Side by side on the same image, channels after channels.
    Fork(Vec<Node>),
}

impl Node {
    /// Extents and channels of the output; none where an image is too small for a kernel.
    pub(super) fn outputs(
        &self,
        extents: [usize; 2],
        channels: usize,
    ) -> Option<([usize; 2], usize)> {
        match self {
            Self::Convolve(convolution) => {
                Some((convolution.walk.outputs(extents)?, convolution.outputs))
            }
            Self::Pool(_, window) => Some((window.outputs(extents)?, channels)),
            Self::Blur(_) => Some((blur::outputs(extents)?, channels)),
            Self::Chain(nodes) => {
                nodes.iter().try_fold((extents, channels), |(e, c), node| node.outputs(e, c))
            }
            Self::Fork(nodes) => {
                let all: Option<Vec<_>> =
                    nodes.iter().map(|node| node.outputs(extents, channels)).collect();
                let all = all?;
                Some((all.first()?.0, all.iter().map(|(_, channels)| channels).sum()))
            }
        }
    }

    /// The output for an image; empty where the image is too small.
    pub(super) fn apply(&self, image: &Image) -> Image {
        let (extents, channels) =
            self.outputs(image.extents, image.channels).unwrap_or(([0, 0], 1));
        let mut out = Image::zeros(extents, channels);
        if !out.values.is_empty() {
            self.apply_into(image, &mut out, 0);
        }
        out
    }

    /// Writes the output into the channels from `first` on.
    fn apply_into(&self, image: &Image, out: &mut Image, first: usize) {
        match self {
            Self::Convolve(convolution) => convolution.apply_into(image, out, first),
            Self::Pool(pool, window) => pool.apply_into(image, *window, out, first),
            Self::Blur(activation) => blur::apply_into(image, *activation, out, first),
            Self::Chain(nodes) => {
                let Some((last, before)) = nodes.split_last() else { return };
                let mut value: Option<Image> = None;
                for node in before {
                    value = Some(node.apply(value.as_ref().unwrap_or(image)));
                }
                last.apply_into(value.as_ref().unwrap_or(image), out, first);
            }
            Self::Fork(nodes) => {
                let mut first = first;
                for node in nodes {
                    node.apply_into(image, out, first);
                    let outputs = node.outputs(image.extents, image.channels);
                    first += outputs.map_or(0, |(_, channels)| channels);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pooling::window;
    use crate::sums::noise;

    #[test]
    fn branches_lie_side_by_side() {
        let image = Image { extents: [8, 8], channels: 2, values: noise(128, 7) };
        let max = || Node::Pool(Pool::Max, window(3, 1, 1));
        let mean = || Node::Pool(Pool::Mean, window(3, 1, 1));
        let fork =
            Node::Fork(vec![max(), Node::Chain(vec![max(), Node::Fork(vec![mean(), max()])])]);
        assert_eq!(fork.outputs([8, 8], 2), Some(([8, 8], 6)));
        let out = fork.apply(&image);
        let first = max().apply(&image);
        let [second, third] = [mean().apply(&first), max().apply(&first)];
        for (i, pixel) in out.values.chunks(6).enumerate() {
            let parts = [&first, &second, &third].map(|p| &p.values[2 * i..2 * i + 2]);
            assert_eq!(pixel, parts.concat());
        }
    }

    #[test]
    fn an_image_that_is_too_small_gives_nothing() {
        let blurs =
            Node::Chain(vec![Node::Pool(Pool::Max, window(3, 1, 0)), Node::Blur(Activation::Relu)]);
        assert_eq!(blurs.outputs([4, 9], 1), None);
        assert!(blurs.apply(&Image::zeros([4, 9], 1)).values.is_empty());
    }
}
