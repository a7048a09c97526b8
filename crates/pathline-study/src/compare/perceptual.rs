//! How unlike the images of each pair look, by a perceptual distance.

use pathline::statistics::{Estimate, quantile};
use pathline_features::StLpips;
use pathline_view::{Cell, Column, Table};

use super::tables::{interval, letter};
use super::{Comparison, Side};
use crate::error::Error;
use crate::measure::mean;

/// A perceptual distance between the ends of paired samples.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Perceptual {
    /// What the distance is called.
    pub metric: String,
    /// The mean over samples.
    pub mean: Estimate,
    /// The median.
    pub median: f64,
    /// The largest.
    pub largest: f64,
}

impl Comparison {
    /// Adds the perceptual distance of every run's samples from the baseline's. `sides` are the runs that were
    /// compared, of images `[1 | 3, height, width]` in `[-1, 1]`.
    ///
    /// # Errors
    /// [`Error::Library`] for states that are no images, or too small ones.
    pub fn look(&mut self, sides: &[Side], metric: &StLpips) -> Result<(), Error> {
        let end = |run: usize| sides.get(run).and_then(|side| side.recording.end());
        for distance in &mut self.distances {
            let (Some(baseline), Some(other)) = (end(0), end(distance.run)) else { continue };
            let apart = metric.distances(baseline, other)?;
            let Some(mean) = mean(&apart) else { continue };
            distance.perceptual = Some(Perceptual {
                metric: metric.name().to_owned(),
                mean,
                median: quantile(&apart, 0.5)?,
                largest: apart.iter().fold(0.0, |a, &b| a.max(b)),
            });
        }
        Ok(())
    }

    /// The perceptual distances as a table; without rows where none was asked for.
    #[must_use]
    pub fn perceptual_table(&self) -> Table {
        let seen = self.distances.iter().filter_map(|d| Some((d.run, d.perceptual.as_ref()?)));
        let rows = seen.map(|(run, p)| {
            vec![
                Cell::text(letter(run).to_string()),
                Cell::text(&p.metric),
                Cell::number(p.mean.value),
                interval(&p.mean),
                Cell::number(p.median),
                Cell::number(p.largest),
            ]
        });
        Table {
            columns: vec![
                Column::text("run"),
                Column::text("how unlike A's images look"),
                Column::numeric("mean"),
                Column::numeric("95 %"),
                Column::numeric("median"),
                Column::numeric("largest"),
            ],
            rows: rows.collect(),
            note: String::new(),
        }
    }
}
