//! One check for every operation: values and gradients against a plain one in double precision.

use pathline::field::Conditions;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times};

use crate::graph::operation::{Back, Call, Extent, Operation, Packed, Packing, Place, Work};
use pathline::kernels::ProductPrecision;

/// An operation, its extents, and how near it must come to its reference.
pub(super) struct Check<'a> {
    pub(super) operation: &'a dyn Operation,
    pub(super) inputs: Vec<Extent>,
    pub(super) output: Extent,
    pub(super) parameters: usize,
    pub(super) samples: usize,
    pub(super) precision: ProductPrecision,
}

/// At most this many gradient entries of one value are looked at, spread evenly and out of step with its rows.
const ENTRIES: usize = 40;

/// The class of sample `i` is `CLASSES[i % 4]`; the last is beyond any table, and so without a class.
pub(super) const CLASSES: [u32; 4] = [1, 0, 1, 1000];

/// The time of sample `i`; those of two neighbours are the same, then there is another.
pub(super) fn time(i: usize) -> f64 {
    0.1 + 0.07 * (i / 2) as f64
}

/// Parameters, inputs, and what forward kept with the gradient at the output.
type Given<'a> = (&'a [f32], &'a [Vec<f32>], (&'a [f32], &'a [f32]));
/// Of the parameters and of each input.
type Gradients = (Vec<f32>, Vec<Vec<f32>>);

pub(super) fn noise(n: usize, tag: u64) -> Vec<f32> {
    let mut out = vec![0.0; n];
    Seed(17).normal(Purpose::Data, tag, 0, &mut out);
    out
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

impl Check<'_> {
    /// Noise, in `bf16` of few enough bits that no factor of a product is rounded.
    fn noise(&self, n: usize, tag: u64) -> Vec<f32> {
        let mut values = noise(n, tag);
        if self.precision == ProductPrecision::Bf16 {
            values.iter_mut().for_each(|v| *v = (*v * 8.0).round() / 8.0);
        }
        values
    }

    fn values(&self, extent: Extent) -> usize {
        extent.elements() * self.samples
    }

    fn data(&self) -> (Vec<f32>, Vec<Vec<f32>>) {
        let inputs = self.inputs.iter().enumerate().map(|(i, extent)| {
            let mut values = self.noise(self.values(*extent), 2 + i as u64);
            values.resize(extent.buffer(self.samples), 0.5);
            values
        });
        (self.noise(self.parameters, 1), inputs.collect())
    }

    fn call<R>(
        &self,
        parameters: &[f32],
        (training, samples): (bool, usize),
        run: impl FnOnce(&Call<'_>) -> R,
    ) -> R {
        let states = Batch::zeros(self.samples, Shape::vector(1));
        let times: Vec<f64> = (0..self.samples).map(time).collect();
        let samples_of = Samples::first(self.samples);
        let at = At::new(samples_of, Times::Each(&times), states.rows()).unwrap();
        let (conditions, precision) = (Conditions::Cycle(CLASSES.into()), self.precision);
        let mut packed = Packed::default();
        let how = Packing { precision, forward: true, backward: training };
        self.operation.pack(parameters, how, &mut packed);
        let packed = [packed];
        let how = (precision, training);
        run(&Call::new((&at, &conditions), parameters, how, &packed).block(0, samples))
    }

    fn output(&self, parameters: &[f32], inputs: &[Vec<f32>], training: bool) -> [Vec<f32>; 2] {
        let mut output = vec![0.25; self.output.buffer(self.samples)];
        let kept = if training { self.operation.kept() * self.samples } else { 0 };
        let mut kept = vec![f32::NAN; kept];
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        self.call(parameters, (training, self.samples), |call| {
            let mut work = Work::default();
            self.operation.forward(call, &inputs, &mut output, &mut kept, &mut work);
            // A second time, with whatever the first left in the working memory.
            self.operation.forward(call, &inputs, &mut output, &mut kept, &mut work);
            [output.clone(), kept.clone()]
        })
    }

    /// Compares with `reference(parameters, inputs)`, whose gradients are central differences.
    pub(super) fn run(&self, near: f64, reference: impl Fn(&[f64], &[Vec<f64>]) -> Vec<f64>) {
        let (parameters, inputs) = self.data();
        let exact = |p: &[f32], x: &[Vec<f32>]| {
            let x = x.iter().zip(&self.inputs).map(|(x, e)| double(&x[..self.values(*e)]));
            (double(p), x.collect::<Vec<_>>())
        };
        let (p, x) = exact(&parameters, &inputs);
        let wanted = reference(&p, &x);
        let written = self.values(self.output);
        assert_eq!(wanted.len(), written);
        let [output, kept] = self.output(&parameters, &inputs, true);
        let [inference, _] = self.output(&parameters, &inputs, false);
        for values in [&output, &inference] {
            for (i, (a, b)) in values.iter().zip(&wanted).enumerate() {
                assert!((f64::from(*a) - b).abs() < near * (1.0 + b.abs()), "{i}: {a} {b}");
            }
        }
        for add in [false, true] {
            let delta = self.noise(self.output.buffer(self.samples), 9);
            let loss = |p: &[f64], x: &[Vec<f64>]| -> f64 {
                reference(p, x).iter().zip(&delta).map(|(y, d)| y * f64::from(*d)).sum()
            };
            let given = (&parameters[..], &inputs[..], (&kept[..], &delta[..]));
            let everything = vec![true; inputs.len()];
            let found = self.backward(given, (&everything, add));
            self.some_unasked(given, &found, add);
            let (gradient, arrived) = found;
            let start = f64::from(u8::from(add));
            let compare = |what: &str, found: f32, at: &mut dyn FnMut(f64) -> f64| {
                let h = 1e-4;
                let slope = (at(h) - at(-h)) / (2.0 * h);
                let found = f64::from(found) - start;
                assert!(
                    (found - slope).abs() < near * (2.0 + slope.abs()),
                    "{what}: {found} {slope}"
                );
            };
            for i in spread(self.parameters) {
                compare(&format!("parameter {i}"), gradient[i], &mut |h| {
                    let mut p = p.clone();
                    p[i] += h;
                    loss(&p, &x)
                });
            }
            for (k, arrived) in arrived.iter().enumerate() {
                for i in spread(x[k].len()) {
                    compare(&format!("input {k}, {i}"), arrived[i], &mut |h| {
                        let mut x = x.clone();
                        x[k][i] += h;
                        loss(&p, &x)
                    });
                }
            }
        }
        self.alone(&parameters, &inputs, &inference);
    }

    /// Where nobody asks for the gradient at one input, the others are as they were.
    fn some_unasked(&self, given: Given<'_>, (gradient, arrived): &Gradients, add: bool) {
        for unasked in 0..self.inputs.len() {
            let asked: Vec<bool> = (0..self.inputs.len()).map(|k| k != unasked).collect();
            let (same, others) = self.backward(given, (&asked, add));
            assert_eq!(bits(&same), bits(gradient), "parameters without input {unasked}");
            for k in (0..self.inputs.len()).filter(|k| asked[*k]) {
                let n = self.values(self.inputs[k]);
                let (found, wanted) = (bits(&others[k][..n]), bits(&arrived[k][..n]));
                assert_eq!(found, wanted, "input {k} without input {unasked}");
            }
        }
    }

    fn backward(
        &self,
        (parameters, inputs, (kept, delta)): Given<'_>,
        (asked, add): (&[bool], bool),
    ) -> Gradients {
        let start = f32::from(u8::from(add));
        let before = if add { 1.0 } else { f32::NAN };
        let mut arrived: Vec<_> = inputs.iter().map(|x| vec![before; x.len()]).collect();
        let mut gradient = vec![start; self.parameters];
        let mut delta = delta.to_vec();
        let views: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let places = arrived.iter_mut().zip(asked);
        let mut into: Vec<_> =
            places.map(|(values, asked)| asked.then_some(Place { values, add })).collect();
        let mut sums = vec![0.0; self.operation.sums(self.precision)];
        let back = Back {
            inputs: &views,
            kept,
            delta: &mut delta,
            into: &mut into,
            gradient: &mut gradient,
            sums: &mut sums,
        };
        self.call(parameters, (true, self.samples), |call| {
            self.operation.backward(call, back, &mut Work::default());
        });
        self.operation.finish(self.precision, &mut sums, &mut gradient);
        if self.operation.passes() {
            arrived[0] = delta.iter().map(|d| d + start).collect();
        }
        (gradient, arrived)
    }

    /// The first sample of a block has the same bytes when it is the only one.
    fn alone(&self, parameters: &[f32], inputs: &[Vec<f32>], whole: &[f32]) {
        let one =
            Self { operation: self.operation, inputs: self.inputs.clone(), samples: 1, ..*self };
        let first: Vec<Vec<f32>> = inputs
            .iter()
            .zip(&self.inputs)
            .map(|(x, e)| {
                let mut first = vec![-0.75; e.buffer(1)];
                first[..e.elements()].copy_from_slice(&x[..e.elements()]);
                first
            })
            .collect();
        let [output, _] = one.output(parameters, &first, false);
        let elements = self.output.elements();
        assert_eq!(bits(&output[..elements]), bits(&whole[..elements]));
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// All of few entries. Of many the multiples of the golden section: a fixed step could meet one channel only.
fn spread(entries: usize) -> impl Iterator<Item = usize> {
    let among =
        move |k: usize| ((k as f64 * 0.618_033_988_749_895).fract() * entries as f64) as usize;
    (0..entries.min(ENTRIES)).map(move |k| if entries <= ENTRIES { k } else { among(k) })
}
