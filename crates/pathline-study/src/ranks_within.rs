//! Ranks within classes: what classes differ in is gone.

use pathline::statistics::ranks;

use crate::error::Error;

/// Ranks of a column within each class, as shares of its class from 0 to 1: what classes differ in is gone.
///
/// # Errors
/// [`pathline::Error::Count`] when there are not as many classes as values; as [`ranks`] for one that is no number.
pub(crate) fn ranks_within(values: &[f64], classes: &[u32]) -> Result<Vec<f64>, Error> {
    pathline::Error::check_count("classes of the values", values.len(), classes.len())?;
    let mut all = vec![0.0; values.len()];
    let mut kinds = classes.to_vec();
    kinds.sort_unstable();
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
