//! Exact nearest neighbours, and what is read off distances: memorisation and density.

mod density;
mod kernel_density;
mod memorisation;
mod nearest;

pub use density::knn_log_density;
pub use kernel_density::{Bandwidth, kernel_log_density};
pub use memorisation::{MEMORISED_RATIO, Memorisation, memorisation};
pub use nearest::{Exclude, Neighbours, nearest};
