//! What keeps a report from becoming a page.

/// Why a report cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two lists of a figure that must be as long as each other are not.
    #[error("figure {figure}: {what}: expected {expected}, found {found}")]
    Count {
        /// The figure's id.
        figure: String,
        /// What was counted.
        what: &'static str,
        /// The count that was needed.
        expected: usize,
        /// The count that was given.
        found: usize,
    },
    /// A part of a figure outside what can be drawn.
    #[error("figure {figure}: {problem}")]
    Invalid {
        /// The figure's id.
        figure: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// An image that could not be written as PNG.
    #[error("figure {figure}: the images could not be written as PNG: {source}")]
    Png {
        /// The figure's id.
        figure: String,
        /// What the encoder said.
        source: png::EncodingError,
    },
    /// Positions that could not be written as JSON.
    #[error("figure {figure}: the positions could not be written as JSON: {source}")]
    Json {
        /// The figure's id.
        figure: String,
        /// What the serialiser said.
        source: serde_json::Error,
    },
    /// A page above the limit of [`MAX_BYTES`](crate::MAX_BYTES).
    #[error(
        "the page would take {bytes} bytes, above the limit of {limit}; figure {figure} alone \
         takes {figure_bytes}: give it fewer particles, frames, points or images"
    )]
    TooLarge {
        /// Bytes of the page.
        bytes: usize,
        /// The limit.
        limit: usize,
        /// The figure that takes most.
        figure: String,
        /// What that figure takes.
        figure_bytes: usize,
    },
}

impl Error {
    /// Fails unless two counts of a figure agree.
    pub(crate) fn check_count(
        figure: &str,
        what: &'static str,
        expected: usize,
        found: usize,
    ) -> Result<(), Self> {
        if expected == found {
            Ok(())
        } else {
            Err(Self::Count { figure: figure.to_owned(), what, expected, found })
        }
    }

    /// An [`Error::Invalid`].
    pub(crate) fn invalid(figure: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { figure: figure.to_owned(), problem: problem.into() }
    }
}
