//! Progress of a command, as a share of its whole.

/// Hears how far a command has come.
pub trait Progress {
    /// `share` of the work is done (0 to 1), and this is being done now.
    fn at(&mut self, share: f64, doing: &str);
}

/// Nobody listens.
impl Progress for () {
    fn at(&mut self, _: f64, _: &str) {}
}

/// A part of a larger piece of work, from one share of the whole to another.
pub struct Part<'a> {
    whole: &'a mut dyn Progress,
    from: f64,
    to: f64,
}

impl<'a> Part<'a> {
    /// The part of `whole` between two shares.
    pub fn new(whole: &'a mut dyn Progress, from: f64, to: f64) -> Self {
        Self { whole, from, to }
    }
}

impl Progress for Part<'_> {
    fn at(&mut self, share: f64, doing: &str) {
        self.whole.at(self.from + (self.to - self.from) * share, doing);
    }
}
