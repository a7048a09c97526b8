//! Extents of an image whose pixels are rows of channels.

/// Height and width of an image; pixel `(y, x)` is row `y * width + x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Image {
    /// Rows of one sample.
    pub(crate) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// The image after a step of two in each direction, rounded up.
    pub(crate) fn halved(self) -> Self {
        Self { height: self.height.div_ceil(2), width: self.width.div_ceil(2) }
    }
}
