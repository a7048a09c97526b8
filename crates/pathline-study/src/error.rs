//! What can go wrong in a command.

/// Any failure of a command; the message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The mathematics refused.
    #[error(transparent)]
    Library(#[from] pathline::Error),
    /// A file refused.
    #[error(transparent)]
    Data(#[from] pathline_data::Error),
    /// A page could not be drawn.
    #[error(transparent)]
    View(#[from] pathline_view::Error),
    /// What was asked for does not make sense.
    #[error("{place}: {problem}; {remedy}")]
    Usage {
        /// The argument or file.
        place: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl Error {
    /// An [`Error::Usage`].
    pub fn usage(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Usage { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }
}
