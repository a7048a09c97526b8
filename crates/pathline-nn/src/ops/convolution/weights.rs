//! The order of a kernel's weights in which a matrix product wants them.

/// Weights of one pair of channels.
pub(super) const TAPS: usize = 9;

/// Outputs whose weights are put in order together: a line of the cache.
const LINE: usize = 16;

/// Weights `[outputs, inputs, 9]` as `[9, inputs, outputs]`.
pub(super) fn arrange(inputs: usize, weight: &[f32], arranged: &mut [f32]) {
    let outputs = weight.len() / (inputs * TAPS);
    for first in (0..outputs).step_by(LINE) {
        let line = LINE.min(outputs - first);
        for c in 0..inputs {
            let mut taps = [[0.0; LINE]; TAPS];
            for l in 0..line {
                let weight = &weight[((first + l) * inputs + c) * TAPS..][..TAPS];
                for tap in 0..TAPS {
                    taps[tap][l] = weight[tap];
                }
            }
            for (tap, values) in taps.iter().enumerate() {
                let at = (tap * inputs + c) * outputs + first;
                arranged[at..at + line].copy_from_slice(&values[..line]);
            }
        }
    }
}

/// Adds a gradient of [arranged](arrange) weights to that of the weights.
pub(super) fn add_arranged(inputs: usize, arranged: &[f32], gradient: &mut [f32]) {
    let outputs = gradient.len() / (inputs * TAPS);
    for first in (0..outputs).step_by(LINE) {
        let line = LINE.min(outputs - first);
        for c in 0..inputs {
            let mut taps = [[0.0; LINE]; TAPS];
            for (tap, values) in taps.iter_mut().enumerate() {
                let at = (tap * inputs + c) * outputs + first;
                values[..line].copy_from_slice(&arranged[at..at + line]);
            }
            for l in 0..line {
                let gradient = &mut gradient[((first + l) * inputs + c) * TAPS..][..TAPS];
                for tap in 0..TAPS {
                    gradient[tap] += taps[tap][l];
                }
            }
        }
    }
}
