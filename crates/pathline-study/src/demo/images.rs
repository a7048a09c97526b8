//! The demo's images, its exact field over them, and how they are drawn.

use std::sync::Arc;

use pathline::field::{Conditions, EmpiricalField};
use pathline::schedule::CondOt;
use pathline::{Batch, VelocityField};
use pathline_data::{DataSet, fashion_mnist};
use pathline_view::Image;

use crate::error::Error;

/// The embedded images: those that the field knows, and real ones it does not.
pub(super) struct Images {
    pub(super) train: DataSet,
    pub(super) held_out: DataSet,
    field: EmpiricalField,
}

impl Images {
    pub(super) fn load() -> Result<Self, Error> {
        let (train, held_out) = (fashion_mnist::train()?, fashion_mnist::held_out()?);
        let labels = train.labels.clone().unwrap_or_default();
        let field = EmpiricalField::with_classes(&train.batch, &labels, Arc::new(CondOt))?;
        Ok(Self { train, held_out, field })
    }

    /// The class of training image `i`.
    pub(super) fn label(&self, i: usize) -> u32 {
        self.train.labels.as_ref().and_then(|l| l.get(i).copied()).unwrap_or_default()
    }

    /// The exact field in which sample `i` has class `(i + shift) mod 10`.
    pub(super) fn by_class(&self, shift: u32) -> Result<Arc<dyn VelocityField>, Error> {
        let classes: Vec<u32> = (0..10).map(|c| (c + shift) % 10).collect();
        Ok(Arc::new(self.field.conditioned(Conditions::Cycle(classes.into()))?))
    }
}

/// Name of a class.
pub(super) fn class_name(class: u32) -> &'static str {
    fashion_mnist::CLASS_NAMES.get(class as usize).copied().unwrap_or("unknown")
}

/// One row of a batch as a picture: dark on light, as the garments are easier to see.
pub(super) fn picture(batch: &Batch, row: usize, label: impl Into<String>) -> Image {
    let shade = |v: &f32| (255.0 - (v.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8;
    Image::gray(batch.row(row).iter().map(shade).collect(), 28, 28, label)
}
