//! Pathline's commands as functions from a spec to a report.
//!
//! Each command of the `pathline` binary is a function here, so that the library, the command line
//! and other front ends open on the same room. Functions take a [`Progress`] and return plain data;
//! the data knows how to become a page.

mod checkpoint;
pub mod claims;
mod compare;
mod convert;
pub mod demo;
mod density_estimate;
mod embedded;
mod error;
mod files;
mod in_turn;
mod json;
mod measure;
mod page;
mod progress;
mod quality;
mod ranks_within;
mod sample;
mod sets;
mod shards;
mod shared_network;
mod table;
mod thirds;
mod train;

pub use checkpoint::{Hints, is_recording, read_network, read_network_with};
pub use compare::{
    ComparedRun, Comparison, Difference, EndDistance, Perceptual, SetDifference, Side, compare,
    comparison_page,
};
pub use convert::{Converted, convert};
pub use density_estimate::{DensityEstimate, DensityRule};
pub use embedded::{embedded_judge, embedded_model};
pub use error::Error;
pub use files::Files;
pub use measure::{
    Closest, Committed, DensityRelation, Distances, Measurement, Memorised, Recognition, Rotation,
    SetQuality, measure, measure_field, measurement_page,
};
pub use page::recording_page;
pub use pathline_features::Resizing;
pub use pathline_nn::Precision;
pub use progress::{Part, Progress};
pub use quality::{Bench, Floor, Judged, Method, Real, methods, plain};
pub use sample::{Sampled, sample, sample_field};
pub use sets::{Beside, SetFeatures, read_perceptual};
pub use table::{QualityTable, TableRows, embedded_table, quality_table};
pub use train::{
    DataRecord, DitSpec, MlpSpec, NetworkSpec, TrainReport, TrainSpec, Trained, UnetSpec, train,
};
