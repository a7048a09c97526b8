//! The trained networks of Fashion-MNIST that claims are measured on: a claim about networks is one about
//! more than one of them.

use std::sync::Arc;

use pathline::VelocityField;
use pathline::kernels::ProductPrecision;
use pathline_nn::{Network, NetworkField};

use crate::embedded::{embedded_model, embedded_transformer};
use crate::error::Error;
use crate::in_turn::told_in_turn;

/// A network that comes with Pathline.
pub(super) struct Trained {
    /// What settings on it are called after.
    pub(super) name: &'static str,
    load: fn() -> Result<Arc<dyn Network>, Error>,
    /// In which numbers its products multiply where it is sampled.
    precision: ProductPrecision,
    /// Too slow for a quick measurement.
    pub(super) full_only: bool,
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

    /// The same with products in single precision, for what divides differences by small steps.
    pub(super) fn precise_field(&self, scale: f64) -> Result<Arc<dyn VelocityField>, Error> {
        told_in_turn(ProductPrecision::F32, &self.network()?, 0, scale)
    }

    /// The network told no class.
    pub(super) fn untold(&self) -> Result<NetworkField, Error> {
        Ok(NetworkField::new(self.network()?).in_precision(self.precision))
    }

    /// What it is, for the page of a claim, with the fingerprint that its parameters have today: numbers of
    /// another network are seen to be that.
    pub(super) fn about(&self) -> Result<String, Error> {
        self.about_in(self.precision)
    }

    /// The same of a [`Trained::precise_field`].
    pub(super) fn about_precise(&self) -> Result<String, Error> {
        self.about_in(ProductPrecision::F32)
    }

    fn about_in(&self, precision: ProductPrecision) -> Result<String, Error> {
        let print = self.network()?.parameters().fingerprint();
        let how = match precision {
            ProductPrecision::F32 => "",
            ProductPrecision::Bf16 => ", products in bf16",
        };
        Ok(format!("the embedded {} ({print:016x}{how})", self.name))
    }
}
