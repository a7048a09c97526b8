//! A partial matching of rows and columns, seen from both sides.

/// Which column a row has, and which row a column has.
#[derive(Debug)]
pub(super) struct Matching {
    pub(super) column_of_row: Vec<Option<usize>>,
    pub(super) row_of_column: Vec<Option<usize>>,
}

impl Matching {
    pub(super) fn empty(n: usize) -> Self {
        Self { column_of_row: vec![None; n], row_of_column: vec![None; n] }
    }

    /// Gives `column` to `row`; returns the row that had it.
    pub(super) fn assign(&mut self, row: usize, column: usize) -> Option<usize> {
        let evicted = self.row_of_column[column].replace(row);
        if let Some(other) = evicted {
            self.column_of_row[other] = None;
        }
        self.column_of_row[row] = Some(column);
        evicted
    }

    /// Takes away what `row` has.
    pub(super) fn release(&mut self, row: usize) {
        if let Some(column) = self.column_of_row[row].take() {
            self.row_of_column[column] = None;
        }
    }

    pub(super) fn free_rows(&self) -> Vec<usize> {
        free(&self.column_of_row)
    }

    pub(super) fn free_columns(&self) -> Vec<usize> {
        free(&self.row_of_column)
    }
}

fn free(side: &[Option<usize>]) -> Vec<usize> {
    side.iter().enumerate().filter(|(_, other)| other.is_none()).map(|(i, _)| i).collect()
}
