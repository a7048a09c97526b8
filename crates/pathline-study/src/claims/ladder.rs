//! Networks from badly to well fitted, to see what a remedy's benefit goes with.

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::kernels::ProductPrecision;
use pathline::{Seed, VelocityField};
use pathline_data::DataSet;
use pathline_nn::{Clock, Dit, DitConfig, FlowData, FlowTraining, Network, TrainingState, train};

use super::features::point_training;
use super::lab::Lab;
use super::trained::{TRANSFORMER, Trained, U_NET};
use crate::error::Error;
use crate::in_turn::told_in_turn;

/// One network of the ladder.
#[derive(Clone, Copy)]
pub(super) enum Rung {
    /// A transformer that is trained for it.
    Transformer { width: usize, depth: usize, updates: u64 },
    /// One that comes with Pathline.
    Embedded(&'static Trained),
}

/// Trainings of a rung.
pub(super) const TRAININGS: u64 = 2;

/// The rungs, by name.
pub(super) const LADDER: [(&str, Rung); 6] = [
    ("32 wide, 1000 updates", Rung::Transformer { width: 32, depth: 2, updates: 1000 }),
    ("64 wide, 500 updates", Rung::Transformer { width: 64, depth: 3, updates: 500 }),
    ("64 wide, 2000 updates", Rung::Transformer { width: 64, depth: 3, updates: 2000 }),
    ("64 wide, 6000 updates", Rung::Transformer { width: 64, depth: 3, updates: 6000 }),
    ("embedded transformer", Rung::Embedded(&TRANSFORMER)),
    ("embedded U-Net", Rung::Embedded(&U_NET)),
];

impl Rung {
    /// Too slow for a quick measurement.
    pub(super) fn full_only(self) -> bool {
        !matches!(self, Self::Transformer { .. })
    }

    /// Networks of it: as many as trainings, each from draws of its own.
    pub(super) fn trainings(self, lab: &Lab<'_>) -> u64 {
        match self {
            Self::Transformer { .. } => lab.choose(1, TRAININGS),
            Self::Embedded(_) => 1,
        }
    }

    /// What it is, and its field told [classes in turn](crate::in_turn). A transformer is trained here, each time
    /// anew.
    pub(super) fn climb(
        self,
        (name, training): (&str, u64),
        data: &DataSet,
        lab: &mut Lab<'_>,
    ) -> Result<(String, Arc<dyn VelocityField>), Error> {
        let (width, depth, updates) = match self {
            Self::Embedded(known) => return Ok((known.about()?, known.field(1.0)?)),
            Self::Transformer { width, depth, updates } => (width, depth, updates),
        };
        let seed = Seed(lab.seed().0 + training - 1);
        let network = transformer(data, width, depth, seed)?;
        let updates = lab.choose(updates / 100, updates);
        let mut state = TrainingState::new(Box::new(network), training_of(updates, seed))?;
        let labelled =
            FlowData { labels: data.labels.as_deref(), ..FlowData::from_noise(&data.batch) };
        train(&mut state, &labelled, &mut |now| {
            lab.busy("training a rung of the ladder", now.step as f64 / now.steps as f64);
            ControlFlow::Continue(())
        })?;
        let network: Arc<dyn Network> = Arc::from(state.averaged(0)?);
        let field = told_in_turn(ProductPrecision::F32, &network, 0, 1.0)?;
        Ok((format!("transformer, {name}, training seed {}", seed.0), field))
    }
}

fn training_of(updates: u64, seed: Seed) -> FlowTraining {
    let mut training = FlowTraining {
        batch: 128,
        clock: Clock::LogitNormal { mean: 0.0, std: 1.0 },
        ..point_training(updates, seed)
    };
    training.optimiser.learning_rate.peak = 1e-3;
    training.optimiser.clip = Some(1.0);
    training
}

fn transformer(data: &DataSet, width: usize, depth: usize, seed: Seed) -> Result<Dit, Error> {
    let config = DitConfig {
        shape: data.shape().clone(),
        patch: 4,
        width,
        depth,
        heads: 2,
        mlp_ratio: 4,
        classes: 10,
        learned_variance: false,
    };
    Ok(Dit::new(&config, seed)?)
}
