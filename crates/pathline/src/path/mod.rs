//! Paths: the points between a source and a target, their velocities, and what a model's output
//! says about them.

mod affine;
mod prediction;

pub use affine::{conditional_velocities, conditional_velocity, path_state, path_states};
pub use prediction::{
    Linear, Prediction, score_from_target, source_from_velocity, target_from_velocity,
    velocity_from_score, velocity_from_source, velocity_from_target,
};
