//! What a finished run amounts to, and what it was trained on.

use pathline::field::fingerprint;
use pathline_data::DataSet;
use pathline_nn::BinLoss;

/// What a finished run amounts to. It depends on the spec and the data alone.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainReport {
    /// Steps done.
    pub steps: u64,
    /// Parameters of the network.
    pub parameters: usize,
    /// The data.
    pub data: DataRecord,
    /// Rows that were trained on.
    pub training_rows: usize,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// Loss on held-out rows by time, and the radial gain `g*` beside it, which is 1 for an exact
    /// field. Draws pick rows with replacement, so the standard errors are those of the draws, not of
    /// having held out these rows. Empty if none were.
    pub held_out: Vec<BinLoss>,
    /// Loss by time on rows that were trained on, with other noise: where it is clearly below the
    /// held-out loss, the network remembers them.
    pub training: Vec<BinLoss>,
}

impl TrainReport {
    /// The held-out loss over all times; `None` where nothing was held out.
    #[must_use]
    pub fn held_out_loss(&self) -> Option<f64> {
        let bins = &self.held_out;
        (!bins.is_empty()).then(|| bins.iter().map(|bin| bin.loss).sum::<f64>() / bins.len() as f64)
    }
}

/// What the data were, so that it can be told whether they are still the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DataRecord {
    /// A [`fingerprint`] of all values and labels.
    pub fingerprint: String,
    /// The shape of a sample.
    pub shape: Vec<usize>,
    /// Samples, those that are held out counted.
    pub rows: usize,
    /// Classes of the labels; 0 without labels.
    pub classes: usize,
    /// What the values are: `level / 127.5 - 1` of levels 0 to 255, or `as read`.
    pub values: String,
}

impl DataRecord {
    pub(super) fn new(set: &DataSet) -> Self {
        let labels = set.labels.iter().flatten().flat_map(|label| label.to_le_bytes());
        let values = set.batch.as_slice().iter().flat_map(|v| v.to_le_bytes());
        Self {
            fingerprint: format!("{:016x}", fingerprint(values.chain(labels))),
            shape: set.shape().extents().to_vec(),
            rows: set.batch.len(),
            classes: set.classes(),
            values: if set.scaled { "level / 127.5 - 1" } else { "as read" }.to_owned(),
        }
    }
}
