//! What a trajectory says about its model. Each diagnostic streams: its memory does not grow with
//! the number of steps.

mod deficit;
mod energy;
mod power;

pub use deficit::{DeficitPoint, Pairs, deficit};
pub use energy::{Energy, KineticEnergy};
pub use power::{PowerCurve, PowerPoint};
