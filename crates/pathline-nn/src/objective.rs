//! What a network is asked for, and what an error costs: output, weighting and magnitude term.

use pathline::Error;

use crate::magnitude::Magnitude;
use crate::output::Output;
use crate::weighting::Weighting;

/// The loss as a function of time and ends; by default the plain flow-matching loss.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Objective {
    pub(crate) output: Output,
    pub(crate) weighting: Weighting,
    pub(crate) magnitude: Option<Magnitude>,
}

impl Objective {
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.output.check()?;
        self.weighting.check()?;
        let Some(magnitude) = self.magnitude else { return Ok(()) };
        if !self.output.is_velocity() {
            let remedy = "the term compares velocities: let the network predict the velocity";
            let value = format!("{:?}", self.output.prediction).to_lowercase();
            return Err(Error::invalid("prediction beside a magnitude term", value, remedy));
        }
        magnitude.check()
    }
}
