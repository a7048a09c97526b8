//! The order of a kernel's weights in which a matrix product wants them.

/// Weights of one pair of channels.
pub(super) const TAPS: usize = 9;

/// Outputs whose weights are put in order together: a line of the cache.
const LINE: usize = 16;
/// Inputs whose weights are: those of so many outputs and inputs are read row by row into the first cache, and
/// put in order there. Read across rows, each would wait for memory.
const CHUNK: usize = 32;

/// The weights of some outputs and inputs, row after row.
type Rows = [[[f32; TAPS]; CHUNK]; LINE];

/// Calls `work` for every block of outputs and inputs: with the first of each, and how many.
fn blocks(inputs: usize, outputs: usize, mut work: impl FnMut([usize; 2], [usize; 2])) {
    for first in (0..outputs).step_by(LINE) {
        for channel in (0..inputs).step_by(CHUNK) {
            work([first, channel], [LINE.min(outputs - first), CHUNK.min(inputs - channel)]);
        }
    }
}

/// Weights `[outputs, inputs, 9]` as `[9, inputs, outputs]`.
pub(super) fn arrange(inputs: usize, weight: &[f32], arranged: &mut [f32]) {
    let outputs = weight.len() / (inputs * TAPS);
    let mut rows: Rows = [[[0.0; TAPS]; CHUNK]; LINE];
    blocks(inputs, outputs, |[first, channel], [line, channels]| {
        for (l, row) in rows.iter_mut().enumerate().take(line) {
            let from = ((first + l) * inputs + channel) * TAPS;
            let weights = weight[from..from + channels * TAPS].as_chunks().0;
            row[..channels].copy_from_slice(weights);
        }
        for c in 0..channels {
            for tap in 0..TAPS {
                let mut values = [0.0; LINE];
                for (value, row) in values.iter_mut().zip(&rows) {
                    *value = row[c][tap];
                }
                let at = (tap * inputs + channel + c) * outputs + first;
                arranged[at..at + line].copy_from_slice(&values[..line]);
            }
        }
    });
}

/// Adds a gradient of [arranged](arrange) weights to that of the weights.
pub(super) fn add_arranged(inputs: usize, arranged: &[f32], gradient: &mut [f32]) {
    let outputs = gradient.len() / (inputs * TAPS);
    let mut rows: Rows = [[[0.0; TAPS]; CHUNK]; LINE];
    blocks(inputs, outputs, |[first, channel], [line, channels]| {
        for c in 0..channels {
            for tap in 0..TAPS {
                let at = (tap * inputs + channel + c) * outputs + first;
                let values = &arranged[at..at + line];
                for (row, value) in rows.iter_mut().zip(values) {
                    row[c][tap] = *value;
                }
            }
        }
        for (l, row) in rows.iter().enumerate().take(line) {
            let from = ((first + l) * inputs + channel) * TAPS;
            let gradient = &mut gradient[from..from + channels * TAPS];
            for (gradient, value) in gradient.iter_mut().zip(row[..channels].as_flattened()) {
                *gradient += value;
            }
        }
    });
}
