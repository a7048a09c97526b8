//! A network that is a formula, and shows what it was given to learn from.

#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own share")]

use std::sync::{Arc, Mutex};

use pathline::field::Conditions;
use pathline::{At, Error, RowsMut, Shape};
use pathline_nn::{
    Activation, MlpConfig, Network, NetworkConfig, Parameters, Scratch, Tensors, TrainingBatch,
};

/// What a row was learnt from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) class: Option<u32>,
    pub(crate) t: f64,
    pub(crate) x: Vec<f32>,
    pub(crate) wanted: Vec<f32>,
    pub(crate) weight: Option<f64>,
}

/// `o = f(t, x, class)` elementwise; knows `classes` classes, and learns nothing.
pub(crate) struct Formula {
    pub(crate) shape: Shape,
    pub(crate) classes: usize,
    pub(crate) formula: fn(f64, f64, Option<u32>) -> f64,
    pub(crate) seen: Arc<Mutex<Vec<Row>>>,
    parameters: Parameters,
}

impl Formula {
    pub(crate) fn new(
        shape: Shape,
        classes: usize,
        formula: fn(f64, f64, Option<u32>) -> f64,
    ) -> Self {
        let tensors = Tensors::from([("unused".to_owned(), (vec![1], vec![0.0]))]);
        let parameters = Parameters::from_tensors(&tensors).unwrap();
        Self { shape, classes, formula, seen: Arc::default(), parameters }
    }
}

impl Network for Formula {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn config(&self) -> NetworkConfig {
        let (shape, hidden) = (self.shape.clone(), vec![]);
        NetworkConfig::Mlp(MlpConfig { shape, hidden, activation: Activation::Relu })
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn parameter_values_mut(&mut self) -> &mut [f32] {
        self.parameters.as_mut_slice()
    }

    fn duplicate(&self) -> Box<dyn Network> {
        Box::new(Self::new(self.shape.clone(), self.classes, self.formula))
    }

    fn forward(
        &self,
        at: &At<'_>,
        conditions: &Conditions,
        mut out: RowsMut<'_>,
        _: &mut Scratch,
    ) -> Result<(), Error> {
        for (i, x) in at.x.iter().enumerate() {
            let class = conditions.of(at.samples.at(i));
            for (out, &x) in out.row(i).iter_mut().zip(x) {
                *out = (self.formula)(at.t.at(i), f64::from(x), class) as f32;
            }
        }
        Ok(())
    }

    fn gradient(
        &self,
        batch: &TrainingBatch<'_>,
        into: &mut [f32],
        _: &mut Scratch,
    ) -> Result<f64, Error> {
        into.fill(0.0);
        let at = &batch.at;
        let rows = (0..at.x.len()).map(|i| Row {
            class: batch.conditions.of(at.samples.at(i)),
            t: at.t.at(i),
            x: at.x.row(i).to_vec(),
            wanted: batch.target.row(i).to_vec(),
            weight: batch.weights.map(|w| w[i]),
        });
        self.seen.lock().unwrap().extend(rows);
        Ok(0.0)
    }
}
