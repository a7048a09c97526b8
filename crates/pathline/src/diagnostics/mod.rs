//! What a trajectory says about its model, and what a field says about itself. What watches a run
//! streams: its memory does not grow with the number of steps, but for [`Dominance`] and [`SamplePower`],
//! which keep two and four numbers a sample and step.

mod continuity;
mod curl;
mod deficit;
mod dominance;
mod energy;
mod energy_density;
mod lag;
mod off_trajectory;
mod power;
mod sample_power;

pub use continuity::{Continuity, Differences, Divergence, continuity};
pub use curl::{Curl, Probing, curl};
pub use deficit::{DeficitPoint, PairProducts, Pairs, deficit, pair_products};
pub use dominance::{Commitment, Dominance, DominancePoint, Spread};
pub use energy::{Energy, KineticEnergy};
pub use energy_density::{EnergyDensity, EnergyDensityLaw, energy_density};
pub use lag::{DataSpread, LagPoint, lag};
pub use off_trajectory::{PowerContrast, off_trajectory};
pub use power::{PowerCurve, PowerPoint, cumulative};
pub use sample_power::{SamplePower, StepPower};
