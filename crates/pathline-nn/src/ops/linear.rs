//! A linear layer with its bias and activation as one operation: `y = a(x W^T + b)`.
//!
//! Backward, from `dy` and the saved slope `a'`: `dz = dy * a'`, `dW += dz^T x`, `db += sum dz`,
//! `dx = dz W`. Every product runs on the calling thread over the rows it is given, so that the
//! caller's fixed cut into blocks decides the order of summation.
//!
//! # References
//! Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating errors".

use pathline::kernels::{Layout, ProductPrecision, ROW_BLOCK, Strided, blocks_product, vectorised};

use super::activation::Activation;

/// One layer's parameters and extents. `weight` is `outputs x inputs`, row after row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear<'a> {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: &'a [f32],
    pub(crate) bias: &'a [f32],
    pub(crate) activation: Option<Activation>,
    /// In which numbers its products multiply.
    pub(crate) precision: ProductPrecision,
}

/// Where a layer's parameter gradients are added.
#[derive(Debug)]
pub(crate) struct LinearGradient<'a> {
    pub(crate) weight: &'a mut [f32],
    pub(crate) bias: &'a mut [f32],
}

impl Linear<'_> {
    fn multiply(&self, rows: usize, x: &[f32], y: &mut [f32]) {
        let extents = [rows, self.outputs, self.inputs];
        // In inference rows come in whole blocks, and must not see how many; in `bf16` they never do.
        if self.precision.is_f32() && rows.is_multiple_of(ROW_BLOCK) {
            return blocks_product(extents, x, self.weight, Layout::Transposed, 0.0, y);
        }
        let turned = Strided { values: self.weight, row: 1, column: self.inputs };
        let x = row_major(x, self.inputs);
        self.precision.multiply(extents, x, turned, [1.0, 0.0], (y, self.outputs));
    }

    fn add_bias(&self, y: &mut [f32]) {
        for row in y.chunks_exact_mut(self.outputs) {
            for (y, b) in row.iter_mut().zip(self.bias) {
                *y += b;
            }
        }
    }

    /// `y = a(x W^T + b)`.
    pub(crate) fn forward(&self, rows: usize, x: &[f32], y: &mut [f32]) {
        self.multiply(rows, x, y);
        match self.activation {
            None => self.add_bias(y),
            Some(activation) => activation.apply(y, self.bias),
        }
    }

    /// [`Linear::forward`] that also keeps `a'`; without an activation `slope` is left alone.
    pub(crate) fn forward_saving(&self, rows: usize, x: &[f32], y: &mut [f32], slope: &mut [f32]) {
        self.multiply(rows, x, y);
        match self.activation {
            None => self.add_bias(y),
            Some(activation) => activation.apply_saving(y, self.bias, slope),
        }
    }

    /// Turns `delta` from `dy` into `dz`, adds the parameter gradients, and where asked writes `dx` plus
    /// the given multiple (0 or 1) of what is there.
    pub(crate) fn backward(
        &self,
        rows: usize,
        (x, slope): (&[f32], &[f32]),
        delta: &mut [f32],
        into: LinearGradient<'_>,
        dx: Option<(f32, &mut [f32])>,
    ) {
        vectorised(
            #[inline(always)]
            || {
                if self.activation.is_some() {
                    for (d, s) in delta.iter_mut().zip(slope) {
                        *d *= s;
                    }
                }
                for row in delta.chunks_exact(self.outputs) {
                    for (b, d) in into.bias.iter_mut().zip(row) {
                        *b += d;
                    }
                }
            },
        );
        let Self { inputs, outputs, precision, .. } = *self;
        let turned = Strided { values: delta, row: 1, column: outputs };
        let (extents, x) = ([outputs, inputs, rows], row_major(x, inputs));
        precision.multiply(extents, turned, x, [1.0; 2], (into.weight, inputs));
        if let Some((keep, dx)) = dx {
            let (dz, weight) = (row_major(delta, outputs), row_major(self.weight, inputs));
            precision.multiply([rows, inputs, outputs], dz, weight, [1.0, keep], (dx, inputs));
        }
    }
}

/// A matrix whose rows follow one another.
fn row_major(values: &[f32], width: usize) -> Strided<'_> {
    Strided { values, row: width, column: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathline::{Purpose, Seed};

    fn noise(n: usize, tag: u64) -> Vec<f32> {
        let mut out = vec![0.0; n];
        Seed(11).normal(Purpose::Data, tag, 0, &mut out);
        out
    }

    /// `y_ij = a(sum_k x_ik w_jk + b_j)` with the activation of one element.
    fn reference(layer: &Linear<'_>, rows: usize, x: &[f32]) -> Vec<f32> {
        let (k, n) = (layer.inputs, layer.outputs);
        let entry = |e: usize| {
            let (i, j) = (e / n, e % n);
            let sum: f64 =
                (0..k).map(|p| f64::from(x[i * k + p]) * f64::from(layer.weight[j * k + p])).sum();
            let mut z = [sum as f32];
            match layer.activation {
                Some(activation) => activation.apply(&mut z, &layer.bias[j..=j]),
                None => z[0] += layer.bias[j],
            }
            z[0]
        };
        (0..rows * n).map(entry).collect()
    }

    const SIZES: [[usize; 3]; 6] =
        [[1, 1, 1], [1, 7, 33], [65, 33, 7], [64, 3, 128], [65, 1, 33], [3, 33, 1]];

    #[test]
    fn forward_matches_a_direct_sum() {
        for [rows, inputs, outputs] in SIZES {
            for activation in [None, Some(Activation::Selu), Some(Activation::Gelu)] {
                let (weight, bias) = (noise(inputs * outputs, 1), noise(outputs, 2));
                let x = noise(rows * inputs, 3);
                let layer = Linear {
                    inputs,
                    outputs,
                    weight: &weight,
                    bias: &bias,
                    activation,
                    precision: ProductPrecision::F32,
                };
                let mut y = vec![f32::NAN; rows * outputs];
                let (mut saving, mut slope) = (y.clone(), y.clone());
                layer.forward(rows, &x, &mut y);
                layer.forward_saving(rows, &x, &mut saving, &mut slope);
                assert_eq!(y, saving);
                for (a, b) in y.iter().zip(reference(&layer, rows, &x)) {
                    assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn backward_matches_direct_sums_and_adds() {
        for [rows, inputs, outputs] in SIZES {
            let (weight, bias) = (noise(inputs * outputs, 1), noise(outputs, 2));
            let (x, dy) = (noise(rows * inputs, 3), noise(rows * outputs, 4));
            let activation = Some(Activation::Silu);
            let layer = Linear {
                inputs,
                outputs,
                weight: &weight,
                bias: &bias,
                activation,
                precision: ProductPrecision::F32,
            };
            let (mut y, mut slope) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
            layer.forward_saving(rows, &x, &mut y, &mut slope);
            let (mut gw, mut gb) = (vec![1.0; weight.len()], vec![-1.0; outputs]);
            let (mut delta, mut dx) = (dy.clone(), vec![f32::NAN; x.len()]);
            let into = LinearGradient { weight: &mut gw, bias: &mut gb };
            layer.backward(rows, (&x, &slope), &mut delta, into, Some((0.0, &mut dx)));
            let dz: Vec<f64> =
                dy.iter().zip(&slope).map(|(d, s)| f64::from(*d) * f64::from(*s)).collect();
            let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 5e-5;
            for j in 0..outputs {
                let column = |i: usize| dz[i * outputs + j];
                assert!(near(gb[j], (0..rows).map(column).sum::<f64>() - 1.0));
                for p in 0..inputs {
                    let sum: f64 =
                        (0..rows).map(|i| column(i) * f64::from(x[i * inputs + p])).sum();
                    assert!(near(gw[j * inputs + p], sum + 1.0));
                }
            }
            for (e, &d) in dx.iter().enumerate() {
                let (i, p) = (e / inputs, e % inputs);
                let term = |j: usize| dz[i * outputs + j] * f64::from(weight[j * inputs + p]);
                assert!(near(d, (0..outputs).map(term).sum()));
            }
        }
    }
}
