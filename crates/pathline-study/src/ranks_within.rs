//! Ranks within classes: what classes differ in is gone.

use pathline::statistics::ranks;

use crate::error::Error;

/// Ranks of a column within each class, as shares of its class from 0 to 1: what classes differ in is gone.
pub(crate) fn ranks_within(values: &[f64], classes: &[f64]) -> Result<Vec<f64>, Error> {
    let mut all = vec![0.0; values.len()];
    let mut kinds: Vec<f64> = classes.to_vec();
    kinds.sort_by(f64::total_cmp);
    kinds.dedup();
    for kind in kinds {
        let rows: Vec<usize> = (0..values.len()).filter(|&i| classes[i] == kind).collect();
        let own: Vec<f64> = rows.iter().map(|&i| values[i]).collect();
        let count = own.len() as f64;
        for (&row, rank) in rows.iter().zip(ranks(&own)?) {
            all[row] = (rank - 0.5) / count;
        }
    }
    Ok(all)
}
