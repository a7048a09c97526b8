//! The shortest augmenting path from one free row to any free column (Dijkstra over a dense row).

use super::lanes::{Real, position_of, relax};
use super::matching::Matching;

/// Buffers of one search, kept between searches.
#[derive(Debug)]
pub(super) struct Search<T> {
    /// The duals, with minus infinity where a column is settled: its distance is then infinite, so
    /// that the inner loop needs no mask.
    open: Vec<T>,
    /// Tentative distances of open columns.
    keys: Vec<T>,
    /// The rows scanned, with the shift each was scanned at.
    scanned: Vec<(usize, T)>,
    /// The columns settled, with their distances; `settled[k]` led to `scanned[k + 1]`.
    settled: Vec<(usize, T)>,
    free_columns: Vec<usize>,
}

impl<T: Real> Search<T> {
    pub(super) fn new(matching: &Matching) -> Self {
        let free_columns = matching.free_columns();
        Self { open: vec![], keys: vec![], scanned: vec![], settled: vec![], free_columns }
    }

    /// Matches one more row, keeping every pair tight and every reduced cost non-negative.
    ///
    /// Ends after at most `n` scans whatever the rounding, since each settles a column. Returns
    /// whether the row was matched (it always is while a column is free and all costs are finite).
    pub(super) fn augment(
        &mut self,
        cost: &[f32],
        start: usize,
        dual: &mut [T],
        matching: &mut Matching,
    ) -> bool {
        let n = dual.len();
        self.open.clear();
        self.open.extend_from_slice(dual);
        self.keys.clear();
        self.keys.resize(n, T::INFINITY);
        self.scanned.clear();
        self.settled.clear();
        let (mut row, mut shift) = (start, T::ZERO);
        let (end, distance) = loop {
            self.scanned.push((row, shift));
            let least = relax(&cost[row * n..(row + 1) * n], &self.open, shift, &mut self.keys);
            if least >= T::INFINITY {
                return false;
            }
            // A free column among the nearest ends the search: with ties, long before the others.
            if let Some(free) = self.free_columns.iter().position(|&j| self.keys[j] == least) {
                break (self.free_columns.swap_remove(free), least);
            }
            let Some(column) = position_of(&self.keys, least) else { return false };
            let Some(owner) = matching.row_of_column[column] else { return false };
            self.settled.push((column, least));
            self.open[column] = T::MINUS_INFINITY;
            self.keys[column] = T::INFINITY;
            row = owner;
            shift = T::from(cost[row * n + column]) - dual[column] - least;
        };
        self.flip(cost, dual, (end, distance), matching);
        for &(column, settled) in &self.settled {
            dual[column] = dual[column] + (settled - distance);
        }
        true
    }

    /// Shifts the columns along the path that ends at `end`. The inner loop keeps no predecessors:
    /// the row that a distance came from is the first scanned row that gives exactly that distance.
    fn flip(&self, cost: &[f32], dual: &[T], end: (usize, T), matching: &mut Matching) {
        let n = dual.len();
        let (mut column, mut distance) = end;
        let mut among = self.scanned.len();
        loop {
            let gives = |&(row, shift): &(usize, T)| {
                T::from(cost[row * n + column]) - dual[column] - shift == distance
            };
            let k = self.scanned[..among].iter().position(gives).unwrap_or(0);
            let (row, _) = self.scanned[k];
            matching.row_of_column[column] = Some(row);
            matching.column_of_row[row] = Some(column);
            if k == 0 {
                return;
            }
            (column, distance) = self.settled[k - 1];
            among = k;
        }
    }
}
