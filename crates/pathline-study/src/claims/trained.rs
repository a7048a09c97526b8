//! The trained networks of Fashion-MNIST that claims are measured on: a claim about networks is one about
//! more than one of them.

use std::sync::Arc;

use pathline::VelocityField;
use pathline::kernels::ProductPrecision;
use pathline_nn::{Network, NetworkField};

use super::evidence::Columns;
use super::lab::Lab;
use crate::embedded::{embedded_model, embedded_transformer};
use crate::error::Error;
use crate::in_turn::{classes_in_turn, told_in_turn};

/// A network that comes with Pathline.
pub(super) struct Trained {
    /// What settings on it are called after.
    pub(super) name: &'static str,
    load: fn() -> Result<Arc<dyn Network>, Error>,
    /// In which numbers its products multiply where it is sampled.
    precision: ProductPrecision,
    /// Too slow for a quick measurement.
    full_only: bool,
}

pub(super) static TRANSFORMER: Trained = Trained {
    name: "transformer",
    load: embedded_transformer,
    precision: ProductPrecision::F32,
    full_only: false,
};

pub(super) static U_NET: Trained = Trained {
    name: "U-Net",
    load: embedded_model,
    precision: ProductPrecision::Bf16,
    full_only: true,
};

pub(super) static TRAINED: [&Trained; 2] = [&TRANSFORMER, &U_NET];

impl Trained {
    /// The name of the setting that is about it alone.
    pub(super) fn setting(&self) -> String {
        format!("Fashion-MNIST, {}", self.name)
    }

    pub(super) fn network(&self) -> Result<Arc<dyn Network>, Error> {
        (self.load)()
    }

    /// The network told [classes in turn](crate::in_turn), under guidance of this scale (1 for none).
    pub(super) fn field(&self, scale: f64) -> Result<Arc<dyn VelocityField>, Error> {
        told_in_turn(self.precision, &self.network()?, 0, scale)
    }

    /// The classes that [`Trained::field`] tells samples, as a column.
    pub(super) fn class_column(&self, samples: usize) -> Result<Vec<f64>, Error> {
        let classes = classes_in_turn(self.network()?.classes(), 0, samples);
        Ok(classes.into_iter().map(f64::from).collect())
    }

    /// The network told no class.
    pub(super) fn untold(&self) -> Result<NetworkField, Error> {
        Ok(NetworkField::new(self.network()?).in_precision(self.precision))
    }

    /// The same with products in single precision, for what divides differences by small steps.
    pub(super) fn in_f32(&self) -> Self {
        Self { precision: ProductPrecision::F32, ..*self }
    }

    /// What it is, for the page of a claim, with the fingerprint that its parameters have today: numbers of
    /// another network are seen to be that.
    pub(super) fn about(&self) -> Result<String, Error> {
        let print = self.network()?.parameters().fingerprint();
        let how = match self.precision {
            ProductPrecision::F32 => "",
            ProductPrecision::Bf16 => ", products in bf16",
        };
        Ok(format!("the embedded {} ({print:016x}{how})", self.name))
    }

    /// Measures a setting of this network, unless it was measured before, or little work is wanted and the network
    /// is a slow one. `how` goes on after what the network is.
    pub(super) fn measured(
        &self,
        lab: &mut Lab<'_>,
        name: &str,
        how: &str,
        work: impl FnOnce(&mut dyn FnMut(f64)) -> Result<Columns, Error>,
    ) -> Result<(), Error> {
        if self.full_only && lab.leaves_out(name) {
            return Ok(());
        }
        // Known before the network is read for its fingerprint.
        if lab.has(name) {
            lab.pass(name);
            return Ok(());
        }
        lab.setting(name, format!("{}{how}", self.about()?), work)
    }
}
